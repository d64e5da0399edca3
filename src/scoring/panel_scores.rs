//! How well the predictions of a panel serve its analysis: a row for each method.

use super::metric::Values;
use super::panel::{CLUSTERS, MoransI, Panel, Table};
use super::registry;
use rayon::prelude::*;
use serde::Serialize;

/// The panel, and every method on it. All figures are over the unmeasured in-tissue bins but Moran's I, which needs neighbours
/// and is over the whole tissue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PanelScores {
    /// Number of genes, all of which every method predicted.
    pub genes: usize,
    /// Number of bins.
    pub bins: usize,
    /// How many of the most variable genes are compared.
    pub top: usize,
    /// Number of clusters that bins are put into.
    pub clusters: usize,
    /// Adjusted Rand index of two clusterings of the truth from different random starts: what clustering itself leaves open.
    pub ari_repeat: Option<f64>,
    /// The methods, in the order of the predictions.
    pub methods: Vec<PanelScore>,
}

/// One method on the panel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PanelScore {
    /// The label of the prediction.
    pub method: String,
    /// The figures of the registry's metrics of panels.
    #[serde(flatten)]
    pub values: Values,
}

impl PanelScores {
    /// The scores of these `methods` on the panel whose true values are `truth`: label, Moran's I and predicted values of each.
    pub(super) fn new(truth: Table, methods: &[(&str, MoransI, Table)]) -> Self {
        let panel = Panel::new(truth);
        let score = |(label, morans_i, predicted): &(&str, MoransI, Table)| PanelScore {
            method: (*label).to_owned(),
            values: registry::of_panel(&panel.compare(*morans_i, predicted)),
        };
        PanelScores {
            genes: panel.genes(),
            bins: panel.bins(),
            top: panel.top(),
            clusters: CLUSTERS,
            ari_repeat: panel.ari_repeat(),
            methods: methods.par_iter().map(score).collect(),
        }
    }
}
