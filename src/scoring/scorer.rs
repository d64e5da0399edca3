//! Scores in memory, a gene at a time.

use super::ceiling::{Counts, reliability};
use super::comparison::{Comparison, References};
use super::expectations::Expectation;
use super::gain::{Gain, gain_map};
use super::intervals::Intervals;
use super::outcome::{BinCounts, FORMAT, MaskAgreement, Method, Outcome};
use super::prediction::{Prediction, baseline, interpolates, reference};
use super::regions::{Region, Regions};
use super::score::{IntervalScore, Score};
use super::scored_gene::ScoredGene;
use super::shared_genes::SharedGenes;
use super::summary::MethodSummary;
use super::warnings::Warnings;
use crate::dataset::{Dataset, Truth};
use crate::imputation::{self, Baseline};
use crate::provenance::Provenance;
use crate::section::Raster;
use crate::{Error, Result};
use std::collections::HashSet;

/// What is to be scored.
#[derive(Clone, Copy)]
pub struct ScoreSettings<'a> {
    /// The section.
    pub dataset: &'a Dataset,
    /// The predictions, each with a label of its own.
    pub predictions: &'a [Prediction],
    /// The label of the prediction that the others are compared with bin by bin; without one, the bilinear baseline, else the
    /// last of several.
    pub reference: Option<&'a str>,
    /// How the outcome came to be.
    pub provenance: &'a Provenance,
}

