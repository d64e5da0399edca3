//! `s2s-predict`, apart from its arguments: every gene, by every model or by one interpolation, into a store.

use super::baselines::{Method, baseline};
use super::network::NetworkImputer;
use crate::compute::Progress;
use crate::config::PredictConfig;
use crate::dataset::Dataset;
use crate::files::fingerprint;
use crate::provenance::{Input, Provenance};
use crate::store::{Model, Plan, StoreWriter, Uncertainty};
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
    let model = |imputer: &NetworkImputer| {
        let (path, story) = imputer.story();
        Some(Model {
            path: path.display().to_string(),
            sha256: sums.get(path).cloned().unwrap_or_default(),
            steps: story.steps,
            held_out_ratio: story.held_out_ratio,
            uncertainty: imputer
                .calibration(job.config)
                .map(|calibration| Uncertainty { coverage: job.config.coverage, calibration: calibration.clone() }),
        })
    };
    let genes = imputers.iter().map(|imputer| (imputer.gene().to_owned(), model(imputer))).collect();
    let sure = say_without(&imputers, job.config, job.output);
    let store = begin(job, "s2s", genes, sure)?;
    let mut progress = Progress::new("predict", "genes", imputers.len() as u64);
    for (index, imputer) in imputers.iter().enumerate() {
        let found = imputer.impute(job.dataset, job.config)?;
        store.write_gene(index, &found.values, found.uncertainty.as_ref())?;
        progress.at(index as u64 + 1, || imputer.gene().to_owned());
    }
    store.finish()?;
    progress.finish(&format!("{} genes in {}", imputers.len(), job.output.path().display()));
    Ok(())
}

fn with_baseline(job: &Job, method: Method, genes: &[String]) -> Result<()> {
    let manifest = job.dataset.manifest();
    let genes = match genes {
        [] => manifest.genes.iter().map(|gene| gene.name.clone()).collect(),
        asked => asked.to_vec(),
    };
    genes.iter().try_for_each(|gene| manifest.gene(gene).map(drop))?;
    let name = method.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    let store = begin(job, &name, genes.iter().map(|gene| (gene.clone(), None)).collect(), false)?;
    genes
        .par_iter()
        .enumerate()
        .try_for_each(|(index, gene)| store.write_gene(index, &baseline(job.dataset, gene, method)?, None))?;
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

fn begin(job: &Job, method: &str, genes: Vec<(String, Option<Model>)>, uncertainty: bool) -> Result<StoreWriter> {
    let dataset = job.dataset;
    let inputs = vec![Input { path: dataset.folder().display().to_string(), sha256: dataset.fingerprint() }];
    let provenance = Provenance::new("s2s-predict", job.whole_config.clone(), None, inputs);
    let plan = Plan { dataset, method, genes, uncertainty, provenance };
    match job.output {
        Output::New(path) => StoreWriter::create(path, plan),
        Output::Into(path, panel) => {
            panel.iter().copied().flatten().try_for_each(|gene| dataset.manifest().gene(gene).map(drop))?;
            StoreWriter::join(path, panel, plan)
        }
    }
}
