//! Inverse distance weighting (Shepard, 1968).

use super::Raster;
use super::neighbourhood::{Neighbourhood, shifted, square};

/// The number of known bins that a mean is over, those as far as the last of them not counted.
const NEIGHBOURS: usize = 12;

/// Means of the 12 nearest `known` bins (and of those as far as the twelfth) weighted by 1 / distance², on the whole grid
/// [rows, cols]; known bins keep their values. No other bin of `values` is read. 0 where nothing is known.
pub fn inverse_distance(values: &Raster<f32>, known: &Raster<bool>) -> Raster<f32> {
    let neighbours = Neighbourhood::new(known.clone(), NEIGHBOURS);
    Raster::from_fn(values.rows(), values.cols(), |row, col| {
        if known[(row, col)] {
            return values[(row, col)];
        }
        let (mut sum, mut weight) = (0.0, 0.0);
        for offset in neighbours.around((row, col)) {
            let share = f64::from(square(offset)).recip();
            sum += share * f64::from(values[shifted((row, col), offset)]);
            weight += share;
        }
        if weight > 0.0 { (sum / weight) as f32 } else { 0.0 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_fall_with_the_square_of_the_distance() {
        let known = Raster::from_fn(1, 4, |_, col| col == 0 || col == 3);
        let values = Raster::from_vec(1, 4, vec![6.0, f32::NAN, f32::NAN, 1.0]).unwrap();
        // (6 / 1 + 1 / 4) / (1 + 1 / 4) = 5
        let found = inverse_distance(&values, &known);
        assert_eq!(found.values(), [6.0, 5.0, 2.0, 1.0]);
    }
}
