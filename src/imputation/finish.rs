//! What every prediction ends with (§6 of the method).

use crate::section::{Lattice, Raster};

/// Puts the measured values back exactly, clamps predictions at 0, and leaves bins outside the tissue without a value (NaN).
pub fn finish(dense: Raster<f32>, measured: &Raster<f32>, lattice: Lattice, tissue: &Raster<bool>) -> Raster<f32> {
    let s = lattice.scale.get();
    Raster::from_fn(tissue.rows(), tissue.cols(), |row, col| {
        if !tissue[(row, col)] {
            f32::NAN
        } else if lattice.measures(row, col) {
            measured[(row / s, col / s)]
        } else {
            dense[(row, col)].max(0.0)
        }
    })
}
