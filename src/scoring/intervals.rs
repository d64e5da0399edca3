//! Whether the intervals of a prediction hold what they promise, on the withheld truth.

use crate::section::Raster;
use crate::store::Uncertainty;
use serde::Serialize;

/// The coverages of the reliability plot.
const NOMINAL: [f64; 10] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];

/// A value beyond an interval by less than this is within: both are stored in single precision.
const ROUNDING: f64 = 1e-5;

/// The intervals of one gene by one method, over the unmeasured in-tissue bins that have one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Intervals {
    /// The gene.
    pub gene: String,
    /// The label of the prediction.
    pub method: String,
    /// The coverage that was asked for.
    pub nominal: f64,
    /// The bins compared; those that the inferred tissue mask missed have no interval.
    pub bins: usize,
    /// The share of them whose truth lies in the interval.
    pub coverage: f64,
    /// Mean width, log-normalised units; intervals end at 0.
    pub width: f64,
    /// Mean interval score (Winkler, 1972): the width, and 2 / (1 − nominal) times what a truth lies beyond it. Lower is better.
    pub score: f64,
    /// Mean width of intervals that are equally wide on both sides of every prediction and cover as many bins: what the truth
    /// itself would choose without knowing one bin from another.
    pub constant_width: f64,
    /// Their interval score.
    pub constant_score: f64,
    /// Coverage asked for, and achieved.
    pub reliability: Vec<[f64; 2]>,
}

/// One bin of a prediction: its truth, its value, half the width of its interval.
#[derive(Clone, Copy)]
struct Bin {
    truth: f64,
    value: f64,
    half: f64,
}

impl Bin {
    fn error(&self) -> f64 {
        (self.truth - self.value).abs()
    }

    /// The width of [max(0, value − half), value + half] and its interval score.
    fn judged(&self, half: f64, nominal: f64) -> (f64, f64) {
        let (lower, upper) = ((self.value - half).max(0.0), self.value + half);
        let beyond = (lower - self.truth).max(self.truth - upper).max(0.0);
        (upper - lower, upper - lower + 2.0 / (1.0 - nominal) * beyond)
    }
}

impl Intervals {
    /// Of the prediction `predicted` with half-widths `half`, both [rows, cols], over `bins`; `None` if none has an interval.
    pub fn of(
        (gene, method): (&str, &str),
        truth: &Raster<f32>,
        predicted: &Raster<f32>,
        (half, told): (&Raster<f32>, &Uncertainty),
        bins: &Raster<bool>,
    ) -> Option<Self> {
        let maps = truth.values().iter().zip(predicted.values()).zip(half.values()).zip(bins.values());
        let known = maps.filter(|(((_, value), half), inside)| **inside && value.is_finite() && half.is_finite());
        let all: Vec<Bin> = known
            .map(|(((t, v), h), _)| Bin { truth: f64::from(*t), value: f64::from(*v), half: f64::from(*h) })
            .collect();
        let count = all.len() as f64;
        let within = |factor: f64| all.iter().filter(|bin| bin.error() <= bin.half * factor + ROUNDING).count();
        let mean = |half: &dyn Fn(&Bin) -> f64| {
            let (widths, scores) = all.iter().fold((0.0, 0.0), |sums, bin| {
                let (width, score) = bin.judged(half(bin), told.coverage);
                (sums.0 + width, sums.1 + score)
            });
            (widths / count, scores / count)
        };
        let mut errors: Vec<f64> = all.iter().map(Bin::error).collect();
        errors.sort_by(f64::total_cmp);
        let covered = within(1.0);
        let constant = errors.get(covered.max(1) - 1).copied()?;
        let ((width, score), (constant_width, constant_score)) = (mean(&|bin| bin.half), mean(&|_| constant));
        let reliability = NOMINAL.map(|nominal| [nominal, within(told.factor(nominal)) as f64 / count]).to_vec();
        Some(Intervals {
            gene: gene.to_owned(),
            method: method.to_owned(),
            nominal: told.coverage,
            bins: all.len(),
            coverage: covered as f64 / count,
            width,
            score,
            constant_width,
            constant_score,
            reliability,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::{Calibration, Difficulty, Quantiles};

    #[test]
    fn figures_are_those_computed_by_hand() {
        let row = |values: [f32; 5]| Raster::from_vec(1, 5, values.to_vec()).unwrap();
        let truth = row([1.0, 0.0, 3.0, 9.0, 2.0]);
        let predicted = row([1.5, 0.25, 2.0, 9.0, f32::NAN]);
        let half = row([0.5, 0.5, 0.5, 0.0, f32::NAN]);
        let bins = Raster::from_vec(1, 5, vec![true, true, true, false, true]).unwrap();
        let calibration = Calibration {
            difficulty: Difficulty { weights: [1.0, 0.0, 0.0, 0.0, 0.0], floor: 1e-3 },
            variance: 1.0,
            quantiles: Quantiles::of((1..=999).map(f64::from).collect()).unwrap(),
            cases: 999,
            held_out: 99,
            distance_ratio: 1.0,
            optimism: 1.0,
        };
        let told = Uncertainty { coverage: 0.8, calibration };
        let found = Intervals::of(("A", "s2s"), &truth, &predicted, (&half, &told), &bins).unwrap();
        // [1, 2], [0, 0.75] and [1.5, 2.5]: two of three hold their bin, the third misses it by a half.
        assert_eq!((found.bins, found.coverage), (3, 2.0 / 3.0));
        assert!((found.width - 2.75 / 3.0).abs() < 1e-12);
        assert!((found.score - (2.75 + 10.0 * 0.5) / 3.0).abs() < 1e-9);
        // ± 0.5 covers as many; at half the quantile ± 0.3125 covers the second bin alone.
        assert!((found.constant_width - found.width).abs() < 1e-12);
        assert_eq!((found.reliability[0], found.reliability[6]), ([0.5, 1.0 / 3.0], [0.8, 2.0 / 3.0]));
        assert!(Intervals::of(("A", "s2s"), &truth, &predicted, (&half, &told), &bins.map(|_| false)).is_none());
    }
}
