//! `s2s-predict`, apart from its arguments: every gene, by every model or by one interpolation, into a store.

use super::baselines::{Method, baseline};
use super::config::PredictConfig;
use super::experts::experts;
use super::finish;
use super::network::{Imputed, NetworkImputer};
use crate::compute::Progress;
use crate::dataset::Dataset;
use crate::experts::{Experts, Prediction};
use crate::files::fingerprint;
use crate::provenance::{Input, Provenance};
use crate::section::Raster;
use crate::store::{Answers, Distribution, Model, Plan, StoreWriter, Uncertainty};
use crate::{Error, Result};
use burn::tensor::Device;
use clap::ValueEnum;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What predicts.
pub enum Source {
    /// Fitted networks, and which of their genes; all of them without any.
    Models(Vec<PathBuf>, Vec<String>),
    /// An interpolation, of these genes; all of the dataset without any.
    Baseline(Method, Vec<String>),
}

/// Where predictions go.
#[derive(Clone, Copy)]
pub enum Output<'a> {
    /// A new store for the genes of this run, whole or not at all.
    New(&'a Path),
    /// A store that other runs write other genes into; where there is none, one for the genes of a panel, without it for all
    /// of the dataset.
    Into(&'a Path, Option<&'a [String]>),
}

impl Output<'_> {
    fn path(&self) -> &Path {
        match self {
            Output::New(path) | Output::Into(path, _) => path,
        }
    }
}

/// A run of `s2s-predict`.
pub struct Job<'a> {
    /// The section.
    pub dataset: &'a Dataset,
    /// What predicts.
    pub source: Source,
    /// How windows are laid.
    pub config: &'a PredictConfig,
    /// Where networks compute.
    pub device: &'a Device,
    /// The store to write.
    pub output: Output<'a>,
    /// The whole config in force, for the provenance.
    pub whole_config: serde_json::Value,
}

/// Predicts every in-tissue bin of every gene asked for and writes the store.
pub fn run(job: Job) -> Result<()> {
    match &job.source {
        Source::Models(paths, genes) => with_models(&job, paths, genes),
        Source::Baseline(method, genes) => with_baseline(&job, *method, genes),
    }
}

fn with_models(job: &Job, paths: &[PathBuf], wanted: &[String]) -> Result<()> {
    let mut imputers = Vec::new();
    for path in paths {
        imputers.extend(NetworkImputer::open(path, job.dataset, job.device)?);
    }
    if let Some(unknown) = wanted.iter().find(|gene| imputers.iter().all(|imputer| imputer.gene() != *gene)) {
        return Err(Error::Usage(format!("--genes: {unknown} was not fitted by any of the {} networks", paths.len())));
    }
    imputers.retain(|imputer| wanted.is_empty() || wanted.iter().any(|gene| gene == imputer.gene()));
    let genes: Vec<String> = imputers.iter().map(|imputer| imputer.gene().to_owned()).collect();
    if let Some(twice) = genes.iter().enumerate().find(|(i, gene)| genes[..*i].contains(gene)) {
        return Err(Error::Usage(format!("--model: two networks of gene {}. Give one network per gene", twice.1)));
    }
    let mut sums = BTreeMap::new();
    for path in paths {
        sums.insert(path.as_path(), fingerprint(path)?);
    }
    let share = network_share(job);
    let model = |imputer: &NetworkImputer| {
        let (path, metadata) = imputer.metadata();
        // Where experts have a part, the intervals are theirs.
        let calibration = imputer.calibration(job.config).filter(|_| share == 1.0);
        Some(Model {
            path: path.display().to_string(),
            sha256: sums.get(path).cloned().unwrap_or_default(),
            steps: metadata.steps,
            held_out_ratio: metadata.held_out_ratio,
            uncertainty: calibration
                .map(|calibration| Uncertainty { coverage: job.config.coverage, calibration: calibration.clone() }),
        })
    };
    let genes = imputers.iter().map(|imputer| (imputer.gene().to_owned(), model(imputer))).collect();
    let sure = share < 1.0 || say_without(&imputers, job.config, job.output);
    let store = begin(job, "s2s", genes, sure, share < 1.0)?;
    let experts = (share < 1.0).then(|| experts(job.dataset)).transpose()?;
    let mut progress = Progress::new("predict", "genes", imputers.len() as u64);
    for (index, imputer) in imputers.iter().enumerate() {
        let network = (share > 0.0).then(|| imputer.impute(job.dataset, job.config)).transpose()?;
        match (&experts, network) {
            (Some(experts), network) => {
                let found = asked(job, experts, imputer.gene())?;
                let of_network = network.map(|network| network.values);
                store.write_gene(
                    index,
                    answers(job.dataset, imputer.gene(), &found, of_network.as_ref(), share)?.lent(),
                )?;
            }
            (None, Some(Imputed { values, uncertainty })) => {
                store.write_gene(
                    index,
                    Answers { imputed: &values, uncertainty: uncertainty.as_ref(), distribution: None },
                )?;
            }
            (None, None) => {}
        }
        progress.at(index as u64 + 1, || imputer.gene().to_owned());
    }
    store.finish()?;
    progress.finish(&format!("{} genes in {}", imputers.len(), job.output.path().display()));
    Ok(())
}

