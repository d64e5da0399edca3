//! The baselines: interpolation of the measured bins, without a fitted network. None of them reads a bin that was not
//! measured, and measured bins outside the tissue have no weight.

use super::finish;
use super::method::Baseline;
use crate::Error;
use crate::Result;
use crate::dataset::Dataset;
use crate::section::{Interpolation, Lags, Raster, Sampling, Variogram, empirical_variogram, inverse_distance, krige};

/// The prediction of `gene` by interpolation, [rows, cols]: NaN outside the tissue.
///
/// [`Error::Usage`] for bicubic interpolation of a section whose measured bins lie on no lattice.
pub(crate) fn baseline(dataset: &Dataset, gene: &str, method: Baseline) -> Result<Raster<f32>> {
    let sampling = dataset.sampling();
    if method == Baseline::Bicubic && sampling.lattice().is_none() {
        return Err(Error::Usage(format!(
            "--method bicubic: needs bins on a lattice, but those of {} are {}. Use bilinear, idw or kriging",
            dataset.manifest().sample,
            sampling.pattern()
        )));
    }
    let values = dataset.measured_values(gene)?;
    let dense = interpolated(method, &values, sampling, dataset.tissue());
    Ok(finish(dense, &values, sampling, dataset.tissue()))
}

/// `values` of the measured bins in `tissue`, all [rows, cols], on the whole grid.
fn interpolated(method: Baseline, values: &Raster<f32>, sampling: &Sampling, tissue: &Raster<bool>) -> Raster<f32> {
    let known =
        || Raster::from_fn(tissue.rows(), tissue.cols(), |row, col| tissue[(row, col)] && sampling.measures(row, col));
    match method {
        Baseline::Nearest => sampling.interpolate(Interpolation::Nearest, values, tissue),
        Baseline::Bilinear => sampling.interpolate(Interpolation::Bilinear, values, tissue),
        Baseline::Bicubic => sampling.interpolate(Interpolation::Bicubic, values, tissue),
        Baseline::Idw => inverse_distance(values, &known()),
        Baseline::Kriging => kriging(values, sampling, &known()),
    }
}

/// Ordinary kriging with the variogram of the `known` values. A gene whose values are all the same has none, and stays so.
fn kriging(values: &Raster<f32>, sampling: &Sampling, known: &Raster<bool>) -> Raster<f32> {
    // How far apart measured bins are: S on a lattice.
    let spacing = sampling.rate().map_or(sampling.nominal().scale.get() as f64, |rate| rate.sqrt().recip());
    let lags = empirical_variogram(values, known, Lags::Classes { spacing });
    match Variogram::fit(&lags) {
        Some(variogram) => krige(values, known, &variogram),
        None => inverse_distance(values, known),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::{Lattice, Pattern, Scale};
    use proptest::prelude::*;

    fn rasters() -> impl Strategy<Value = (Raster<f32>, Raster<bool>, Sampling)> {
        (3..16_usize, 3..16_usize, 2..4_usize, any::<bool>()).prop_flat_map(|(rows, cols, scale, regular)| {
            let values = prop::collection::vec(0.0..5.0_f32, rows * cols);
            let tissue = prop::collection::vec(prop::bool::weighted(0.7), rows * cols);
            let measured = prop::collection::vec(prop::bool::weighted(0.3), rows * cols);
            (values, tissue, measured).prop_map(move |(values, tissue, measured)| {
                let lattice = Lattice::new(Scale::new(scale).unwrap());
                let listed = Pattern::Listed { bins: 0, sha256: String::new() };
                let measured = Raster::from_vec(rows, cols, measured).unwrap();
                let irregular = Sampling::of(lattice, listed, measured);
                let sampling = if regular { Sampling::regular(lattice, rows, cols) } else { irregular };
                let raster = |values| Raster::from_vec(rows, cols, values).unwrap();
                (raster(values), Raster::from_vec(rows, cols, tissue).unwrap(), sampling)
            })
        })
    }

    proptest! {
        /// Withheld bins are NaN, and measured ones outside the tissue too: neither leaves a trace.
        #[test]
        fn no_bin_but_the_measured_ones_in_tissue_is_read((values, tissue, sampling) in rasters()) {
            let spoilt = Raster::from_fn(values.rows(), values.cols(), |row, col| {
                let known = sampling.measures(row, col) && tissue[(row, col)];
                if known { values[(row, col)] } else { f32::NAN }
            });
            let all = [Baseline::Nearest, Baseline::Bilinear, Baseline::Bicubic, Baseline::Idw, Baseline::Kriging];
            for method in all.into_iter().filter(|one| *one != Baseline::Bicubic || sampling.lattice().is_some()) {
                let clean = interpolated(method, &values, &sampling, &tissue);
                prop_assert_eq!(&interpolated(method, &spoilt, &sampling, &tissue), &clean, "{:?}", method);
                prop_assert!(clean.values().iter().all(|value| value.is_finite()), "{:?}", method);
            }
        }
    }

    #[test]
    fn a_gene_without_variance_stays_as_it_is() {
        let sampling = Sampling::regular(Lattice::new(Scale::new(2).unwrap()), 8, 9);
        for value in [0.0, 1.5] {
            let values = Raster::from_fn(8, 9, |row, col| if sampling.measures(row, col) { value } else { f32::NAN });
            let found = interpolated(Baseline::Kriging, &values, &sampling, &values.map(|_| true));
            assert!(found.values().iter().all(|found| (found - value).abs() < 1e-6));
        }
    }
}
