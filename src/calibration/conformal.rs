//! Split conformal prediction: which score at least a stated share of new bins stays under.

use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// The coverages that calibrated intervals can be asked for.
pub(crate) const LEVELS: RangeInclusive<f64> = 0.5..=0.99;

/// Steps of a hundredth in [`LEVELS`].
const STEPS: usize = 50;

/// The scores that cover 50 %, 51 % … 99 % of exchangeable bins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantiles(Vec<f64>);

impl Quantiles {
    /// From the `scores` of calibration bins: for each coverage c the ⌈(n + 1)·c⌉-th smallest of them (Vovk et al., 2005).
    ///
    /// A further score that is exchangeable with these is at most that one with a probability of at least c. Equal scores, as
    /// many bins of a sparse gene have, are all within: coverage is then above c, never below. `None` for fewer than 99
    /// scores, whose largest does not bound 99 %.
    pub fn of(mut scores: Vec<f64>) -> Option<Self> {
        if scores.len() < 99 {
            return None;
        }
        scores.sort_by(f64::total_cmp);
        let rank = |percent: usize| ((scores.len() + 1) * percent).div_ceil(100).min(scores.len());
        Some(Quantiles((50..50 + STEPS).map(|percent| scores[rank(percent) - 1]).collect()))
    }

    /// The score that covers `coverage`, linear between hundredths; of the nearest of them beyond 0.5 to 0.99.
    pub fn at(&self, coverage: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let place = ((coverage - LEVELS.start()) * 100.0).clamp(0.0, last as f64);
        // A coverage of 0.9 is the 40th step, not the 39.99999th.
        let place = if (place - place.round()).abs() < 1e-6 { place.round() } else { place };
        let (below, share) = (place.floor() as usize, place.fract());
        let score = |step: usize| self.0.get(step.min(last)).copied().unwrap_or(0.0);
        score(below) * (1.0 - share) + score(below + 1) * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn exchangeable_scores_are_covered_as_often_as_asked_for(seed in 0u64..1000, zeros in 0.0..0.95f64, level in 0.5..0.99f64) {
            // Heavy tails, and exact zeros as sparse genes have them.
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let mut draw = || if rng.random_range(0.0..1.0) < zeros { 0.0 } else { 1.0 / rng.random_range(1e-3..1.0f64) - 1.0 };
            let quantiles = Quantiles::of((0..4000).map(|_| draw()).collect()).unwrap();
            let score = quantiles.at(level);
            let covered = (0..20_000).filter(|_| draw() <= score).count() as f64 / 20_000.0;
            // Four standard errors of both samples; more than asked for only where ties make it so.
            prop_assert!(covered > level - 0.035, "{covered} of {level}");
            prop_assert!(covered < level + 0.035 || covered < zeros + 0.035, "{covered} of {level}");
        }
    }

    #[test]
    fn the_score_is_the_one_of_the_conformal_rank() {
        let quantiles = Quantiles::of((1..=199).rev().map(f64::from).collect()).unwrap();
        assert_eq!((quantiles.at(0.9), quantiles.at(0.5), quantiles.at(0.99)), (180.0, 100.0, 198.0));
        assert_eq!(quantiles.at(0.905), 181.0);
        assert!(Quantiles::of(vec![1.0; 98]).is_none());
    }
}
