//! What the scores come down to for each method: medians over the genes, unmeasured bins only.

use super::metric::{Metric, Place, Values};
use super::prediction::Prediction;
use super::regions::Region;
use super::registry::shown;
use super::score::Score;
use crate::section::median;
use serde::Serialize;
use std::collections::HashSet;

/// A method over all its genes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MethodSummary {
    /// The label of the prediction.
    pub label: String,
    /// Number of genes that it is made of: those that every prediction holds.
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
    /// The summaries of all predictions over `scores`: of the genes that every one of them holds, so that their medians can be compared; where
    /// there is no such gene, of the genes of each.
    pub(super) fn all(predictions: &[Prediction], scores: &[Score]) -> Vec<Self> {
        let shared = shared(predictions);
        let of = |label: &str| {
            let own = scores.iter().filter(|score| score.method == label && score.region == Region::Unmeasured);
            let own = own.filter(|score| shared.is_empty() || shared.contains(score.gene.as_str()));
            Self::of(label, &own.collect::<Vec<_>>())
        };
        predictions.iter().map(|prediction| of(&prediction.label)).collect()
    }

    fn of(label: &str, own: &[&Score]) -> Self {
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

/// The genes that every prediction holds.
pub(super) fn shared(predictions: &[Prediction]) -> HashSet<&str> {
    let mut sets = predictions.iter().map(|one| one.genes.iter().map(String::as_str).collect::<HashSet<&str>>());
    let first = sets.next().unwrap_or_default();
    sets.fold(first, |left, own| left.intersection(&own).copied().collect())
}
