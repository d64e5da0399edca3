//! What the experts say of a gene together.

use super::forest::{Distribution, Forest};
use super::guided::Change;
use super::shared::{Learned, Linear, at_bin};
use super::{Experts, Weights};
use crate::section::Raster;

/// Measured bins that intervals are calibrated on, at most.
const MOST_CALIBRATED: usize = 4096;

/// Shares of the distributions' weight that are tried for intervals.
const LEVELS: std::ops::RangeInclusive<usize> = 40..=99;

/// Fewer measured bins than this tell no interval from another.
const LEAST_CALIBRATED: usize = 50;

/// What is predicted of a gene; maps are [rows, cols], NaN outside the tissue, in log-normalised units.
pub struct Prediction {
    /// Measured bins averaged with those alike, then interpolated; like the next two with the guides' share.
    pub smoothed: Raster<f32>,
    /// Cokriging of the gene with the panel's components.
    pub cokriging: Raster<f32>,
    /// The mean of the forest's distributions.
    pub forest: Raster<f32>,
    /// Their weighted mean: what to expect of a bin. At measured bins, what is expected without their own count of the gene.
    pub mean: Raster<f32>,
    /// The median of what a bin may hold.
    pub median: Raster<f32>,
    /// The lower and the upper end of the shortest interval that holds a bin with the probability asked for.
    pub interval: [Raster<f32>; 2],
    /// Standard deviation of what a bin may hold.
    pub deviation: Raster<f32>,
    /// The probability that a bin holds any count of the gene.
    pub detected: Raster<f32>,
    /// How many deviations from the mean hold a measured bin with the probability asked for; `None` with too few of them.
    pub reach: Option<f64>,
}

/// What the forest says of a bin.
struct Said {
    mean: f64,
    median: f32,
    interval: (f32, f32),
    deviation: f64,
    detected: f64,
}

impl Said {
    fn of(distribution: &Distribution, level: f64) -> Self {
        let mean = distribution.mean();
        let square: f64 = distribution.pairs().map(|(value, weight)| f64::from(value).powi(2) * weight).sum();
        Said {
            mean,
            median: distribution.quantile(0.5),
            interval: distribution.shortest(level),
            deviation: (square - mean * mean).max(0.0).sqrt(),
            detected: distribution.share_above(0.0),
        }
    }
}

/// What the experts say of some bins: log-normalised values, one after the other.
struct Estimates {
    linear: Linear,
    forest: Vec<Said>,
    /// What guides change; `None` without any.
    guided: Option<Vec<Change>>,
}

impl Estimates {
    /// The means of all experts at a bin, in the order of [`Weights::EXPERTS`].
    fn means(&self, bin: usize) -> [f64; 5] {
        at_bin(&self.linear, self.forest[bin].mean, self.guided.as_ref().map(|changes| &changes[bin]), bin)
    }
}

impl Experts {
    /// Predicts a gene from its log-normalised values [rows, cols], of which only those of measured tissue bins are read. The experts' mean
    /// is weighted by `weights`; the intervals hold an unmeasured bin with a probability of `coverage`. `None` where no bin is measured in
    /// the tissue.
    pub fn predict(&self, values: &Raster<f32>, weights: &Weights, coverage: f64, seed: u64) -> Option<Prediction> {
        let gene = self.gene(values)?;
        let Learned { forest, asked, guided, targets, whole } = self.learn(&gene, seed)?;
        // Of distributions there is no mean that keeps their intervals: the guides have all of them, or none.
        let (forest, asked) = match &guided {
            Some((guided, guidance)) if guidance.share >= 0.5 => (&guided.forest, &guided.asked),
            _ => (&forest, &asked),
        };
        let (level, reach) = calibrated(forest, &targets, coverage);
        let said = forest.each(asked, |_, distribution| Said::of(distribution, level));
        // A bin that every tree drew is told what all bins are.
        let of_others = forest.each_out_of_bag(|_, found| Said::of(found.unwrap_or(&whole), level));
        let (between, beside) = self.linear(&gene);
        let (at_targets, at_sites) = guided.map(|(_, guidance)| (guidance.unmeasured, guidance.measured)).unzip();
        let unmeasured = Estimates { linear: between, forest: said, guided: at_targets };
        let measured = Estimates { linear: beside, forest: of_others, guided: at_sites };
        Some(self.maps(&unmeasured, &measured, weights, reach))
    }

    fn maps(&self, unmeasured: &Estimates, measured: &Estimates, weights: &Weights, reach: Option<f64>) -> Prediction {
        let map = |of: &dyn Fn(&Estimates, usize) -> f64| {
            let mut map = self.tissue.map(|_| f32::NAN);
            for (bins, estimates) in [(&self.at_targets.bins, unmeasured), (&self.sites.at, measured)] {
                bins.iter().enumerate().for_each(|(i, bin)| map[*bin] = of(estimates, i) as f32);
            }
            map
        };
        let expert = |index: usize| map(&|e, i| e.means(i)[index].max(0.0));
        let [smoothed, cokriging, forest] = [2, 3, 4].map(expert);
        Prediction {
            smoothed,
            cokriging,
            forest,
            mean: map(&|e, i| weights.mean(e.means(i)).max(0.0)),
            median: map(&|e, i| f64::from(e.forest[i].median)),
            interval: [map(&|e, i| f64::from(e.forest[i].interval.0)), map(&|e, i| f64::from(e.forest[i].interval.1))],
            deviation: map(&|e, i| e.forest[i].deviation),
            detected: map(&|e, i| e.forest[i].detected),
            reach,
        }
    }
}

/// The share of the distributions' weight whose shortest intervals hold `coverage` of the measured bins, out of bag; and how many
/// deviations from the mean do.
///
/// By the rank of split conformal prediction (Vovk et al., 2005): out of bag a bin is as new to its distribution as an unmeasured one.
fn calibrated(forest: &Forest, targets: &[f32], coverage: f64) -> (f64, Option<f64>) {
    let every = targets.len().div_ceil(MOST_CALIBRATED).max(1);
    let needed = |index: usize, found: &Distribution| {
        let holds = |percent: &usize| {
            let (lower, upper) = found.shortest(*percent as f64 / 100.0);
            (lower..=upper).contains(&targets[index])
        };
        let said = Said::of(found, coverage);
        let deviations = (f64::from(targets[index]) - said.mean).abs() / said.deviation.max(1e-6);
        (LEVELS.clone().find(holds).unwrap_or(100) as f64 / 100.0, deviations)
    };
    let found = forest.each_out_of_bag(|index, found| {
        found.filter(|_| index.is_multiple_of(every)).map(|found| needed(index, found))
    });
    let (mut levels, mut reaches): (Vec<f64>, Vec<f64>) = found.into_iter().flatten().unzip();
    if levels.len() < LEAST_CALIBRATED {
        return (coverage, None);
    }
    levels.sort_by(f64::total_cmp);
    reaches.sort_by(f64::total_cmp);
    let rank = ((levels.len() + 1) as f64 * coverage).ceil() as usize;
    let rank = rank.clamp(1, levels.len()) - 1;
    (levels[rank].min(0.999), Some(reaches[rank]))
}
