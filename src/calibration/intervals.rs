//! From the errors of measured bins to intervals of unmeasured ones.

use super::conformal::Quantiles;
use super::difficulty::{Difficulty, Features};
use super::distance::Distance;
use super::optimism::optimism;
use crate::section::Raster;
use serde::{Deserialize, Serialize};

/// A measured bin that was predicted from the sparser lattice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// What was known of it there.
    pub features: Features,
    /// |measured − predicted|, log-normalised units.
    pub error: f64,
    /// The block of neighbouring bins that it lies in.
    pub block: usize,
    /// Whether it was held out of the losses.
    pub held_out: bool,
}

/// What turns the features of an unmeasured bin into an interval; kept with the weights and with the prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// How the expected squared error varies from bin to bin; `variance` gives its mean.
    pub difficulty: Difficulty,
    /// The mean of the expected squared error over the unmeasured bins, log-normalised units.
    pub variance: f64,
    /// Which multiples of the expected error cover 50 %, 51 % … 99 % of the bins.
    pub quantiles: Quantiles,
    /// Predictions of measured bins that this rests on.
    pub cases: usize,
    /// Those of them of held-out bins.
    pub held_out: usize,
    /// Mean squared error at the real spacing as a share of that at the sparser one.
    pub distance_ratio: f64,
    /// How many times as large errors are on bins that were not learned.
    pub optimism: f64,
}

impl Calibration {
    /// Calibrates on `cases`, whose mean squared error shrinks at the real spacing as `distance` says; without it, not at all.
    ///
    /// `None` where nothing was held out, so that what the network learned by heart could not be told from what it knows, or
    /// fewer than 99 bins or no errors at all are there to calibrate on.
    pub fn of(cases: &[Case], distance: Option<Distance>) -> Option<Self> {
        let held_out = cases.iter().filter(|case| case.held_out).count();
        let pairs: Vec<(Features, f64)> = cases.iter().map(|case| (case.features, case.error)).collect();
        let difficulty = Difficulty::fit(&pairs).filter(|_| held_out > 0)?;
        let variances: Vec<f64> = pairs.iter().map(|(features, _)| difficulty.variance(features)).collect();
        let score = |(case, variance): (&Case, &f64)| case.error / variance.sqrt();
        let scores = || cases.iter().zip(&variances).map(score);
        let optimism = optimism(cases.iter().zip(scores()).map(|(case, score)| (case.block, case.held_out, score)));
        let mean = variances.iter().sum::<f64>() / variances.len() as f64;
        let distance_ratio = distance.map_or(1.0, |distance| distance.ratio(mean));
        Some(Calibration {
            difficulty,
            variance: mean * distance_ratio * optimism * optimism,
            quantiles: Quantiles::of(scores().collect())?,
            cases: cases.len(),
            held_out,
            distance_ratio,
            optimism,
        })
    }

    /// Half the width of the intervals that hold `coverage` of the unmeasured bins, [rows, cols] as `features`: `None` outside
    /// the tissue becomes NaN, and measured bins, which are known exactly, have 0.
    pub fn half_widths(
        &self,
        features: &Raster<Option<Features>>,
        measured: &Raster<bool>,
        coverage: f64,
    ) -> Raster<f32> {
        let unknown = features.values().iter().zip(measured.values()).filter(|(_, measured)| !**measured);
        let variances = unknown.filter_map(|(features, _)| Some(self.difficulty.variance(features.as_ref()?)));
        let (count, sum) = variances.fold((0.0, 0.0), |(count, sum), variance| (count + 1.0, sum + variance));
        let scale = if sum > 0.0 { self.variance * count / sum } else { 0.0 };
        let score = self.quantiles.at(coverage);
        Raster::from_fn(features.rows(), features.cols(), |row, col| match features[(row, col)] {
            None => f32::NAN,
            Some(_) if measured[(row, col)] => 0.0,
            Some(features) => (score * (scale * self.difficulty.variance(&features)).sqrt()) as f32,
        })
    }
}
