//! What the scores come down to for each method: medians over the genes, unmeasured bins only.

use super::metric::{Metric, Place, Values};
use super::regions::Region;
use super::registry::shown;
use super::score::Score;
use crate::section::median;
use serde::Serialize;

/// A method over all its genes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MethodSummary {
    /// The label of the prediction.
    pub label: String,
    /// Number of genes scored.
    pub genes: usize,
    /// The medians of what is shown of methods, each over the genes for which it is defined.
    #[serde(flatten)]
    pub medians: Values,
    /// Number of genes with a ratio of the MAE.
    pub compared: usize,
    /// Number of genes whose MAE is below the baseline's.
    pub better: usize,
}

impl MethodSummary {
    /// The summary of the method labelled `label` over `scores`.
    pub fn new(label: &str, scores: &[Score]) -> Self {
        let own: Vec<&Score> = scores.iter().filter(|s| s.method == label && s.region == Region::Unmeasured).collect();
        let of = |metric: &Metric| median(own.iter().filter_map(|score| score.metric(metric)));
        let metrics = shown(&[Place::Terminal, Place::Methods, Place::MultiQc]).into_iter();
        let ratios = || own.iter().filter_map(|score| score.value("mae_ratio"));
        MethodSummary {
            label: label.to_owned(),
            genes: own.len(),
            medians: Values::new(metrics.map(|metric| (metric, of(metric)))),
            compared: ratios().count(),
            better: ratios().filter(|ratio| *ratio < 1.0).count(),
        }
    }
}
