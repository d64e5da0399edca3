//! Structural similarity (Wang et al., 2004) as scikit-image's `structural_similarity` computes it by default.

use crate::section::Raster;

/// Side of the uniform window in bins.
const WINDOW: usize = 7;

/// The similarity of every bin with its 7×7 neighbourhood, [rows, cols], for images with values in 0..`data_range`.
///
/// Sample covariance, K₁ = 0.01, K₂ = 0.03, images mirrored at their borders. `None` if a side is shorter than the window
/// or the data range is not positive (both images empty), where the index means nothing.
pub fn similarity_map(truth: &Raster<f64>, predicted: &Raster<f64>, data_range: f64) -> Option<Raster<f64>> {
    if truth.rows() < WINDOW || truth.cols() < WINDOW || data_range <= 0.0 {
        return None;
    }
    let product = |a: &Raster<f64>, b: &Raster<f64>| {
        let mut values = b.values().iter();
        window_mean(&a.map(|x| x * values.next().copied().unwrap_or_default()))
    };
    let (mean_t, mean_p) = (window_mean(truth), window_mean(predicted));
    let (tt, pp, tp) = (product(truth, truth), product(predicted, predicted), product(truth, predicted));
    let pixels = (WINDOW * WINDOW) as f64;
    let sample = pixels / (pixels - 1.0);
    let (c1, c2) = ((0.01 * data_range).powi(2), (0.03 * data_range).powi(2));
    Some(Raster::from_fn(truth.rows(), truth.cols(), |row, col| {
        let at = (row, col);
        let (t, p) = (mean_t[at], mean_p[at]);
        let (var_t, var_p, cov) = (sample * (tt[at] - t * t), sample * (pp[at] - p * p), sample * (tp[at] - t * p));
        (2.0 * t * p + c1) * (2.0 * cov + c2) / ((t * t + p * p + c1) * (var_t + var_p + c2))
    }))
}

/// The similarity of the two images: the mean of the map without the border whose windows reach over the edge.
pub fn frame_mean(map: &Raster<f64>) -> f64 {
    let pad = (WINDOW - 1) / 2;
    let inner = (pad..map.rows() - pad).flat_map(|row| (pad..map.cols() - pad).map(move |col| (row, col)));
    let (sum, count) = inner.fold((0.0, 0), |(sum, count), at| (sum + map[at], count + 1));
    sum / f64::from(count)
}

/// The mean of the map over the bins in `region`; `None` if it has none.
pub fn region_mean(map: &Raster<f64>, region: &Raster<bool>) -> Option<f64> {
    let inside = map.values().iter().zip(region.values()).filter(|(_, inside)| **inside);
    let (sum, count) = inside.fold((0.0, 0usize), |(sum, count), (value, _)| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// The mean over the window around every bin, the image mirrored at its borders (edge bins repeated).
fn window_mean(image: &Raster<f64>) -> Raster<f64> {
    let pad = WINDOW / 2;
    let mirrored = |shifted: usize, length: usize| match shifted.checked_sub(pad) {
        None => pad - shifted - 1,
        Some(at) if at >= length => 2 * length - at - 1,
        Some(at) => at,
    };
    let (rows, cols) = image.shape();
    let across = Raster::from_fn(rows, cols, |row, col| {
        (col..col + WINDOW).map(|shifted| image[(row, mirrored(shifted, cols))]).sum::<f64>() / WINDOW as f64
    });
    Raster::from_fn(rows, cols, |row, col| {
        (row..row + WINDOW).map(|shifted| across[(mirrored(shifted, rows), col)]).sum::<f64>() / WINDOW as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_like_itself_everywhere() {
        let image = Raster::from_fn(9, 8, |row, col| ((row * 7 + col * 3) % 5) as f64);
        let map = similarity_map(&image, &image, 4.0).unwrap();
        assert!(map.values().iter().all(|s| (s - 1.0).abs() < 1e-12));
        assert!((frame_mean(&map) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_grid_smaller_than_the_window_has_none() {
        let image = Raster::filled(6, 20, 1.0);
        assert!(similarity_map(&image, &image, 1.0).is_none());
    }
}
