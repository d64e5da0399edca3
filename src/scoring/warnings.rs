//! What deserves the reader's attention: predictions that changed measured bins, left bins empty, or are not finished.

use super::prediction::Prediction;
use super::summary::shared;
use crate::dataset::Dataset;
use crate::section::Raster;
use crate::words::counted;
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong with predictions, gathered over the genes.
#[derive(Default)]
pub(super) struct Warnings {
    /// By label: genes and number of bins whose measured value was not kept.
    changed: BTreeMap<String, (Vec<String>, usize)>,
    /// By label: genes and number of in-tissue bins without a prediction.
    empty: BTreeMap<String, (Vec<String>, usize)>,
}

impl Warnings {
    /// Checks the prediction `map` of `gene`, whose measured values [rows, cols] are `measured`.
    pub(super) fn check(
        &mut self,
        dataset: &Dataset,
        label: &str,
        gene: &str,
        measured: &Raster<f32>,
        map: &Raster<f32>,
    ) {
        let (known, tissue) = (dataset.sampling().measured(), dataset.tissue());
        let flags = known.values().iter().zip(tissue.values()).map(|(known, inside)| *known && *inside);
        let pairs = map.values().iter().zip(measured.values()).zip(flags);
        let changed = pairs.filter(|((kept, measured), flag)| *flag && kept != measured).count();
        let empty = tissue.values().iter().zip(map.values()).filter(|(inside, value)| **inside && value.is_nan());
        note(&mut self.changed, label, gene, changed);
        note(&mut self.empty, label, gene, empty.count());
    }

    /// One sentence for each, for each prediction whose store is not full, and if they were `scored` for genes that not all predictions hold.
    pub(super) fn told(&self, predictions: &[Prediction], scored: bool) -> Vec<String> {
        let missing = predictions.iter().filter(|prediction| !prediction.missing.is_empty()).map(|prediction| {
            let (label, genes) = (&prediction.label, listed(&prediction.missing));
            let (missing, all) = (prediction.missing.len(), prediction.missing.len() + prediction.genes.len());
            format!("{label}: {missing} of {all} genes of the store are not predicted yet ({genes}). Run s2s-predict --into for them.")
        });
        let changed = self.changed.iter().map(|(label, (genes, bins))| {
            let genes = listed(genes);
            format!("{label}: {bins} measured bins do not hold the measured value ({genes}). Measured bins must be kept as they are: run s2s-predict again.")
        });
        let empty = self.empty.iter().map(|(label, (genes, bins))| {
            let genes = listed(genes);
            format!("{label}: {bins} in-tissue bins hold no prediction ({genes}). They count as predicted 0: run s2s-predict again, unless they are too far from any measured bin (--max-distance-um).")
        });
        let apart = scored.then(|| apart(predictions)).flatten();
        missing.chain(changed).chain(empty).chain(apart).collect()
    }
}

/// Which genes the medians leave out, because not every prediction holds them.
fn apart(predictions: &[Prediction]) -> Option<String> {
    let shared = shared(predictions);
    let all: BTreeSet<&String> = predictions.iter().flat_map(|prediction| &prediction.genes).collect();
    let others: Vec<String> = all.into_iter().filter(|gene| !shared.contains(gene.as_str())).cloned().collect();
    if others.is_empty() {
        return None;
    }
    let medians = match shared.len() {
        0 => "no gene is in every prediction, so the medians of each are over its own genes".to_owned(),
        some => format!("the medians are over the {} that every prediction holds", counted(some, "gene")),
    };
    Some(format!("Not all predictions hold the same genes: {medians}. In some alone: {}.", listed(&others)))
}

fn note(all: &mut BTreeMap<String, (Vec<String>, usize)>, label: &str, gene: &str, bins: usize) {
    if bins > 0 {
        let (genes, sum) = all.entry(label.to_owned()).or_default();
        genes.push(gene.to_owned());
        *sum += bins;
    }
}

/// The first genes by name, the others by number.
fn listed(genes: &[String]) -> String {
    const NAMED: usize = 5;
    let first = genes[..genes.len().min(NAMED)].join(", ");
    if genes.len() > NAMED { format!("{first} and {} more genes", genes.len() - NAMED) } else { first }
}
