//! What predicted a gene and why, and what is to be expected of it where no truth is known.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What predicted a gene.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The one that was chosen.
    pub by: Predictor,
    /// Why, in words.
    pub why: String,
    /// Why a network that was asked has no part in the mean, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// What each one has in the mean, by name: the network and the experts; together 1.
    pub weights: Vec<(String, f64)>,
    /// What measured bins say of it; `None` where they were too few, or were not asked.
    pub expected: Option<Expected>,
}

/// Who predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Predictor {
    /// A fitted network alone.
    Network,
    /// The weighted mean of experts, and of a network where it has a share.
    Blend,
    /// Interpolation of the gene alone.
    Interpolation,
}

/// What is to be expected of the unmeasured bins, by predictions of a quarter of the measured bins from the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// Root mean squared error of the experts' mean, or of interpolation where that predicts, as a share of that of the better one of bilinear interpolation and kriging.
    pub rmse_ratio: f64,
    /// Where that share lies, nine times of ten.
    pub between: [f64; 2],
    /// Pearson correlation with the measured bins, their noise included; `None` where it is not defined.
    pub correlation: Option<f64>,
    /// Predictions of measured bins that this rests on.
    pub bins: usize,
}

/// Whether a gene's prediction is worth to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Advice {
    /// It follows the gene.
    Use,
    /// It says little of the gene.
    Leave,
    /// There are too few measured bins to know.
    Unknown,
}

/// The least expected correlation of a gene that may be used. Below, more than nine tenths of the variance of the bins is not told.
pub const LEAST_CORRELATION: f64 = 0.3;

impl Choice {
    /// Whether the prediction may be used, by the correlation that is expected of it.
    pub fn advice(&self) -> Advice {
        match self.expected.as_ref().map(|expected| expected.correlation.unwrap_or(0.0)) {
            None => Advice::Unknown,
            Some(correlation) if correlation >= LEAST_CORRELATION => Advice::Use,
            Some(_) => Advice::Leave,
        }
    }

    /// What this one has in the mean.
    pub fn weight(&self, of: &str) -> f64 {
        self.weights.iter().find(|(name, _)| name == of).map_or(0.0, |(_, weight)| *weight)
    }
}

impl fmt::Display for Predictor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Predictor::Network => "network",
            Predictor::Blend => "blend",
            Predictor::Interpolation => "interpolation",
        })
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Advice::Use => "use",
            Advice::Leave => "leave",
            Advice::Unknown => "not known",
        })
    }
}
