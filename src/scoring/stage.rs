//! The stage `s2s-score`: from a dataset and predictions to scores and a report.

use super::biology::Biology;
use super::ceiling::{Counts, reliability};
use super::evaluate::{Beside, Comparison, Region, Regions, Score};
use super::gain::{Gain, gain_map};
use super::intervals::Intervals;
use super::outcome::{BinCounts, FORMAT, MaskAgreement, Method, Outcome};
use super::prediction::{Names, Prediction, Suspicions, labels, reference};
use super::report::{GeneMaps, MOST_PICTURED, Plate, Plots, UNFOLDED, block, page};
use super::summary::MethodSummary;
use super::{multiqc, tables};
use crate::dataset::{Dataset, Truth};
use crate::files::{file_name, folder_fingerprint, remove, write_atomically};
use crate::provenance::{Input, Provenance};
use crate::section::Raster;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// Where a scoring run writes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The folder of the scores and the report.
    pub folder: &'a Path,
    /// The folder of the plots as files, if they are asked for.
    pub plots: Option<&'a Path>,
}

impl<'a, T: AsRef<Path> + ?Sized> From<&'a T> for Target<'a> {
    fn from(folder: &'a T) -> Self {
        Target { folder: folder.as_ref(), plots: None }
    }
}

/// Runs the stage on paths: opens the dataset and its predictions, calls them by the labels in `names` (none: by their
/// methods) and [`score_into`]s them.
///
/// [`Error::Usage`] if the names do not fit the predictions.
pub fn run(
    dataset: &Path,
    predictions: &[PathBuf],
    names: Names,
    output: Target,
    command: &[String],
    progress: impl FnMut(usize, usize, &str),
) -> Result<Outcome> {
    let opened = Dataset::open(dataset)?;
    let mut all = predictions.iter().map(|path| Prediction::open(path)).collect::<Result<Vec<_>>>()?;
    let methods: Vec<&str> = all.iter().map(|prediction| prediction.method.as_str()).collect();
    let labels = labels(names.labels, &methods)?;
    for (prediction, label) in all.iter_mut().zip(labels) {
        prediction.label = label;
    }
    let mut inputs = vec![Input { path: dataset.display().to_string(), sha256: opened.fingerprint() }];
    if let Some(sha256) = opened.manifest().fingerprints.get("truth.parquet") {
        let path = dataset.join("truth.parquet").display().to_string();
        inputs.push(Input { path, sha256: sha256.clone() });
    }
    for path in predictions {
        inputs.push(Input { path: path.display().to_string(), sha256: folder_fingerprint(path)? });
    }
    let provenance = Provenance::new("s2s-score", serde_json::json!({}), None, inputs).with_command(command);
    score_into(&opened, &all, names.reference, provenance, output, progress)
}

/// Scores `predictions` of `dataset` in memory: nothing is drawn, written or printed.
///
/// `progress` hears the number of genes done, the number of all, and the gene at hand. Without a truth (a dataset prepared
/// to impute) there are no scores. The others are compared bin by bin with the prediction labelled `compared_with`; without
/// one, with the bilinear baseline, else the last of several. [`Error::Data`] if a prediction was made from another dataset,
/// [`Error::Usage`] if no prediction has that label.
///
/// ```no_run
/// use s2s::{dataset::Dataset, provenance::Provenance, scoring};
/// use std::path::Path;
///
/// # fn main() -> s2s::Result<()> {
/// let dataset = Dataset::open(Path::new("lung.s2s"))?;
/// let predictions = [scoring::Prediction::open(Path::new("lung.zarr"))?];
/// let provenance = Provenance::new("mine", serde_json::json!({}), None, vec![]);
/// let outcome = scoring::score(&dataset, &predictions, None, provenance, |_, _, _| ())?;
/// for score in &outcome.scores {
///     println!("{} {:?} {:?}", score.gene, score.region, score.value("rmse"));
/// }
/// # Ok(())
/// # }
/// ```
pub fn score(
    dataset: &Dataset,
    predictions: &[Prediction],
    compared_with: Option<&str>,
    provenance: Provenance,
    progress: impl FnMut(usize, usize, &str),
) -> Result<Outcome> {
    let mut scoring = Scoring::new(dataset, predictions, compared_with)?;
    scoring.all(&genes(dataset, predictions)?, progress)?;
    Ok(scoring.finish(provenance))
}

