//! What deserves the reader's attention: predictions that changed measured bins, left bins empty, or are not finished.

use super::prediction::Prediction;
use crate::dataset::Dataset;
use crate::section::Raster;
use std::collections::BTreeMap;

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

    /// One sentence for each, and for each prediction whose store is not full.
    pub(super) fn told(&self, predictions: &[Prediction]) -> Vec<String> {
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
        missing.chain(changed).chain(empty).collect()
    }
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
