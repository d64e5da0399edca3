//! The levels of a multiscale image, each half the size of the one before.

use crate::section::Raster;

/// The longest side in bins at which there is no smaller level.
const SMALLEST: usize = 256;

/// The shapes (rows, cols) of the levels of an image, largest first.
pub(super) fn shapes(rows: usize, cols: usize) -> Vec<(usize, usize)> {
    let smaller =
        |(rows, cols): &(usize, usize)| (*rows.max(cols) > SMALLEST).then(|| (rows.div_ceil(2), cols.div_ceil(2)));
    std::iter::successors(Some((rows, cols)), smaller).collect()
}

/// The next level [⌈rows/2⌉, ⌈cols/2⌉]: the mean of the values of each 2 × 2 block, NaN where there are none.
pub(super) fn halve(image: &Raster<f32>) -> Raster<f32> {
    let (rows, cols) = image.shape();
    Raster::from_fn(rows.div_ceil(2), cols.div_ceil(2), |row, col| {
        let inside = |(r, c): &(usize, usize)| *r < rows && *c < cols;
        let block = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(down, right)| (2 * row + down, 2 * col + right));
        let values = block.iter().filter(|at| inside(at)).map(|at| image[*at]).filter(|value| !value.is_nan());
        let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
        sum / count
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_averaged_over_what_they_hold() {
        let nan = f32::NAN;
        let image = Raster::from_vec(3, 3, vec![1.0, 3.0, nan, 5.0, nan, nan, 7.0, 9.0, 2.0]).unwrap();
        let half = halve(&image);
        assert_eq!((half.shape(), half[(0, 0)], half[(1, 0)], half[(1, 1)]), ((2, 2), 3.0, 8.0, 2.0));
        assert!(half[(0, 1)].is_nan());
    }

    #[test]
    fn levels_end_where_an_image_fits_a_screen() {
        assert_eq!(shapes(256, 90), [(256, 90)]);
        assert_eq!(shapes(1000, 513), [(1000, 513), (500, 257), (250, 129)]);
    }
}
