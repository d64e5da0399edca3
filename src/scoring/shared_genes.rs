//! The genes that every method predicted, gathered one by one: what is asked of all of them together is answered at the end.

use super::panel::{FEWEST_GENES, MoransI, Table};
use super::panel_scores::PanelScores;
use super::prediction::Prediction;
use super::profiles::{Predicted, ProfileRow, Profiles};
use super::regions::{Region, Regions};
use super::score::Score;
use super::scored_gene::ScoredGene;
use crate::dataset::Dataset;
use crate::section::{Raster, spread};
use std::collections::HashSet;

/// The panel holds at most this many genes, those with the most counts in the measured bins: what is kept of each is a value
/// for every bin and method.
const MOST_GENES: usize = 500;

/// And over at most this many bins, drawn from all of the section: 128 MiB for the most genes and each method.
const MOST_BINS: usize = 1 << 16;

/// The genes that every method predicted, gathered.
pub(super) struct SharedGenes {
    labels: Vec<String>,
    shared: HashSet<String>,
    /// Those of them that make the panel.
    of_panel: HashSet<String>,
    /// The unmeasured in-tissue bins that the panel is compared over.
    bins: Vec<usize>,
    /// Genes of the panel seen so far, and their values.
    genes: Vec<String>,
    truth: Table,
    predicted: Vec<Table>,
    profiles: Profiles,
}

impl SharedGenes {
    /// Nothing yet, for these `predictions` over the unmeasured bins of `regions`.
    pub(super) fn new(dataset: &Dataset, predictions: &[Prediction], regions: &Regions) -> Self {
        let holds = |name: &String| predictions.iter().all(|prediction| prediction.genes.contains(name));
        let mut shared: Vec<_> = dataset.manifest().genes.iter().filter(|gene| holds(&gene.name)).collect();
        shared.sort_by_key(|gene| std::cmp::Reverse(gene.counts));
        let names = |most: usize| shared.iter().take(most).map(|gene| gene.name.clone()).collect::<HashSet<_>>();
        let labels: Vec<String> = predictions.iter().map(|prediction| prediction.label.clone()).collect();
        let unmeasured = regions.bins(Region::Unmeasured).values().iter().enumerate();
        let unmeasured: Vec<usize> = unmeasured.filter(|(_, inside)| **inside).map(|(bin, _)| bin).collect();
        SharedGenes {
            bins: spread(unmeasured.len(), MOST_BINS).into_iter().map(|place| unmeasured[place]).collect(),
            shared: names(usize::MAX),
            of_panel: if shared.len() < FEWEST_GENES { HashSet::new() } else { names(MOST_GENES) },
            genes: Vec::new(),
            truth: Vec::new(),
            predicted: vec![Vec::new(); labels.len()],
            profiles: Profiles::new(regions, labels.clone()),
            labels,
        }
    }

    /// Adds the gene `own`, whose truth is known. One that a method lacks is left out.
    pub(super) fn add(&mut self, own: &ScoredGene, truth: &Raster<f32>) {
        let ScoredGene { gene, predictions: maps, intervals, .. } = own;
        if !self.shared.contains(*gene) {
            return;
        }
        for (method, (label, map)) in maps.iter().enumerate() {
            let found = intervals.iter().find(|(other, _)| other == label);
            let held = found.map_or(&[][..], |(_, intervals)| intervals.held.as_slice());
            self.profiles.add(method, truth, Predicted { map, held });
        }
        if self.of_panel.contains(*gene) {
            let value = |value: f32| if value.is_nan() { 0.0 } else { value };
            let values =
                |map: &Raster<f32>| self.bins.iter().map(|bin| value(map.values()[*bin])).collect::<Vec<f32>>();
            self.genes.push((*gene).to_owned());
            let predicted: Vec<Vec<f32>> = maps.iter().map(|(_, map)| values(map)).collect();
            self.truth.push(values(truth));
            self.predicted.iter_mut().zip(predicted).for_each(|(table, own)| table.push(own));
        }
    }

    /// The answers; those of a panel if the genes are enough for one. `scores` are those of all genes.
    pub(super) fn finish(self, scores: &[Score]) -> (Option<PanelScores>, Vec<ProfileRow>) {
        let rows = self.profiles.rows();
        if self.genes.len() < FEWEST_GENES {
            return (None, rows);
        }
        let morans = |key: &str, label: &str| -> Vec<f64> {
            let own = scores.iter().filter(|score| score.region == Region::Tissue && score.method == label);
            let own = own.filter(|score| self.of_panel.contains(&score.gene));
            // A gene without variance has no pattern.
            own.map(|score| score.value(key).unwrap_or(0.0)).collect()
        };
        let pairs: Vec<(Vec<f64>, Vec<f64>)> =
            self.labels.iter().map(|label| (morans("morans_i_truth", label), morans("morans_i", label))).collect();
        let methods = self.labels.iter().zip(&pairs).zip(self.predicted);
        let methods: Vec<_> = methods
            .map(|((label, (truth, predicted)), table)| (label.as_str(), MoransI { truth, predicted }, table))
            .collect();
        (Some(PanelScores::new(self.truth, &methods)), rows)
    }
}
