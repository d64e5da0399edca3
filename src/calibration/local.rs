//! How much the measured bins around a bin differ.

use crate::section::{Interpolation, Lattice, Raster, interpolate};

/// How measured bins lie on the grid that is predicted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout {
    /// On a lattice: they are an image of their own.
    Lattice(Lattice),
    /// On none: on an image of the whole grid, about this many bins apart.
    Scattered(usize),
}

/// The variance of the `known` ones of `values` in the 3 × 3 measured bins around a bin, on the grid of `rows` × `cols`:
/// bilinear between measured bins on a lattice; elsewhere of the known bins within one spacing along both axes.
pub(crate) fn local_variance(
    values: &Raster<f32>,
    known: &Raster<bool>,
    layout: Layout,
    (rows, cols): (usize, usize),
) -> Raster<f32> {
    match layout {
        Layout::Lattice(lattice) => {
            let variance = variance_within(values, known, 1);
            interpolate(Interpolation::Bilinear, lattice, &variance, known, rows, cols)
        }
        Layout::Scattered(spacing) => variance_within(values, known, spacing),
    }
}

fn variance_within(values: &Raster<f32>, known: &Raster<bool>, reach: usize) -> Raster<f32> {
    let (rows, cols) = values.shape();
    Raster::from_fn(rows, cols, |row, col| {
        let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for r in row.saturating_sub(reach)..(row + reach + 1).min(rows) {
            for c in col.saturating_sub(reach)..(col + reach + 1).min(cols) {
                if known[(r, c)] {
                    let value = f64::from(values[(r, c)]);
                    (count, sum, squares) = (count + 1.0, sum + value, squares + value * value);
                }
            }
        }
        let count = f64::max(count, 1.0);
        (squares / count - (sum / count).powi(2)).max(0.0) as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::Scale;

    #[test]
    fn it_is_that_of_known_neighbours_and_bilinear_between_them() {
        let values =
            Raster::from_fn(3, 3, |row, col| if (row, col) == (0, 0) { 100.0 } else { (row * 3 + col) as f32 });
        let known = Raster::from_fn(3, 3, |row, col| (row, col) != (0, 0));
        let layout = Layout::Lattice(Lattice::new(Scale::new(2).unwrap()));
        let found = local_variance(&values, &known, layout, (6, 6));
        // Of 1 … 8; of 4, 5, 7, 8; and the mean of that and of the six values in between.
        let variance = |values: &[f32]| {
            let mean = values.iter().sum::<f32>() / values.len() as f32;
            values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / values.len() as f32
        };
        let (whole, corner) = (variance(&[1., 2., 3., 4., 5., 6., 7., 8.]), variance(&[4., 5., 7., 8.]));
        assert!((found[(2, 2)] - whole).abs() < 1e-5 && (found[(4, 4)] - corner).abs() < 1e-5);
        let side = variance(&[3., 4., 5., 6., 7., 8.]);
        let between = (whole + side + variance(&[1., 2., 4., 5., 7., 8.]) + corner) / 4.0;
        assert!((found[(3, 3)] - between).abs() < 1e-5, "{} {between}", found[(3, 3)]);
    }
}
