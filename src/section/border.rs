//! How deep in the tissue a bin lies.

use super::Raster;
use super::nearest::distances;

/// The distance of every in-tissue bin to the nearest bin outside the tissue or beyond the grid, in bins: 1 at the border; 0
/// outside, all [rows, cols].
pub fn border_distance(tissue: &Raster<bool>) -> Raster<f64> {
    let (rows, cols) = tissue.shape();
    let within = |row: usize, col: usize| (1..=rows).contains(&row) && (1..=cols).contains(&col);
    // With a frame around it: beyond the grid nothing is known, as beyond the tissue.
    let outside = Raster::from_fn(rows + 2, cols + 2, |row, col| !(within(row, col) && tissue[(row - 1, col - 1)]));
    let Some(distances) = distances(&outside) else { return tissue.map(|_| 0.0) };
    Raster::from_fn(rows, cols, |row, col| distances[(row + 1, col + 1)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_to_the_nearest_bin_outside() {
        let tissue = Raster::from_fn(5, 6, |row, col| (row, col) != (2, 4));
        let found = border_distance(&tissue);
        assert_eq!((found[(2, 4)], found[(0, 0)], found[(2, 2)], found[(2, 3)]), (0.0, 1.0, 2.0, 1.0));
        assert_eq!(found[(1, 3)], 2f64.sqrt());
    }
}
