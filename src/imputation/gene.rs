//! What is predicted of a gene.

use crate::section::Raster;
use crate::store::Choice;

/// The prediction of a gene. All maps are [rows, cols]; those of values are log-normalised, ln(1 + normalised counts), hold the
/// measured bins as they were measured, and are NaN outside the tissue.
#[derive(Clone, Debug)]
pub struct GenePrediction {
    /// The gene.
    pub gene: String,
    /// The value of every bin of the tissue.
    pub imputed: Raster<f32>,
    /// Half the width of the intervals around `imputed`: 0 at measured bins. `None` where nothing is known of the errors.
    pub uncertainty: Option<Raster<f32>>,
    /// What else the values may be, where the experts have a part in them.
    pub distribution: Option<PredictedDistribution>,
    /// What predicted it and why; `None` by a method that was asked for.
    pub choice: Option<Choice>,
}

/// What a gene's values may be.
#[derive(Clone, Debug)]
pub struct PredictedDistribution {
    /// The median.
    pub median: Raster<f32>,
    /// The interval that holds a share [`PredictConfig::coverage`](super::PredictConfig::coverage) of the unmeasured bins: its lower end.
    pub lower: Raster<f32>,
    /// Its upper end.
    pub upper: Raster<f32>,
    /// The probability that the gene is found in a bin, without regard to what was measured there.
    pub detected: Raster<f32>,
    /// The mean, without regard to what was measured in a bin itself.
    pub smoothed: Raster<f32>,
    /// Half the width of the intervals around it, of measured bins too: a count that was never seen lies in them.
    pub smoothed_uncertainty: Raster<f32>,
    /// The count to expect, where [`PredictConfig::counts`](super::PredictConfig::counts) asks for it: at measured bins the count itself.
    pub expected_counts: Option<Raster<f32>>,
}

impl GenePrediction {
    /// The same without a value in the bins that lie `beyond` all that is known.
    pub(super) fn without(mut self, beyond: &Raster<bool>) -> Self {
        let further = self.distribution.iter_mut().flat_map(|found| {
            let PredictedDistribution {
                median,
                lower,
                upper,
                detected,
                smoothed,
                smoothed_uncertainty,
                expected_counts,
            } = found;
            [median, lower, upper, detected, smoothed, smoothed_uncertainty].into_iter().chain(expected_counts)
        });
        let maps = std::iter::once(&mut self.imputed).chain(&mut self.uncertainty).chain(further);
        for map in maps {
            let values = map.values_mut().iter_mut().zip(beyond.values());
            values.filter(|(_, beyond)| **beyond).for_each(|(value, _)| *value = f32::NAN);
        }
        self
    }
}