/// [`score`]s and shows `predictions` of `dataset`, and writes `scores.json`, `scores.csv`, `scores.parquet` and `report.html`
/// into the folder `output`, each whole or not at all; with a truth also `profiles.csv` and `*_mqc.json` for MultiQC; and the
/// plots as files where [`Target::plots`] asks for them. Without a truth the report holds the maps alone.
///
/// Errors as those of [`score`], and [`Error::Io`] where an output cannot be written.
pub fn score_into<'t>(
    dataset: &Dataset,
    predictions: &[Prediction],
    compared_with: Option<&str>,
    provenance: Provenance,
    output: impl Into<Target<'t>>,
    progress: impl FnMut(usize, usize, &str),
) -> Result<Outcome> {
    let output = output.into();
    let mut scoring = Scoring::new(dataset, predictions, compared_with)?;
    let plots = output.plots.map(Plots::new).transpose()?;
    let genes = genes(dataset, predictions)?;
    // Truth and input, prediction and error, gain.
    let pictures = 2 + 2 * predictions.len() + predictions.len().saturating_sub(1);
    let block = block(dataset.tissue().shape(), pictures * genes.len().min(MOST_PICTURED));
    scoring.drawing = Some(Drawing { cards: String::new(), block, plots });
    scoring.all(&genes, progress)?;
    let Drawing { cards, plots, .. } = scoring.drawing.take().unwrap_or_default();
    let outcome = scoring.finish(provenance);
    plots.map_or(Ok(()), |plots| plots.charts(&outcome, &genes))?;
    write(&outcome, &page(&outcome, &genes, &cards)?, output.folder)?;
    Ok(outcome)
}

/// The genes that any prediction holds, in the order of the dataset.
fn genes<'a>(dataset: &'a Dataset, predictions: &[Prediction]) -> Result<Vec<&'a str>> {
    let predicted: std::collections::HashSet<&str> =
        predictions.iter().flat_map(|prediction| prediction.genes.iter().map(String::as_str)).collect();
    let all = dataset.manifest().genes.iter().map(|gene| gene.name.as_str());
    let genes: Vec<&str> = all.filter(|name| predicted.contains(name)).collect();
    if genes.is_empty() {
        return Err(Error::Data("the predictions hold no gene: run s2s-predict first".to_owned()));
    }
    Ok(genes)
}

/// The label of the bilinear baseline: by its method, else by its label.
fn baseline(predictions: &[Prediction]) -> Option<String> {
    let by_method = predictions.iter().find(|p| p.method == "bilinear");
    let found = by_method.or_else(|| predictions.iter().find(|p| p.label.eq_ignore_ascii_case("bilinear")));
    found.map(|prediction| prediction.label.clone())
}

/// A scoring run, gene by gene.
struct Scoring<'a> {
    dataset: &'a Dataset,
    predictions: &'a [Prediction],
    baseline: Option<String>,
    reference: Option<String>,
    regions: Regions,
    truth: Option<Truth<'a>>,
    biology: Option<Biology>,
    suspicions: Suspicions,
    intervals: Vec<Intervals>,
    scores: Vec<Score>,
    /// The pictures, where the genes are to be drawn.
    drawing: Option<Drawing>,
}

/// The pictures of a run.
#[derive(Default)]
struct Drawing {
    /// Those of the page.
    cards: String,
    /// The side in bins of what the page shows in one colour.
    block: usize,
    plots: Option<Plots>,
}

impl<'a> Scoring<'a> {
    /// Nothing scored yet.
    fn new(dataset: &'a Dataset, predictions: &'a [Prediction], compared_with: Option<&str>) -> Result<Self> {
        for prediction in predictions {
            prediction.check(dataset)?;
        }
        let baseline = baseline(predictions);
        let reference = reference(compared_with, baseline.as_deref(), predictions)?;
        let truth = Truth::open(dataset)?;
        let tissue = truth.as_ref().map_or(dataset.tissue(), Truth::tissue).clone();
        let regions = Regions::new(tissue, dataset.sampling());
        Ok(Scoring {
            dataset,
            predictions,
            reference: reference.filter(|_| truth.is_some()),
            baseline,
            biology: truth.is_some().then(|| Biology::new(dataset, predictions, &regions)),
            regions,
            truth,
            suspicions: Suspicions::default(),
            intervals: Vec::new(),
            scores: Vec::new(),
            drawing: None,
        })
    }

