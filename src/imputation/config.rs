//! The section `predict` of the config: how genes are predicted.

use crate::calibration::LEVELS;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// The section `predict`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PredictConfig {
    /// Bins that neighbouring windows share at least.
    pub overlap: usize,
    /// Windows per pass through the network.
    pub batch: usize,
    /// Average over the eight flips and quarter turns of a window.
    pub turns: bool,
    /// The share of unmeasured bins that intervals are to hold.
    pub coverage: f64,
    /// The network's share in the mean that is imputed; the experts have the rest. 1 is the network alone, 0 the experts alone.
    pub network_share: f64,
    /// Whether the network sees the guides that it was trained with. Without them it needs `fit.guide_dropout`, and has no intervals.
    pub network_guides: bool,
    /// Bins of the tissue that are farther than this from every measured one, in µm, get no value; without it, in holes those beyond the
    /// practical range of the panel's first component (docs/holes.md), elsewhere none.
    pub max_distance_um: Option<f64>,
    /// Impute the totals of bins as well, and expected counts from them.
    pub counts: bool,
}

impl Default for PredictConfig {
    fn default() -> Self {
        PredictConfig {
            overlap: 32,
            batch: 8,
            turns: true,
            coverage: 0.9,
            network_share: 1.0,
            network_guides: true,
            max_distance_um: None,
            counts: false,
        }
    }
}

impl PredictConfig {
    /// Refuses values that make no sense, naming the key.
    pub fn check(&self) -> Result<()> {
        if self.batch == 0 {
            return Err(Error::Usage("predict.batch: found 0, expected 1 or more".to_owned()));
        }
        if !(0.0..=1.0).contains(&self.network_share) {
            let found = self.network_share;
            return Err(Error::Usage(format!("predict.network_share: found {found}, expected a share from 0 to 1")));
        }
        if let Some(um) = self.max_distance_um.filter(|um| um.is_nan() || *um <= 0.0) {
            return Err(Error::Usage(format!("predict.max_distance_um: found {um}, expected a number above 0")));
        }
        if !LEVELS.contains(&self.coverage) {
            let (least, most) = (LEVELS.start(), LEVELS.end());
            let found = self.coverage;
            return Err(Error::Usage(format!(
                "predict.coverage: found {found}, expected a share from {least} to {most}"
            )));
        }
        Ok(())
    }
}
