//! Spatial autocorrelation: whether a prediction is smoother than the tissue.

use crate::section::Raster;

/// Moran's I of `values` over the in-tissue bins [rows, cols], each bin linked to its up to four neighbours in tissue.
///
/// I = (n / W) · Σ w_ij z_i z_j / Σ z_i², all weights 1 (scanpy's `morans_i` on that graph). `None` where no two bins are
/// neighbours or the values are constant. Interpolation raises it above that of the truth: it smooths.
pub fn morans_i(values: &Raster<f64>, tissue: &Raster<bool>) -> Option<f64> {
    let inside = || values.values().iter().zip(tissue.values()).filter(|(_, t)| **t).map(|(value, _)| *value);
    let count = inside().count();
    let first = inside().next()?;
    if inside().all(|value| value == first) {
        return None;
    }
    let mean = inside().sum::<f64>() / count as f64;
    let (mut products, mut links) = (0.0, 0usize);
    for row in 0..values.rows() {
        for col in 0..values.cols() {
            for next in [(row + 1, col), (row, col + 1)] {
                if next.0 < values.rows() && next.1 < values.cols() && tissue[(row, col)] && tissue[next] {
                    products += (values[(row, col)] - mean) * (values[next] - mean);
                    links += 1;
                }
            }
        }
    }
    // Each link counts once in both sums: as w_ij and w_ji it would count twice in both.
    let squares: f64 = inside().map(|value| (value - mean).powi(2)).sum();
    (links > 0).then(|| count as f64 / links as f64 * products / squares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chessboard_is_minus_one_and_a_constant_has_none() {
        let all = Raster::filled(4, 4, true);
        let board = Raster::from_fn(4, 4, |row, col| ((row + col) % 2) as f64);
        assert!((morans_i(&board, &all).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(morans_i(&board.map(|_| 0.1), &all), None);
    }
}
