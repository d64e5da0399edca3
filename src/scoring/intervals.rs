//! Whether the intervals of a prediction hold what they promise, on the withheld truth.

use crate::section::Raster;
use crate::store::Interval;

/// The coverages of the reliability plot.
const NOMINAL: [f64; 10] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];

/// A value beyond an interval by less than this is within: both are stored in single precision.
const ROUNDING: f64 = 1e-5;

/// What the intervals of one gene by one method come down to, over the unmeasured in-tissue bins that have one.
#[derive(Clone, Debug, PartialEq)]
pub struct Intervals {
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
    /// Whether the interval of each bin [rows, cols], in a row, holds its truth; `None` of those that are not compared.
    pub held: Vec<Option<bool>>,
}

/// One bin of a prediction: its place, its truth, its value, its interval.
#[derive(Clone, Copy)]
struct Bin {
    at: usize,
    truth: f64,
    value: f64,
    lower: f64,
    upper: f64,
}

impl Bin {
    fn of(truth: f32, value: f32, at: usize, interval: &Interval) -> Self {
        let (truth, value) = (f64::from(truth), f64::from(value));
        let (lower, upper) = match interval {
            Interval::Around(half, _) => around(value, f64::from(half.values()[at])),
            Interval::Between([lower, upper], _) => (f64::from(lower.values()[at]), f64::from(upper.values()[at])),
        };
        Bin { at, truth, value, lower, upper }
    }

    fn error(&self) -> f64 {
        (self.truth - self.value).abs()
    }

    /// Whether [lower, upper] holds its truth.
    fn within(&self, (lower, upper): (f64, f64)) -> bool {
        (lower - ROUNDING..=upper + ROUNDING).contains(&self.truth)
    }

    /// The width of [lower, upper] and its interval score.
    fn judged(&self, (lower, upper): (f64, f64), nominal: f64) -> (f64, f64) {
        let beyond = (lower - self.truth).max(self.truth - upper).max(0.0);
        (upper - lower, upper - lower + 2.0 / (1.0 - nominal) * beyond)
    }
}

/// [max(0, value − half), value + half].
fn around(value: f64, half: f64) -> (f64, f64) {
    ((value - half).max(0.0), value + half)
}

impl Intervals {
    /// Of the prediction `predicted` with its `interval`s, maps [rows, cols], over `bins`; `None` if none has an interval.
    pub fn of(truth: &Raster<f32>, predicted: &Raster<f32>, interval: &Interval, bins: &Raster<bool>) -> Option<Self> {
        let maps = truth.values().iter().zip(predicted.values()).zip(bins.values()).enumerate();
        let inside = maps.filter(|(_, ((_, value), inside))| **inside && value.is_finite());
        let all: Vec<Bin> = inside
            .map(|(at, ((truth, value), _))| Bin::of(*truth, *value, at, interval))
            .filter(|bin| bin.lower.is_finite() && bin.upper.is_finite())
            .collect();
        let count = all.len() as f64;
        let nominal = interval.coverage();
        let mean = |ends: &dyn Fn(&Bin) -> (f64, f64)| {
            let (widths, scores) = all.iter().fold((0.0, 0.0), |sums, bin| {
                let (width, score) = bin.judged(ends(bin), nominal);
                (sums.0 + width, sums.1 + score)
            });
            (widths / count, scores / count)
        };
        let mut errors: Vec<f64> = all.iter().map(Bin::error).collect();
        errors.sort_by(f64::total_cmp);
        let mut held = vec![None; bins.values().len()];
        all.iter().for_each(|bin| held[bin.at] = Some(bin.within((bin.lower, bin.upper))));
        let covered = held.iter().filter(|held| **held == Some(true)).count();
        let constant = errors.get(covered.max(1) - 1).copied()?;
        let (width, score) = mean(&|bin| (bin.lower, bin.upper));
        let (constant_width, constant_score) = mean(&|bin| around(bin.value, constant));
        Some(Intervals {
            nominal,
            bins: all.len(),
            coverage: covered as f64 / count,
            width,
            score,
            constant_width,
            constant_score,
            reliability: reliability(&all, interval, covered as f64 / count),
            held,
        })
    }
}

/// Coverage asked for and achieved: at all levels of the plot where the intervals can be made wider, else at their own.
fn reliability(all: &[Bin], interval: &Interval, covered: f64) -> Vec<[f64; 2]> {
    match interval {
        Interval::Between(_, nominal) => vec![[*nominal, covered]],
        Interval::Around(_, told) => {
            let within = |factor: f64| {
                // Half widths, not ends: those are cut at 0.
                let half = |bin: &&Bin| bin.error() <= (bin.upper - bin.value) * factor + ROUNDING;
                all.iter().filter(half).count() as f64 / all.len() as f64
            };
            NOMINAL.map(|nominal| [nominal, within(told.factor(nominal))]).to_vec()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::{Calibration, Difficulty, Quantiles};
    use crate::store::Uncertainty;

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
        let found = Intervals::of(&truth, &predicted, &Interval::Around(half.clone(), told.clone()), &bins).unwrap();
        // [1, 2], [0, 0.75] and [1.5, 2.5]: two of three hold their bin, the third misses it by a half.
        assert_eq!((found.bins, found.coverage), (3, 2.0 / 3.0));
        assert_eq!(found.held, [Some(true), Some(true), Some(false), None, None]);
        assert!((found.width - 2.75 / 3.0).abs() < 1e-12);
        assert!((found.score - (2.75 + 10.0 * 0.5) / 3.0).abs() < 1e-9);
        // ± 0.5 covers as many; at half the quantile ± 0.3125 covers the second bin alone.
        assert!((found.constant_width - found.width).abs() < 1e-12);
        assert_eq!((found.reliability[0], found.reliability[6]), ([0.5, 1.0 / 3.0], [0.8, 2.0 / 3.0]));
        assert!(Intervals::of(&truth, &predicted, &Interval::Around(half, told), &bins.map(|_| false)).is_none());
    }
}
