//! The baselines: interpolation of the measured bins, without a fitted network. None of them reads a bin that was not
//! measured, and measured bins outside the tissue have no weight.

use super::finish;
use crate::Error;
use crate::Result;
use crate::dataset::Dataset;
use crate::experts::{Experts, Panel};
use crate::section::{Interpolation, Lags, Raster, Sampling, Variogram, empirical_variogram, inverse_distance, krige};
use std::fmt;
use std::str::FromStr;

/// How bins are predicted without a fitted network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The measured bin of the same block.
    Nearest,
    /// Distance-weighted mean of the four measured bins around.
    Bilinear,
    /// Cubic convolution of the sixteen measured bins around.
    Bicubic,
    /// Inverse distance weighting: mean of the 12 nearest measured bins by 1 / distance².
    Idw,
    /// Ordinary kriging of the 16 nearest measured bins, with an exponential variogram and a nugget fitted to each gene.
    Kriging,
    /// Measured bins averaged with those most alike in expression and surroundings, then bilinear.
    Smoothed,
    /// Cokriging of the gene with the panel's first eight components.
    Cokriging,
    /// Mean of a regression forest on what the surroundings say of the panel's components.
    Forest,
    /// Mean of smoothed, cokriging and forest, with the forest's median and intervals: the best without a fitted network.
    Blend,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let found = Method::ALL.into_iter().find(|method| method.name() == text);
        found.ok_or_else(|| format!("expected one of {}", Method::ALL.map(Method::name).join(", ")))
    }
}

impl Method {
    /// Every method.
    pub const ALL: [Method; 9] = [
        Method::Nearest,
        Method::Bilinear,
        Method::Bicubic,
        Method::Idw,
        Method::Kriging,
        Method::Smoothed,
        Method::Cokriging,
        Method::Forest,
        Method::Blend,
    ];

    /// Its name, as `--method` and stores have it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Nearest => "nearest",
            Method::Bilinear => "bilinear",
            Method::Bicubic => "bicubic",
            Method::Idw => "idw",
            Method::Kriging => "kriging",
            Method::Smoothed => "smoothed",
            Method::Cokriging => "cokriging",
            Method::Forest => "forest",
            Method::Blend => "blend",
        }
    }

    /// Whether it reads the whole panel, not only the gene.
    pub fn is_expert(self) -> bool {
        matches!(self, Method::Smoothed | Method::Cokriging | Method::Forest | Method::Blend)
    }
}

/// The prediction of `gene` by interpolation, [rows, cols]: NaN outside the tissue.
///
/// [`Error::Usage`] for bicubic interpolation of a section whose measured bins lie on no lattice.
pub(super) fn baseline(dataset: &Dataset, gene: &str, method: Method) -> Result<Raster<f32>> {
    let sampling = dataset.sampling();
    if method == Method::Bicubic && sampling.lattice().is_none() {
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
fn interpolated(method: Method, values: &Raster<f32>, sampling: &Sampling, tissue: &Raster<bool>) -> Raster<f32> {
    let known =
        || Raster::from_fn(tissue.rows(), tissue.cols(), |row, col| tissue[(row, col)] && sampling.measures(row, col));
    match method {
        Method::Nearest => sampling.interpolate(Interpolation::Nearest, values, tissue),
        Method::Bilinear => sampling.interpolate(Interpolation::Bilinear, values, tissue),
        Method::Bicubic => sampling.interpolate(Interpolation::Bicubic, values, tissue),
        Method::Idw => inverse_distance(values, &known()),
        Method::Kriging => kriging(values, sampling, &known()),
        Method::Smoothed | Method::Cokriging | Method::Forest | Method::Blend => {
            let panel = Panel { sampling, tissue, components: Vec::new(), variances: Vec::new() };
            let found = Experts::new(panel).predict(values, 0.9, 0);
            found.map_or_else(|| tissue.map(|_| 0.0), |found| found.mean.map(|value| value.max(0.0)))
        }
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
            let methods = Method::ALL.iter().filter(|m| **m != Method::Bicubic || sampling.lattice().is_some());
            for method in methods {
                let clean = interpolated(*method, &values, &sampling, &tissue);
                prop_assert_eq!(&interpolated(*method, &spoilt, &sampling, &tissue), &clean, "{:?}", method);
                prop_assert!(clean.values().iter().all(|value| value.is_finite()), "{:?}", method);
            }
        }
    }

    #[test]
    fn a_gene_without_variance_stays_as_it_is() {
        let sampling = Sampling::regular(Lattice::new(Scale::new(2).unwrap()), 8, 9);
        for value in [0.0, 1.5] {
            let values = Raster::from_fn(8, 9, |row, col| if sampling.measures(row, col) { value } else { f32::NAN });
            let found = interpolated(Method::Kriging, &values, &sampling, &values.map(|_| true));
            assert!(found.values().iter().all(|found| (found - value).abs() < 1e-6));
        }
    }
}
