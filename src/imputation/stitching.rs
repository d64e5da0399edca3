//! Windows become one picture again: a weighted average where they overlap.

use super::tiles::Tile;
use crate::section::Raster;

/// Weight at the very edge of a window, so that a bin seen by one window alone still has its value.
const EDGE: f32 = 1e-3;

/// Blends dense windows of `side` × `side` bins, whose origins are `tiles` times `scale`, into `rows` × `cols`.
///
/// Weights fall from the middle of a window to its edge (a raised cosine along each axis), because a network sees least
/// around a bin at the edge. What of a window lies beyond the section is dropped.
pub(super) struct Canvas {
    sum: Raster<f32>,
    weight: Raster<f32>,
    profile: Vec<f32>,
    scale: usize,
}

impl Canvas {
    /// An empty canvas.
    pub(super) fn new(rows: usize, cols: usize, side: usize, scale: usize) -> Self {
        let profile = (0..side).map(|i| {
            let phase = std::f32::consts::TAU * (i as f32 + 0.5) / side as f32;
            EDGE + (1.0 - EDGE) * 0.5 * (1.0 - phase.cos())
        });
        Canvas {
            sum: Raster::filled(rows, cols, 0.0),
            weight: Raster::filled(rows, cols, 0.0),
            profile: profile.collect(),
            scale,
        }
    }

    /// Adds a window's prediction, row by row.
    pub(super) fn add(&mut self, tile: Tile, window: &[f32]) {
        let side = self.profile.len();
        let (top, left) = (tile.row * self.scale, tile.col * self.scale);
        for row in 0..side.min(self.sum.rows().saturating_sub(top)) {
            for col in 0..side.min(self.sum.cols().saturating_sub(left)) {
                let weight = self.profile[row] * self.profile[col];
                self.sum[(top + row, left + col)] += weight * window[row * side + col];
                self.weight[(top + row, left + col)] += weight;
            }
        }
    }

    /// The weighted average; 0 where no window came.
    pub(super) fn blend(self) -> Raster<f32> {
        let Canvas { mut sum, weight, .. } = self;
        for (value, weight) in sum.values_mut().iter_mut().zip(weight.values()) {
            *value /= weight.max(f32::MIN_POSITIVE);
        }
        sum
    }
}

/// Cuts the windows of side `side`·`scale` that `tiles` names, has `predict` impute them in batches, and blends them.
///
/// `predict` is given the number of a batch of tiles and returns for each of N fields their dense windows, one after the other.
pub(super) fn stitch<E, const N: usize>(
    (rows, cols): (usize, usize),
    side: usize,
    scale: usize,
    batches: &[Vec<Tile>],
    predict: impl Fn(usize) -> Result<[Vec<f32>; N], E>,
) -> Result<[Raster<f32>; N], E> {
    let dense = side * scale;
    let mut canvases = std::array::from_fn(|_| Canvas::new(rows, cols, dense, scale));
    for (index, batch) in batches.iter().enumerate() {
        let windows = predict(index)?;
        for (canvas, field) in canvases.iter_mut().zip(&windows) {
            for (tile, window) in batch.iter().zip(field.chunks_exact(dense * dense)) {
                canvas.add(*tile, window);
            }
        }
    }
    Ok(canvases.map(Canvas::blend))
}
