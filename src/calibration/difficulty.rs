//! How large the error of a bin is expected to be, from what is known of it without its truth.

use serde::{Deserialize, Serialize};

/// Passes of the reweighted fit; it changes nothing that matters after a few.
const PASSES: usize = 30;
/// Sweeps of coordinate descent in each of them.
const SWEEPS: usize = 200;
/// The least expected squared error, as a share of its mean.
const FLOOR: f64 = 1e-3;

/// What is known of a bin without its truth, in log-normalised units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Features {
    /// The predicted value.
    pub level: f64,
    /// The variance of the measured bins around it.
    pub local: f64,
    /// The variance of the predictions over turns, flips and overlapping windows.
    pub spread: f64,
}

impl Features {
    /// What the expected squared error is a sum of: a constant and the count noise, which rises with the level, the structure
    /// that the surroundings show, and what the network disagrees with itself about.
    fn terms(&self) -> [f64; 5] {
        [1.0, self.level, self.level * self.level, self.local, self.spread]
    }
}

/// The expected squared error of a bin: a sum of its terms, none with a negative share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difficulty {
    /// The weights of 1, the level, its square, the local variance and the spread.
    pub weights: [f64; 5],
    /// The least expected squared error.
    pub floor: f64,
}

impl Difficulty {
    /// Fits squared `errors` of bins: by weighted least squares with weights of the expected squared error to the power −2 (the
    /// quasi-likelihood of a gamma distribution), so that bins with small errors count as much as those with large ones.
    ///
    /// `None` if there is no error at all.
    pub fn fit(bins: &[(Features, f64)]) -> Option<Self> {
        let mean = bins.iter().map(|(_, error)| error * error).sum::<f64>() / bins.len().max(1) as f64;
        if !(mean > 0.0 && mean.is_finite()) {
            return None;
        }
        let mut fitted = Difficulty { weights: [mean, 0.0, 0.0, 0.0, 0.0], floor: FLOOR * mean };
        for _ in 0..PASSES {
            let (mut gram, mut target) = ([[0.0; 5]; 5], [0.0; 5]);
            for (features, error) in bins {
                let weight = fitted.variance(features).powi(-2);
                let terms = features.terms();
                for i in 0..5 {
                    target[i] += weight * terms[i] * error * error;
                    (0..5).for_each(|j| gram[i][j] += weight * terms[i] * terms[j]);
                }
            }
            fitted.weights = non_negative(&gram, &target, fitted.weights);
        }
        Some(fitted)
    }

    /// The expected squared error of a bin.
    pub fn variance(&self, features: &Features) -> f64 {
        let sum: f64 = features.terms().iter().zip(self.weights).map(|(term, weight)| term * weight).sum();
        sum.max(self.floor)
    }
}

/// The non-negative minimum of xᵀ·`gram`·x − 2·`target`ᵀ·x, by coordinate descent from `x`.
fn non_negative(gram: &[[f64; 5]; 5], target: &[f64; 5], mut x: [f64; 5]) -> [f64; 5] {
    for _ in 0..SWEEPS {
        for i in 0..5 {
            let rest: f64 = (0..5).filter(|j| *j != i).map(|j| gram[i][j] * x[j]).sum();
            x[i] = if gram[i][i] > 0.0 { ((target[i] - rest) / gram[i][i]).max(0.0) } else { 0.0 };
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    #[test]
    fn the_weights_that_made_the_errors_are_found() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        let truth = Difficulty { weights: [0.02, 0.1, 0.0, 0.8, 0.0], floor: 0.0 };
        let bins: Vec<(Features, f64)> = (0..40_000)
            .map(|_| {
                let features = Features {
                    level: rng.random_range(0.0..3.0),
                    local: rng.random_range(0.0..0.5),
                    spread: rng.random_range(0.0..0.1),
                };
                // The sum of twelve uniform numbers less six is as good as normal.
                let normal = (0..12).map(|_| rng.random_range(0.0..1.0)).sum::<f64>() - 6.0;
                (features, normal * truth.variance(&features).sqrt())
            })
            .collect();
        let fitted = Difficulty::fit(&bins).unwrap();
        for at in [(0.1, 0.05, 0.02), (2.5, 0.4, 0.09), (0.5, 0.45, 0.0)] {
            let features = Features { level: at.0, local: at.1, spread: at.2 };
            let ratio = fitted.variance(&features) / truth.variance(&features);
            assert!((0.9..1.1).contains(&ratio), "{at:?}: {ratio}, {fitted:?}");
        }
        assert!(Difficulty::fit(&[(Features::default(), 0.0)]).is_none());
    }
}
