//! What is known of every bin of a prediction beside its value.

use crate::calibration::{Features, Layout, local_variance};
use crate::dataset::Dataset;
use crate::section::Raster;

/// The features of every in-tissue bin [rows, cols]: its predicted `values`, their `spread` over turns and windows, and the
/// variance of the `measured` bins around it.
pub(super) fn features(
    dataset: &Dataset,
    measured: &Raster<f32>,
    values: &Raster<f32>,
    spread: &Raster<f32>,
) -> Raster<Option<Features>> {
    let (sampling, tissue) = (dataset.sampling(), dataset.tissue());
    let known = dataset.measured_tissue();
    let local = match sampling.lattice() {
        Some(lattice) => local_variance(&lattice.subsample(measured), &known, Layout::Lattice(lattice), tissue.shape()),
        None => local_variance(measured, &known, Layout::Scattered(sampling.spacing()), tissue.shape()),
    };
    Raster::from_fn(tissue.rows(), tissue.cols(), |row, col| {
        let at = (row, col);
        let number = |map: &Raster<f32>| f64::from(map[at]);
        tissue[at].then(|| Features { level: number(values), local: number(&local), spread: number(spread) })
    })
}