/// Measured bins below which no network has a part beside the experts: on sections with fewer, it made the mean worse (docs/experts.md).
const LEAST_MEASURED: usize = 1000;

/// The network's share, said where it is not the config's.
fn network_share(job: &Job) -> f64 {
    let share = job.config.network_share;
    let measured = job.dataset.measured_tissue().values().iter().filter(|inside| **inside).count();
    if share == 0.0 || share == 1.0 || measured >= LEAST_MEASURED {
        return share;
    }
    eprintln!(
        "predict: the experts alone; beside them a network helps from about {LEAST_MEASURED} measured bins on, and here are {measured}"
    );
    0.0
}

/// What the experts say of a gene.
fn asked(job: &Job, experts: &Experts, gene: &str) -> Result<Prediction> {
    let values = job.dataset.measured_values(gene)?;
    experts.predict(&values, job.config.coverage, 0).ok_or_else(|| {
        Error::data(job.dataset.folder(), "no measured bin is in the tissue. Lower min_counts of s2s-prep")
    })
}

/// Maps of a gene, measured bins put back.
struct Answered {
    imputed: Raster<f32>,
    uncertainty: Raster<f32>,
    median: Raster<f32>,
    lower: Raster<f32>,
    upper: Raster<f32>,
    prediction: [Raster<f32>; 2],
}

impl Answered {
    fn lent(&self) -> Answers<'_> {
        let [smoothed, detected] = &self.prediction;
        let distribution =
            Distribution { median: &self.median, lower: &self.lower, upper: &self.upper, detected, smoothed };
        Answers { imputed: &self.imputed, uncertainty: Some(&self.uncertainty), distribution: Some(distribution) }
    }
}

/// The experts' answers, with `network` having a `share` of the mean.
fn answers(
    dataset: &Dataset,
    gene: &str,
    found: &Prediction,
    network: Option<&Raster<f32>>,
    share: f64,
) -> Result<Answered> {
    let measured = dataset.measured_values(gene)?;
    let back = |map: Raster<f32>| finish(map, &measured, dataset.sampling(), dataset.tissue());
    let mean = Raster::from_fn(found.mean.rows(), found.mean.cols(), |row, col| {
        let experts = f64::from(found.mean[(row, col)]);
        let mixed = network.map_or(experts, |map| (1.0 - share) * experts + share * f64::from(map[(row, col)]));
        mixed as f32
    });
    let nothing = found.mean.map(|_| 0.0);
    let half = found.deviation.map(|deviation| found.reach.unwrap_or(f64::NAN) as f32 * deviation);
    let uncertainty = finish(half, &nothing, dataset.sampling(), dataset.tissue());
    let [lower, upper] = found.interval.clone().map(back);
    let median = back(found.median.clone());
    let prediction = [found.mean.clone(), found.detected.clone()];
    Ok(Answered { imputed: back(mean), uncertainty, median, lower, upper, prediction })
}

