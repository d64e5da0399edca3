//! Ordinary kriging: the linear prediction without bias of least variance (Cressie, 1993, section 3.2).

use super::Raster;
use super::neighbourhood::{Neighbourhood, shifted, square};
use super::variogram::Variogram;
use std::collections::HashMap;

/// The number of known bins that a prediction is made from, those as far as the last of them not counted.
const NEIGHBOURS: usize = 16;

/// Ordinary kriging of every bin from the 16 nearest `known` ones and those as far as the sixteenth, [rows, cols]; known
/// bins keep their values. No other bin of `values` is read. 0 where nothing is known.
///
/// On a lattice almost all neighbourhoods look alike, so the weights of each are computed once.
pub fn krige(values: &Raster<f32>, known: &Raster<bool>, variogram: &Variogram) -> Raster<f32> {
    let neighbours = Neighbourhood::new(known.clone(), NEIGHBOURS);
    let mut cache: HashMap<Vec<(i32, i32)>, Vec<f64>> = HashMap::new();
    Raster::from_fn(values.rows(), values.cols(), |row, col| {
        let at = (row, col);
        if known[at] {
            return values[at];
        }
        let offsets = neighbours.around(at);
        let weighted = |weights: &[f64]| {
            let terms = offsets.iter().zip(weights);
            terms.map(|(offset, weight)| weight * f64::from(values[shifted(at, *offset)])).sum::<f64>() as f32
        };
        if let Some(weights) = cache.get(&offsets) {
            return weighted(weights);
        }
        let weights = weights(variogram, &offsets);
        let value = weighted(&weights);
        cache.insert(offsets, weights);
        value
    })
}

/// The weights of known bins at these `offsets` from the bin to predict; they add up to 1.
///
/// The minimum of the variance under that constraint: C·w + μ = c, with C the covariances among the known bins and c those
/// with the bin to predict.
fn weights(variogram: &Variogram, offsets: &[(i32, i32)]) -> Vec<f64> {
    let between = |a: &(i32, i32), b: &(i32, i32)| variogram.covariance(square((a.0 - b.0, a.1 - b.1)));
    let matrix: Vec<Vec<f64>> = offsets.iter().map(|a| offsets.iter().map(|b| between(a, b)).collect()).collect();
    let equal = || vec![1.0 / offsets.len() as f64; offsets.len()];
    let Some(factor) = cholesky(matrix) else { return equal() };
    let towards = solve(&factor, offsets.iter().map(|offset| variogram.covariance(square(*offset))).collect());
    let ones = solve(&factor, vec![1.0; offsets.len()]);
    let lacking = (1.0 - towards.iter().sum::<f64>()) / ones.iter().sum::<f64>();
    towards.iter().zip(&ones).map(|(weight, one)| weight + lacking * one).collect()
}

/// The lower triangle L of a = L·Lᵀ; `None` if `a` is not positive definite to working precision.
pub(crate) fn cholesky(mut a: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    for i in 0..a.len() {
        let (above, row) = a.split_at_mut(i);
        let row = &mut row[0];
        for (j, other) in above.iter().enumerate() {
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        let rest = row[i] - dot(&row[..i], &row[..i]);
        row[i] = (rest > 1e-12 * row[i]).then(|| rest.sqrt())?;
    }
    Some(a)
}

/// Σ aᵢ·bᵢ, in sums that do not wait for each other.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        (0..LANES).for_each(|lane| sums[lane] += a[lane] * b[lane]);
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

/// The solution x of L·Lᵀ·x = b.
pub(crate) fn solve(factor: &[Vec<f64>], mut b: Vec<f64>) -> Vec<f64> {
    for i in 0..b.len() {
        let known: f64 = (0..i).map(|k| factor[i][k] * b[k]).sum();
        b[i] = (b[i] - known) / factor[i][i];
    }
    for i in (0..b.len()).rev() {
        let known: f64 = (i + 1..b.len()).map(|k| factor[k][i] * b[k]).sum();
        b[i] = (b[i] - known) / factor[i][i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: Variogram = Variogram { nugget: 0.2, sill: 1.5, range: 4.0, shape: 1.0 };

    #[test]
    fn a_constant_stays_a_constant_and_nothing_else_is_read() {
        let known = Raster::from_fn(12, 15, |row, col| (row * 5 + col * 3) % 4 == 0);
        let values = known.map(|known| if *known { 2.5 } else { f32::NAN });
        let found = krige(&values, &known, &MODEL);
        assert!(found.values().iter().all(|value| (value - 2.5).abs() < 1e-5));
        let none = krige(&values, &known.map(|_| false), &MODEL);
        assert!(none.values().iter().all(|value| *value == 0.0));
    }

    #[test]
    fn pure_noise_is_predicted_by_the_mean_and_an_equal_distance_by_equal_weights() {
        let noise = Variogram { sill: 0.0, ..MODEL };
        let offsets = [(0, 1), (0, -3), (5, 2), (-1, 0)];
        for weight in weights(&noise, &offsets) {
            assert!((weight - 0.25).abs() < 1e-12);
        }
        for weight in weights(&MODEL, &[(-1, -1), (-1, 1), (1, -1), (1, 1)]) {
            assert!((weight - 0.25).abs() < 1e-12);
        }
    }
}
