//! The baselines: interpolation of the measured bins.

use super::finish;
use crate::Error;
use crate::Result;
use crate::dataset::Dataset;
use crate::section::{Interpolation, Raster};

/// How bins are predicted without a fitted network.
pub type Method = Interpolation;

/// The prediction of `gene` by interpolation, [rows, cols]: NaN outside the tissue.
///
/// [`Error::Usage`] for bicubic interpolation of a section whose measured bins lie on no lattice.
pub fn baseline(dataset: &Dataset, gene: &str, method: Method) -> Result<Raster<f32>> {
    let sampling = dataset.sampling();
    if method == Interpolation::Bicubic && sampling.lattice().is_none() {
        return Err(Error::Usage(format!(
            "--method bicubic: needs bins on a lattice, but those of {} are {}. Use nearest or bilinear",
            dataset.manifest().sample,
            sampling.pattern()
        )));
    }
    let values = dataset.measured_values(gene)?;
    let dense = sampling.interpolate(method, &values, dataset.tissue());
    Ok(finish(dense, &values, sampling, dataset.tissue()))
}