    fn all(&mut self, genes: &[&str], mut progress: impl FnMut(usize, usize, &str)) -> Result<()> {
        for (i, gene) in genes.iter().enumerate() {
            progress(i, genes.len(), gene);
            self.gene(gene, i)?;
        }
        Ok(())
    }

    /// Scores and draws one gene, the `index`th of them.
    fn gene(&mut self, gene: &str, index: usize) -> Result<()> {
        let measured = self.dataset.measured_values(gene)?;
        let truth = self.truth.as_ref().map(|truth| truth.values(gene)).transpose()?;
        let mut maps = Vec::new();
        let mut intervals = Vec::new();
        for prediction in self.predictions {
            let Some(map) = prediction.gene(self.dataset, gene)? else { continue };
            let label = prediction.label.as_str();
            self.suspicions.look(self.dataset, label, gene, &measured, &map);
            if let Some(truth) = &truth {
                intervals.extend(self.intervals(prediction, gene, truth, &map)?);
            }
            maps.push((label, map));
        }
        let gains = truth.as_ref().map_or(Vec::new(), |truth| self.gains(truth, &maps));
        let mut scores = Vec::new();
        if let Some(truth) = &truth {
            scores = self.evaluate(gene, truth, &maps, &gains, &intervals)?;
            if let Some(biology) = &mut self.biology {
                biology.add(gene, &self.regions, truth, &maps);
            }
        }
        self.intervals.extend(intervals);
        if self.drawing.as_ref().is_some_and(|drawing| index < MOST_PICTURED || drawing.plots.is_some()) {
            let maps = GeneMaps {
                gene,
                tissue: self.regions.bins(Region::Tissue),
                truth: truth.as_ref(),
                input: &self.input(&measured),
                predictions: &maps,
                gains: &gains,
                reference: self.reference.as_deref(),
                scores: &scores,
                bin_um: self.dataset.manifest().grid.bin_um,
            };
            let plate = maps.plate();
            if let Some(drawing) = &mut self.drawing {
                drawing.add(&plate, index)?;
            }
        }
        self.scores.extend(scores);
        Ok(())
    }

    /// The scores of the predictions `maps` of `gene`, whose gains and intervals are these.
    fn evaluate(
        &self,
        gene: &str,
        truth: &Raster<f32>,
        maps: &[(&str, Raster<f32>)],
        gains: &[(&str, Raster<f64>)],
        intervals: &[Intervals],
    ) -> Result<Vec<Score>> {
        let reliability = self.reliability(gene)?;
        let all: Vec<(&str, Comparison)> =
            maps.iter().map(|(label, map)| (*label, self.regions.compare(truth, map))).collect();
        let baseline = all.iter().find(|(label, _)| self.baseline.as_deref() == Some(*label)).map(|(_, own)| own);
        let scores = all.iter().flat_map(|(label, own)| {
            let gain = gains.iter().find(|(other, _)| other == label).and_then(|(_, map)| Gain::of(map));
            let intervals = intervals.iter().find(|one| one.method == *label);
            own.scores(gene, label, Beside { baseline, reliability, gain, intervals })
        });
        Ok(scores.collect())
    }

    /// The reliability of the withheld values of `gene`; `None` without a truth or without counts.
    fn reliability(&self, gene: &str) -> Result<Option<f64>> {
        let (Some(truth), Some(target)) = (&self.truth, self.dataset.manifest().target) else { return Ok(None) };
        let bins = self.regions.bins(Region::Unmeasured).values().iter().filter(|inside| **inside).count();
        Ok(truth.counts(gene)?.and_then(|found| reliability(&Counts { found, bins, target })))
    }

    /// Whether the intervals that `prediction` gives around its `map` of `gene` hold the truth; `None` if it gives none.
    fn intervals(
        &self,
        prediction: &Prediction,
        gene: &str,
        truth: &Raster<f32>,
        map: &Raster<f32>,
    ) -> Result<Option<Intervals>> {
        let Some(interval) = (prediction.interval)(gene)? else { return Ok(None) };
        let bins = self.regions.bins(Region::Unmeasured);
        Ok(Intervals::of((gene, &prediction.label), truth, map, &interval, bins))
    }

