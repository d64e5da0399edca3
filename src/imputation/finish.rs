//! What every prediction ends with (§6 of the method).

use crate::section::{Raster, Sampling};

/// Puts the `measured` values [rows, cols] back exactly, clamps predictions at 0, and leaves bins outside the tissue without a value (NaN).
pub fn finish(dense: Raster<f32>, measured: &Raster<f32>, sampling: &Sampling, tissue: &Raster<bool>) -> Raster<f32> {
    Raster::from_fn(tissue.rows(), tissue.cols(), |row, col| {
        if !tissue[(row, col)] {
            f32::NAN
        } else if sampling.measures(row, col) {
            measured[(row, col)]
        } else {
            dense[(row, col)].max(0.0)
        }
    })
}
