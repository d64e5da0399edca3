//! What serial sections say of a gene.

use crate::Result;
use crate::dataset::{Dataset, Neighbour};
use crate::guides::around;
use crate::section::Raster;

/// The serial sections of a dataset, with what all genes need of them.
pub(super) struct Beside {
    /// Each with its components [rows, cols].
    sections: Vec<(Neighbour, Vec<Raster<f32>>)>,
}

impl Beside {
    pub(super) fn new(dataset: &Dataset) -> Result<Self> {
        let with = |neighbour: Neighbour| {
            let other = neighbour.dataset();
            let components = other.component_maps(other.manifest().components.len())?;
            Ok((neighbour, components))
        };
        Ok(Beside { sections: dataset.neighbours()?.into_iter().map(with).collect::<Result<_>>()? })
    }

    /// Guides of a gene, maps of the whole grid [rows, cols], NaN where there is no value. Of each section that measured it: its values,
    /// their mean around, and what the other section's components say of it there, which is less noisy than counts; of several sections
    /// also the means of these, nearer sections more.
    pub(super) fn guides(&self, gene: &str) -> Result<Vec<Raster<f32>>> {
        let of = |(neighbour, components): &(Neighbour, Vec<Raster<f32>>)| {
            let Some(values) = neighbour.gene(gene)? else { return Ok(None) };
            let fitted =
                neighbour.laid(&fitted(neighbour.dataset(), &neighbour.dataset().measured_values(gene)?, components));
            Ok(Some((neighbour.entry.distance_um, [around(&values), values, fitted])))
        };
        let found: Vec<_> = self.sections.iter().map(of).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        let means = (found.len() > 1).then(|| {
            [0, 1, 2].map(|which| {
                let maps: Vec<_> = found.iter().map(|(distance, maps)| (weight(*distance), &maps[which])).collect();
                mean(&maps)
            })
        });
        Ok(found.into_iter().flat_map(|(_, maps)| maps).chain(means.into_iter().flatten()).collect())
    }
}

/// Sections weigh by the inverse of their distance, in µm; all the same where it is not known.
fn weight(distance_um: Option<f64>) -> f64 {
    distance_um.map_or(1.0, |um| um.abs().max(1.0).recip())
}

/// The weighted mean of the maps that have a value.
fn mean(maps: &[(f64, &Raster<f32>)]) -> Raster<f32> {
    let (rows, cols) = maps[0].1.shape();
    Raster::from_fn(rows, cols, |row, col| {
        let known = maps.iter().filter(|(_, map)| map[(row, col)].is_finite());
        let (sum, weights) = known.fold((0.0, 0.0), |(sum, weights), (weight, map)| {
            (sum + weight * f64::from(map[(row, col)]), weights + weight)
        });
        (sum / weights) as f32
    })
}

/// The regression of a gene's `values` [rows, cols] on the components in the measured tissue bins, which have mean 0, variance 1 and no correlation there.
fn fitted(dataset: &Dataset, values: &Raster<f32>, components: &[Raster<f32>]) -> Raster<f32> {
    let (rows, cols) = values.shape();
    let bins = (0..rows * cols).map(|i| (i / cols, i % cols));
    let known: Vec<_> =
        bins.filter(|bin| dataset.tissue()[*bin] && dataset.sampling().measures(bin.0, bin.1)).collect();
    let over =
        |of: &dyn Fn((usize, usize)) -> f64| known.iter().map(|bin| of(*bin)).sum::<f64>() / known.len().max(1) as f64;
    let mean = over(&|bin| f64::from(values[bin]));
    let slope = |map: &Raster<f32>| over(&|bin| f64::from(map[bin]) * (f64::from(values[bin]) - mean));
    let slopes: Vec<f64> = components.iter().map(slope).collect();
    let mut fitted = Raster::filled(rows, cols, 0.0);
    for bin in known {
        let said: f64 = components.iter().zip(&slopes).map(|(map, slope)| slope * f64::from(map[bin])).sum();
        fitted[bin] = (mean + said) as f32;
    }
    fitted
}