    /// What each of the predictions `maps` of a gene gains over the reference's; empty where that does not hold the gene.
    fn gains<'m>(&self, truth: &Raster<f32>, maps: &[(&'m str, Raster<f32>)]) -> Vec<(&'m str, Raster<f64>)> {
        let is_reference = |label: &str| self.reference.as_deref() == Some(label);
        let Some((_, reference)) = maps.iter().find(|(label, _)| is_reference(label)) else { return Vec::new() };
        let others = maps.iter().filter(|(label, _)| !is_reference(label));
        others.map(|(label, map)| (*label, gain_map(&self.regions, truth, reference, map))).collect()
    }

    /// The measured values on the whole grid, NaN where nothing was measured or there is no tissue.
    fn input(&self, measured: &Raster<f32>) -> Raster<f32> {
        let (sampling, tissue) = (self.dataset.sampling(), self.dataset.tissue());
        Raster::from_fn(tissue.rows(), tissue.cols(), |row, col| {
            let known = sampling.measures(row, col) && tissue[(row, col)];
            if known { measured[(row, col)] } else { f32::NAN }
        })
    }

    fn finish(self, provenance: Provenance) -> Outcome {
        let manifest = self.dataset.manifest();
        let scored = self.truth.is_some();
        let (panel, profiles) = self.biology.map_or((None, Vec::new()), |biology| biology.finish(&self.scores));
        let labels = self.predictions.iter().filter(|_| scored).map(|prediction| prediction.label.as_str());
        let method = |prediction: &Prediction| Method {
            label: prediction.label.clone(),
            method: prediction.method.clone(),
            path: prediction.path.clone(),
            genes: prediction.genes.len(),
        };
        Outcome {
            format: FORMAT,
            provenance,
            sample: manifest.sample.clone(),
            platform: manifest.platform.clone(),
            mode: manifest.mode,
            bin_um: manifest.grid.bin_um,
            scale: manifest.lattice.scale.get(),
            pattern: manifest.pattern.clone(),
            bins: BinCounts::new(&self.regions),
            mask: scored.then(|| MaskAgreement::new(self.dataset, &self.regions)),
            methods: self.predictions.iter().map(method).collect(),
            baseline: self.baseline,
            reference: self.reference,
            warnings: self.suspicions.warnings(self.predictions),
            summary: labels.map(|label| MethodSummary::new(label, &self.scores)).collect(),
            panel,
            profiles,
            intervals: self.intervals,
            scores: self.scores,
        }
    }
}

impl Drawing {
    /// Draws a gene, the `index`th of them.
    fn add(&mut self, plate: &Plate, index: usize) -> Result<()> {
        if index < MOST_PICTURED {
            self.cards += &plate.card(index < UNFOLDED, self.block)?;
        }
        self.plots.as_ref().map_or(Ok(()), |plots| plots.gene(plate))
    }
}

/// Writes the outputs. `scores.json` comes last: where it stands, the others do.
fn write(outcome: &Outcome, report: &str, output: &Path) -> Result<()> {
    let failed = |e: serde_json::Error| Error::Bug(format!("scores.json: {e}"));
    let provenance = serde_json::to_string(&outcome.provenance).map_err(failed)?;
    let json = serde_json::to_string_pretty(outcome).map_err(failed)? + "\n";
    let (csv, parquet) = (tables::csv(&outcome.scores)?, tables::parquet(&outcome.scores, provenance)?);
    std::fs::create_dir_all(output).map_err(|e| Error::io(output, "create", e))?;
    let files = multiqc::files(outcome);
    // An earlier output may have had a panel, or profiles.
    for stale in ["summary", "genes", "panel"].map(|kind| format!("{}.{kind}", outcome.sample)) {
        if files.iter().all(|(name, _)| *name != stale) {
            remove(&output.join(format!("{}_mqc.json", file_name(&stale))))?;
        }
    }
    for (name, content) in files {
        write_atomically(&output.join(format!("{}_mqc.json", file_name(&name))), format!("{content:#}\n").as_bytes())?;
    }
    if outcome.profiles.is_empty() {
        remove(&output.join("profiles.csv"))?;
    } else {
        write_atomically(&output.join("profiles.csv"), &tables::profiles(&outcome.profiles)?)?;
    }
    write_atomically(&output.join("scores.csv"), &csv)?;
    write_atomically(&output.join("scores.parquet"), &parquet)?;
    write_atomically(&output.join("report.html"), report.as_bytes())?;
    write_atomically(&output.join("scores.json"), json.as_bytes())
}
