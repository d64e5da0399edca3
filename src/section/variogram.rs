//! How values differ with their distance: the empirical variogram and the exponential model (Cressie, 1993, chapter 2).

use super::Raster;

/// Lag classes are as wide as the measured bins are apart, and there are at most this many.
const CLASSES: usize = 12;
/// Ranges that are tried before the best one is refined, and the steps of that.
const TRIALS: usize = 32;
const REFINEMENTS: usize = 40;

/// Half the mean squared difference of pairs of bins, by distance.
#[derive(Clone, Debug, PartialEq)]
pub struct Lag {
    /// Mean distance of the pairs, in bins.
    pub distance: f64,
    /// Half the mean of their squared differences.
    pub semivariance: f64,
    /// Number of pairs.
    pub pairs: f64,
}

/// The empirical variogram (Matheron's estimator) of `values` over the bins that are `known`, both [rows, cols]: of pairs at
/// most 12 `spacing`s (bins) apart, or half the grid's diagonal. No other bin of `values` is read.
pub fn empirical(values: &Raster<f32>, known: &Raster<bool>, spacing: f64) -> Vec<Lag> {
    let (rows, cols) = values.shape();
    let reach = (CLASSES as f64 * spacing).min((rows as f64).hypot(cols as f64) / 2.0);
    let bins: Vec<(i64, i64, f64)> = (0..rows * cols)
        .map(|i| (i / cols, i % cols))
        .filter(|at| known[*at])
        .map(|at| (at.0 as i64, at.1 as i64, f64::from(values[at])))
        .collect();
    let mut lags = vec![Lag { distance: 0.0, semivariance: 0.0, pairs: 0.0 }; CLASSES];
    let half = reach as i64;
    // Every offset once: downwards, or to the right in the same row.
    for (down, right) in (0..=half).flat_map(|down| (-half..=half).map(move |right| (down, right))) {
        let distance = (down as f64).hypot(right as f64);
        if (down == 0 && right <= 0) || distance > reach {
            continue;
        }
        let lag = &mut lags[(distance / spacing).round().clamp(1.0, CLASSES as f64) as usize - 1];
        for &(row, col, value) in &bins {
            let (row, col) = (row + down, col + right);
            if row < rows as i64 && (0..cols as i64).contains(&col) && known[(row as usize, col as usize)] {
                lag.distance += distance;
                lag.semivariance += (value - f64::from(values[(row as usize, col as usize)])).powi(2) / 2.0;
                lag.pairs += 1.0;
            }
        }
    }
    lags.retain(|lag| lag.pairs > 0.0);
    lags.iter_mut()
        .for_each(|lag| (lag.distance, lag.semivariance) = (lag.distance / lag.pairs, lag.semivariance / lag.pairs));
    lags
}

/// γ(h) = nugget + sill · (1 − exp(−h / range)) for h > 0, and γ(0) = 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variogram {
    /// What differs between bins however near: noise, above all of counting.
    pub nugget: f64,
    /// What differs between distant bins beyond the nugget (the partial sill).
    pub sill: f64,
    /// The distance in bins over which values lose 1 − 1/e of their likeness.
    pub range: f64,
}

impl Variogram {
    /// The model nearest to `lags` in the sum of squares weighted by pairs / distance² (gstat's default), nugget and sill not
    /// negative, range between a quarter of the first distance and twice the last.
    ///
    /// `None` where nothing differs: there is nothing to model.
    pub fn fit(lags: &[Lag]) -> Option<Self> {
        let (first, last) = (lags.first()?.distance, lags.last()?.distance);
        if lags.iter().all(|lag| lag.semivariance == 0.0) {
            return None;
        }
        let (low, high) = ((first / 4.0).ln(), (last * 2.0).ln());
        let step = (high - low) / (TRIALS - 1) as f64;
        let misfit = |range: f64| with_range(lags, range.exp()).1;
        let trials = (0..TRIALS).map(|i| low + step * i as f64);
        let best = trials.min_by(|a, b| misfit(*a).total_cmp(&misfit(*b)))?;
        let (mut left, mut right) = ((best - step).max(low), (best + step).min(high));
        // Ternary search: between the neighbours of the best trial the misfit has one minimum.
        for _ in 0..REFINEMENTS {
            let (a, b) = (left + (right - left) / 3.0, right - (right - left) / 3.0);
            if misfit(a) < misfit(b) { right = b } else { left = a }
        }
        Some(with_range(lags, f64::midpoint(left, right).exp()).0)
    }

    /// The covariance of two bins whose squared distance is `square`: sill + nugget − γ.
    pub fn covariance(&self, square: i32) -> f64 {
        match square {
            0 => self.nugget + self.sill,
            _ => self.sill * (-f64::from(square).sqrt() / self.range).exp(),
        }
    }
}

/// The best model of this range, and its misfit: a line through (1 − exp(−h / range), semivariance), its two coefficients
/// not negative.
fn with_range(lags: &[Lag], range: f64) -> (Variogram, f64) {
    let points = || {
        let point =
            |lag: &Lag| (lag.pairs / lag.distance.powi(2), 1.0 - (-lag.distance / range).exp(), lag.semivariance);
        lags.iter().map(point)
    };
    let sum = |of: fn((f64, f64, f64)) -> f64| points().map(of).sum::<f64>();
    let (w, x, y) = (sum(|(w, ..)| w), sum(|(w, x, _)| w * x), sum(|(w, _, y)| w * y));
    let (xx, xy) = (sum(|(w, x, _)| w * x * x), sum(|(w, x, y)| w * x * y));
    let determinant = w * xx - x * x;
    let both = ((xx * y - x * xy) / determinant, (w * xy - x * y) / determinant);
    // Outside the quadrant the best point lies on one of its edges.
    let inside = determinant > 0.0 && both.0 >= 0.0 && both.1 >= 0.0;
    let candidates = if inside { [both; 2] } else { [(y / w, 0.0), (0.0, xy / xx)] };
    let misfit =
        |(nugget, sill): (f64, f64)| points().map(|(w, x, y)| w * (y - nugget - sill * x).powi(2)).sum::<f64>();
    let [a, b] = candidates;
    let (nugget, sill) = if misfit(a) <= misfit(b) { a } else { b };
    (Variogram { nugget, sill, range }, misfit((nugget, sill)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_semivariance_is_half_the_mean_squared_difference() {
        let values = Raster::from_vec(1, 5, vec![1.0, f32::NAN, 3.0, f32::NAN, 8.0]).unwrap();
        let known = Raster::from_fn(1, 5, |_, col| col % 2 == 0);
        let lags = empirical(&values, &known, 2.0);
        // Pairs (1, 3) and (3, 8) are 2 bins apart; half the diagonal is 2.5 bins.
        assert_eq!(lags, [Lag { distance: 2.0, semivariance: (4.0 + 25.0) / 4.0, pairs: 2.0 }]);
    }

    #[test]
    fn a_model_is_found_again_from_its_own_lags() {
        let model = Variogram { nugget: 0.3, sill: 1.7, range: 5.5 };
        let lag = |h: f64| Lag { distance: h, semivariance: 2.0 - model.covariance((h * h) as i32), pairs: 100.0 / h };
        let lags: Vec<Lag> = (1..13).map(|i| lag(2.0 * f64::from(i))).collect();
        let found = Variogram::fit(&lags).unwrap();
        for (found, expected) in [(found.nugget, 0.3), (found.sill, 1.7), (found.range, 5.5)] {
            assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
        }
        assert_eq!(Variogram::fit(&[Lag { distance: 1.0, semivariance: 0.0, pairs: 3.0 }]), None);
    }
}