fn with_baseline(job: &Job, method: Method, genes: &[String]) -> Result<()> {
    let manifest = job.dataset.manifest();
    let genes = match genes {
        [] => manifest.genes.iter().map(|gene| gene.name.clone()).collect(),
        asked => asked.to_vec(),
    };
    genes.iter().try_for_each(|gene| manifest.gene(gene).map(drop))?;
    let name = method.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    let distribution = matches!(method, Method::Blend | Method::Forest);
    let records = genes.iter().map(|gene| (gene.clone(), None)).collect();
    let store = begin(job, &name, records, distribution, distribution)?;
    if method.is_expert() {
        let experts = experts(job.dataset)?;
        let mut progress = Progress::new("predict", "genes", genes.len() as u64);
        for (index, gene) in genes.iter().enumerate() {
            let found = asked(job, &experts, gene)?;
            let expert = match method {
                Method::Smoothed => &found.smoothed,
                Method::Cokriging => &found.cokriging,
                Method::Forest => &found.forest,
                _ => &found.mean,
            };
            let answers = answers(job.dataset, gene, &found, Some(expert), 1.0)?;
            let lent = answers.lent();
            store.write_gene(
                index,
                if distribution { lent } else { Answers { uncertainty: None, distribution: None, ..lent } },
            )?;
            progress.at(index as u64 + 1, || gene.clone());
        }
        store.finish()?;
        progress.finish(&format!("{} genes by {name} in {}", genes.len(), job.output.path().display()));
        return Ok(());
    }
    genes.par_iter().enumerate().try_for_each(|(index, gene)| {
        let imputed = baseline(job.dataset, gene, method)?;
        store.write_gene(index, Answers { imputed: &imputed, uncertainty: None, distribution: None })
    })?;
    store.finish()?;
    eprintln!("predict: {} genes by {name} interpolation in {}", genes.len(), job.output.path().display());
    Ok(())
}

/// Says which of the networks have no uncertainty and why; whether the store needs room for that of the others. One that
/// many runs share has it for all: another run may need it.
fn say_without(imputers: &[NetworkImputer], config: &PredictConfig, output: Output) -> bool {
    let calibrated = imputers.iter().filter(|imputer| imputer.calibration(config).is_some()).count();
    let without = imputers.len() - calibrated;
    if without > 0 {
        let why = match config.turns {
            true => "too few bins were held out of their fits (fit.holdout) to calibrate one, or they are older",
            false => "it is calibrated for predict.turns, which is false",
        };
        eprintln!("predict: no uncertainty for {without} of {} genes: {why}", imputers.len());
    }
    calibrated > 0 || matches!(output, Output::Into(..))
}

fn begin(
    job: &Job,
    method: &str,
    genes: Vec<(String, Option<Model>)>,
    uncertainty: bool,
    distribution: bool,
) -> Result<StoreWriter> {
    let dataset = job.dataset;
    let inputs = vec![Input { path: dataset.folder().display().to_string(), sha256: dataset.fingerprint() }];
    let provenance = Provenance::new("s2s-predict", job.whole_config.clone(), None, inputs);
    let coverage = job.config.coverage;
    let plan = Plan { dataset, method, genes, uncertainty, distribution: distribution.then_some(coverage), provenance };
    match job.output {
        Output::New(path) => StoreWriter::create(path, plan),
        Output::Into(path, panel) => {
            panel.iter().copied().flatten().try_for_each(|gene| dataset.manifest().gene(gene).map(drop))?;
            StoreWriter::join(path, panel, plan)
        }
    }
}
