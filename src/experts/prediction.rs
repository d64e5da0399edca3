//! What the experts say of a gene together.

use super::guided::Change;
use super::levels::Levels;
use super::said::Said;
use super::shared::{Learned, Linear, at_bin};
use super::{Experts, Known, Weights};
use crate::section::Raster;

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
    /// Half the width of the interval around the mean that holds a bin with the probability asked for; NaN with too few measured bins to
    /// tell.
    pub half_width: Raster<f32>,
    /// The probability that a bin holds any count of the gene.
    pub detected: Raster<f32>,
    /// What eᵐ − 1 of a mean m is to be multiplied with, so that it is the mean of eᵛ − 1 over what a bin may hold.
    pub smearing: Raster<f32>,
    /// What guides make of a value of 0, and of 1: `None` without guides.
    moved: Option<[Raster<f32>; 2]>,
}

impl Prediction {
    /// `map` of another estimator [rows, cols] that knows no guides, moved by them as the experts are: as it is without any.
    pub fn moved(&self, map: &Raster<f32>) -> Raster<f32> {
        let Some([zero, one]) = &self.moved else { return map.clone() };
        Raster::from_fn(map.rows(), map.cols(), |row, col| {
            let at = (row, col);
            // No guide has moved what lies outside the tissue.
            let moved = zero[at] + (one[at] - zero[at]) * map[at];
            if moved.is_nan() { map[at] } else { moved.max(0.0) }
        })
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
    /// What guides make of a `value` at a bin.
    fn moved(&self, bin: usize, value: f64) -> f64 {
        self.guided.as_ref().map_or(value, |changes| changes[bin].moved(value))
    }

    /// The means of all experts at a bin, in the order of [`Weights::EXPERTS`].
    fn means(&self, bin: usize) -> [f64; 5] {
        at_bin(&self.linear, self.forest[bin].mean, self.guided.as_ref().map(|changes| &changes[bin]), bin)
    }
}

impl Experts {
    /// Predicts a gene from what is known of it: its values, with or without guides of its own. The experts' mean is weighted by `weights`; the intervals hold an unmeasured bin with a probability of `coverage`. `None` where no bin is measured in
    /// the tissue.
    pub fn predict<'a>(
        &self,
        known: impl Into<Known<'a>>,
        weights: &Weights,
        coverage: f64,
        seed: u64,
    ) -> Option<Prediction> {
        let gene = self.gene(known.into())?;
        let Learned { forest, asked, pictured, guided, targets, whole } = self.learn(&gene, seed)?;
        // Of distributions there is no mean that keeps their intervals: the guides have all of them, or none.
        let (forest, asked, pictured) = match &guided {
            Some((guided, guidance)) if guidance.share >= 0.5 => (&guided.forest, &guided.asked, &guided.pictured),
            _ => (&forest, &asked, &pictured),
        };
        let levels = Levels::of(forest, &targets, coverage, self.distances().map(|[learned, _]| learned));
        let far = self.distances().map(|[_, asked]| asked);
        let said = forest.each(asked, |bin, distribution| {
            let (level, reach) = levels.at(far.map_or(0.0, |far| far[bin]));
            Said::of(distribution, level, reach)
        });
        let (level, reach) = levels.at(0.0);
        // A bin that every tree drew is told what all bins are.
        let of_others =
            forest.each_out_of_bag_at(pictured.as_ref(), |_, found| Said::of(found.unwrap_or(&whole), level, reach));
        let (between, beside) = self.linear(&gene);
        let (at_targets, at_sites) = guided.map(|(_, guidance)| (guidance.unmeasured, guidance.measured)).unzip();
        let unmeasured = Estimates { linear: between, forest: said, guided: at_targets };
        let measured = Estimates { linear: beside, forest: of_others, guided: at_sites };
        Some(self.maps(&unmeasured, &measured, weights))
    }

    fn maps(&self, unmeasured: &Estimates, measured: &Estimates, weights: &Weights) -> Prediction {
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
            half_width: map(&|e, i| e.forest[i].half_width),
            detected: map(&|e, i| e.forest[i].detected),
            smearing: map(&|e, i| e.forest[i].smearing),
            moved: unmeasured.guided.is_some().then(|| [0.0, 1.0].map(|value| map(&|e, i| e.moved(i, value)))),
        }
    }
}