/// Scores predictions in memory: nothing is drawn, written or printed.
///
/// `progress` hears the number of genes done, the number of all, and the gene at hand. Without a truth (a dataset prepared
/// to impute) there are no scores.
///
/// ```no_run
/// use s2s::scoring::{Prediction, ScoreSettings, score};
/// use s2s::{dataset::Dataset, provenance::Provenance};
/// use std::path::Path;
///
/// # fn main() -> s2s::Result<()> {
/// let dataset = Dataset::open(Path::new("lung.s2s"))?;
/// let predictions = [Prediction::open(Path::new("lung.zarr"))?];
/// let provenance = Provenance::new("mine", serde_json::json!({}), None, vec![]);
/// let settings = ScoreSettings { dataset: &dataset, predictions: &predictions, reference: None, provenance: &provenance };
/// for score in &score(&settings, |_, _, _| ())?.scores {
///     println!("{} {:?} {:?}", score.gene, score.region, score.value("rmse"));
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Data`] if a prediction was made from another dataset or holds no gene, [`Error::Usage`] if no prediction has the
/// label of the reference.
pub fn score(settings: &ScoreSettings, progress: impl FnMut(usize, usize, &str)) -> Result<Outcome> {
    let mut scorer = Scorer::new(settings)?;
    scorer.all(progress, |_, _| Ok(()))?;
    Ok(scorer.finish())
}

/// A scoring run, gene by gene.
pub(super) struct Scorer<'a> {
    settings: ScoreSettings<'a>,
    /// The genes that any prediction holds, in the order of the dataset.
    pub(super) genes: Vec<&'a str>,
    baseline: Option<&'a str>,
    reference: Option<&'a str>,
    regions: Regions,
    truth: Option<Truth<'a>>,
    shared: Option<SharedGenes>,
    warnings: Warnings,
    intervals: Vec<IntervalScore>,
    scores: Vec<Score>,
}

impl<'a> Scorer<'a> {
    /// Nothing scored yet.
    pub(super) fn new(settings: &ScoreSettings<'a>) -> Result<Self> {
        let ScoreSettings { dataset, predictions, .. } = *settings;
        predictions.iter().try_for_each(|prediction| prediction.check(dataset))?;
        let baseline = baseline(predictions);
        let reference = reference(settings.reference, baseline, predictions)?;
        let truth = Truth::open(dataset)?;
        let tissue = truth.as_ref().map_or(dataset.tissue(), Truth::tissue).clone();
        let regions = Regions::new(tissue, dataset.sampling());
        Ok(Scorer {
            settings: *settings,
            genes: genes(dataset, predictions)?,
            baseline,
            reference: reference.filter(|_| truth.is_some()),
            shared: truth.is_some().then(|| SharedGenes::new(dataset, predictions, &regions)),
            regions,
            truth,
            warnings: Warnings::default(),
            intervals: Vec::new(),
            scores: Vec::new(),
        })
    }

    /// Scores all genes; `seen` is shown each of them, with the tissue.
    pub(super) fn all(
        &mut self,
        mut progress: impl FnMut(usize, usize, &str),
        mut seen: impl FnMut(&ScoredGene, &Raster<bool>) -> Result<()>,
    ) -> Result<()> {
        for i in 0..self.genes.len() {
            let gene = self.genes[i];
            progress(i, self.genes.len(), gene);
            let found = self.gene(gene)?;
            seen(&found, self.regions.bins(Region::Tissue))?;
            if let (Some(shared), Some(truth)) = (&mut self.shared, &found.truth) {
                shared.add(&found, truth);
            }
            let own = found.intervals.iter().map(|(label, intervals)| IntervalScore::of(gene, label, intervals));
            self.intervals.extend(own);
            self.scores.extend(found.scores);
        }
        Ok(())
    }

    /// Reads and scores one gene.
    fn gene(&mut self, gene: &'a str) -> Result<ScoredGene<'a>> {
        let ScoreSettings { dataset, predictions, .. } = self.settings;
        let mut own = ScoredGene {
            gene,
            dataset,
            truth: self.truth.as_ref().map(|truth| truth.values(gene)).transpose()?,
            measured: dataset.measured_values(gene)?,
            predictions: Vec::new(),
            interpolated: None,
            expectations: Expectation::of(gene, predictions),
            half_widths: Vec::new(),
            reference: self.reference,
            gains: Vec::new(),
            intervals: Vec::new(),
            scores: Vec::new(),
        };
        for prediction in predictions {
            let Some(map) = prediction.gene(dataset, gene)? else { continue };
            let label = prediction.label.as_str();
            self.warnings.check(dataset, label, gene, &own.measured, &map);
            if let Some(interval) = (prediction.interval)(gene)? {
                let bins = self.regions.bins(Region::Unmeasured);
                let judged = own.truth.as_ref().and_then(|truth| Intervals::of(truth, &map, &interval, bins));
                own.intervals.extend(judged.map(|found| (label, found)));
                own.half_widths.push((label, interval.half_width(), interval.coverage()));
            }
            own.predictions.push((label, map));
        }
        if own.truth.is_none() && !predictions.iter().any(|prediction| interpolates(&prediction.method)) {
            own.interpolated = Some(imputation::baseline(dataset, gene, Baseline::Bilinear)?);
        }
        if let Some(truth) = &own.truth {
            own.gains = self.gains(truth, &own.predictions);
            own.scores = self.evaluate(&own, truth)?;
        }
        Ok(own)
    }

    /// The scores of the predictions of a gene, whose gains and intervals are known.
    fn evaluate(&self, own: &ScoredGene, truth: &Raster<f32>) -> Result<Vec<Score>> {
        let reliability = self.reliability(own.gene)?;
        let predictions = own.predictions.iter();
        let all: Vec<(&str, Comparison)> =
            predictions.map(|(label, map)| (*label, Comparison::new(&self.regions, truth, map))).collect();
        let baseline = all.iter().find(|(label, _)| self.baseline == Some(*label)).map(|(_, found)| found);
        let scores = all.iter().flat_map(|(label, comparison)| {
            let gain = own.gains.iter().find(|(other, _)| other == label).and_then(|(_, map)| Gain::of(map));
            let intervals = own.intervals.iter().find(|(other, _)| other == label).map(|(_, found)| found);
            Score::of(own.gene, label, comparison, References { baseline, reliability, gain, intervals })
        });
        Ok(scores.collect())
    }

    /// The reliability of the withheld values of `gene`; `None` without a truth or without counts.
    fn reliability(&self, gene: &str) -> Result<Option<f64>> {
        let (Some(truth), Some(target)) = (&self.truth, self.settings.dataset.manifest().target) else {
            return Ok(None);
        };
        let bins = self.regions.bins(Region::Unmeasured).values().iter().filter(|inside| **inside).count();
        Ok(truth.counts(gene)?.and_then(|found| reliability(&Counts { found, bins, target })))
    }

    /// What each of the predictions `maps` of a gene gains over the reference's; empty where that does not hold the gene.
    fn gains<'m>(&self, truth: &Raster<f32>, maps: &[(&'m str, Raster<f32>)]) -> Vec<(&'m str, Raster<f64>)> {
        let is_reference = |label: &str| self.reference == Some(label);
        let Some((_, reference)) = maps.iter().find(|(label, _)| is_reference(label)) else { return Vec::new() };
        let others = maps.iter().filter(|(label, _)| !is_reference(label));
        others.map(|(label, map)| (*label, gain_map(&self.regions, truth, reference, map))).collect()
    }

    /// What the scores of all genes come to.
    pub(super) fn finish(self) -> Outcome {
        let ScoreSettings { dataset, predictions, provenance, .. } = self.settings;
        let manifest = dataset.manifest();
        let scored = self.truth.is_some();
        let (panel, profiles) = self.shared.map_or((None, Vec::new()), |shared| shared.finish(&self.scores));
        let method = |prediction: &Prediction| Method {
            label: prediction.label.clone(),
            method: prediction.method.clone(),
            path: prediction.path.clone(),
            genes: prediction.genes.len(),
        };
        Outcome {
            format: FORMAT,
            provenance: provenance.clone(),
            sample: manifest.sample.clone(),
            platform: manifest.platform.clone(),
            mode: manifest.mode,
            bin_um: manifest.grid.bin_um,
            scale: manifest.lattice.scale.get(),
            pattern: manifest.pattern.clone(),
            bins: BinCounts::new(&self.regions),
            mask: scored.then(|| MaskAgreement::new(dataset, &self.regions)),
            methods: predictions.iter().map(method).collect(),
            baseline: self.baseline.map(str::to_owned),
            reference: self.reference.map(str::to_owned),
            warnings: self.warnings.told(predictions, scored),
            expectations: Expectation::all(&self.genes, predictions),
            summary: if scored { MethodSummary::all(predictions, &self.scores) } else { Vec::new() },
            panel,
            profiles,
            intervals: self.intervals,
            scores: self.scores,
        }
    }
}

/// The genes that any prediction holds, in the order of the dataset.
fn genes<'a>(dataset: &'a Dataset, predictions: &[Prediction]) -> Result<Vec<&'a str>> {
    let predicted: HashSet<&str> =
        predictions.iter().flat_map(|prediction| prediction.genes.iter().map(String::as_str)).collect();
    let all = dataset.manifest().genes.iter().map(|gene| gene.name.as_str());
    let genes: Vec<&str> = all.filter(|name| predicted.contains(name)).collect();
    if genes.is_empty() {
        return Err(Error::Data("the predictions hold no gene: run s2s-predict first".to_owned()));
    }
    Ok(genes)
}
