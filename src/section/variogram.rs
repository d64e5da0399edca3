//! Models of how values differ with their distance.

use super::Lag;

/// Ranges that are tried before the best one is refined, and the steps of that.
const TRIALS: usize = 32;
const REFINEMENTS: usize = 40;

/// γ(h) = nugget + sill · (1 − exp(−(h / range)^shape)) for h > 0, and γ(0) = 0: half the mean squared difference of bins h apart by
/// the stable model, which for a shape of 1 is the exponential one (Chilès and Delfiner, Geostatistics, 2nd ed., §2.5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variogram {
    /// What differs between bins however near: noise, above all of counting.
    pub nugget: f64,
    /// What differs between distant bins beyond the nugget (the partial sill).
    pub sill: f64,
    /// The distance in bins over which values lose 1 − 1/e of their likeness.
    pub range: f64,
    /// Below 1 steep at short distances, above 1 smooth.
    pub shape: f64,
}

impl Variogram {
    /// The exponential model nearest to `lags` in the sum of squares weighted by pairs / distance² (gstat's default), nugget and sill not
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

    /// γ at the distance `h` > 0 in bins.
    pub fn at(&self, h: f64) -> f64 {
        self.nugget + self.sill * (1.0 - self.likeness(h))
    }

    /// What is left at the distance `h` of the likeness of bins side by side.
    pub(super) fn likeness(&self, h: f64) -> f64 {
        (-(h / self.range).powf(self.shape)).exp()
    }

    /// The covariance of two bins whose squared distance is `square`: sill + nugget − γ.
    pub fn covariance(&self, square: i32) -> f64 {
        match square {
            0 => self.nugget + self.sill,
            _ => self.sill * self.likeness(f64::from(square).sqrt()),
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
    (Variogram { nugget, sill, range, shape: 1.0 }, misfit((nugget, sill)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_again_from_its_own_lags() {
        let model = Variogram { nugget: 0.3, sill: 1.7, range: 5.5, shape: 1.0 };
        let lag = |h: f64| Lag { distance: h, semivariance: 2.0 - model.covariance((h * h) as i32), pairs: 100.0 / h };
        let lags: Vec<Lag> = (1..13).map(|i| lag(2.0 * f64::from(i))).collect();
        let found = Variogram::fit(&lags).unwrap();
        for (found, expected) in [(found.nugget, 0.3), (found.sill, 1.7), (found.range, 5.5)] {
            assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
        }
        assert_eq!(Variogram::fit(&[Lag { distance: 1.0, semivariance: 0.0, pairs: 3.0 }]), None);
    }
}
