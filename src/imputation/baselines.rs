//! The baselines: interpolation of the measured bins.

use super::finish;
use crate::Result;
use crate::dataset::Dataset;
use crate::section::{Interpolation, Raster, interpolate};

/// How bins are predicted without a fitted network.
pub type Method = Interpolation;

/// The prediction of `gene` by interpolation, [rows, cols]: NaN outside the tissue.
pub fn baseline(dataset: &Dataset, gene: &str, method: Method) -> Result<Raster<f32>> {
    let values = dataset.values(gene)?;
    let (rows, cols) = dataset.tissue().shape();
    let dense = interpolate(method, dataset.lattice(), &values, &dataset.measured_tissue(), rows, cols);
    Ok(finish(dense, &values, dataset.lattice(), dataset.tissue()))
}
