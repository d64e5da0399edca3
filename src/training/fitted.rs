//! What comes of a fit.

use super::config::FitConfig;
use super::curves::Curves;
use super::evaluation::HeldOutError;
use crate::calibration::Calibration;
use crate::network::Cdcin;
use serde::{Deserialize, Serialize};

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stop {
    /// All its steps were made.
    Steps,
    /// The held-out error had not fallen for as long as the recipe waits.
    Plateau,
    /// Its time was over.
    Minutes,
}

/// What came of a run.
pub struct Fit {
    /// The network: of the step with the lowest held-out error, where bins were held out; averaged if the recipe says so.
    pub net: Cdcin,
    /// The genes, and what their values are divided by before the network.
    pub genes: Vec<FittedGene>,
    /// The losses.
    pub curves: Curves,
    /// Steps made.
    pub steps: usize,
    /// Why there were no more.
    pub stop: Stop,
    /// The kept weights' step and error on held-out bins, where bins were held out.
    pub best: Option<(usize, HeldOutError)>,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// A gene that a network knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FittedGene {
    /// Its name.
    pub name: String,
    /// What its values are divided by before the network and multiplied by after it.
    pub scale: f64,
    /// How far off its predictions are; `None` where no bins were held out to find that out.
    #[serde(default)]
    pub calibration: Option<Calibration>,
}

impl Fit {
    /// One line: how long it took, why it stopped, how good it is on bins that it has not seen.
    pub fn summary(&self, config: &FitConfig) -> String {
        let why = match self.stop {
            Stop::Steps => "all steps made".to_owned(),
            Stop::Plateau => format!("no lower held-out error for {} steps", config.patience),
            Stop::Minutes => "its time was over".to_owned(),
        };
        let best = self.best.map_or(String::new(), |(step, error)| {
            let ratio = error.network / error.start;
            format!("; kept step {step}, held-out error {ratio:.3} of the interpolation it starts from")
        });
        format!("{} steps in {:.1} s, {why}{best}", self.steps, self.seconds)
    }
}
