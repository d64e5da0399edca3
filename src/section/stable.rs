//! The shape of a variogram: how steeply it falls towards distances below its shortest lag.

use super::{Lag, Variogram};

/// Ranges that are tried, from a quarter of the shortest lag, each a tenth longer than the one before.
const RANGES: usize = 64;
/// Shapes that are tried.
const SHAPES: [f64; 5] = [0.5, 0.75, 1.0, 1.25, 1.5];

impl Variogram {
    /// The stable model nearest to `lags` by least squares, nugget and sill not negative: a lag weighs by its pairs and the inverse
    /// square of its length, because short distances are what interpolation bridges. `None` without any lag.
    pub fn fit_shape(lags: &[Lag]) -> Option<Self> {
        let nearest = lags.iter().map(|lag| lag.distance).min_by(f64::total_cmp)?;
        let ranges = (0..RANGES).map(|i| nearest * 0.25 * 1.1_f64.powi(i as i32));
        let fits = ranges.flat_map(|range| SHAPES.map(|shape| with_shape(lags, range, shape)));
        fits.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(variogram, _)| variogram)
    }
}

/// The best nugget and sill of a range and a shape, and their weighted squared error.
fn with_shape(lags: &[Lag], range: f64, shape: f64) -> (Variogram, f64) {
    let rise = |h: f64| 1.0 - Variogram { nugget: 0.0, sill: 1.0, range, shape }.likeness(h);
    let weight = |lag: &Lag| lag.pairs / (lag.distance * lag.distance);
    let sum = |of: &dyn Fn(f64, f64) -> f64| {
        lags.iter().map(|lag| weight(lag) * of(lag.distance, lag.semivariance)).sum::<f64>()
    };
    let (ones, x, xx) = (sum(&|_, _| 1.0), sum(&|h, _| rise(h)), sum(&|h, _| rise(h).powi(2)));
    let (y, xy) = (sum(&|_, gamma| gamma), sum(&|h, gamma| gamma * rise(h)));
    let determinant = ones * xx - x * x;
    let sill = if determinant > 1e-12 * ones * xx { ((ones * xy - x * y) / determinant).max(0.0) } else { 0.0 };
    let nugget = (y - sill * x) / ones;
    let (nugget, sill) = if nugget < 0.0 { (0.0, xy / xx) } else { (nugget, sill) };
    let variogram = Variogram { nugget, sill, range, shape };
    (variogram, sum(&|h, gamma| (variogram.at(h) - gamma).powi(2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_found_again_from_its_own_lags() {
        let model = Variogram { nugget: 0.1, sill: 0.7, range: 0.25 * 1.1_f64.powi(30), shape: 0.75 };
        let lags: Vec<Lag> =
            (1..11).map(f64::from).map(|h| Lag { distance: h, semivariance: model.at(h), pairs: 50.0 }).collect();
        let found = Variogram::fit_shape(&lags).unwrap();
        for (found, expected) in [
            (found.nugget, model.nugget),
            (found.sill, model.sill),
            (found.range, model.range),
            (found.shape, model.shape),
        ] {
            assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
        }
        assert_eq!(Variogram::fit_shape(&[]), None);
    }
}
