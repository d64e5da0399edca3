//! `s2s-predict`, apart from its arguments: every gene, by every model or by one interpolation, into one store.

use super::baselines::{Method, baseline};
use super::network::NetworkImputer;
use crate::cli::Progress;
use crate::config::PredictConfig;
use crate::dataset::Dataset;
use crate::files::fingerprint;
use crate::provenance::{Input, Provenance};
use crate::section::{Raster, Sampling};
use crate::store::{Header, StoreWriter};
use crate::{Error, Result};
use burn::tensor::Device;
use clap::ValueEnum;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// What predicts.
pub enum Source {
    /// Fitted networks, and which of their genes; all of them without any.
    Models(Vec<PathBuf>, Vec<String>),
    /// An interpolation, of these genes; all of the dataset without any.
    Baseline(Method, Vec<String>),
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
    pub output: &'a Path,
    /// The whole config in force, for the provenance.
    pub whole_config: serde_json::Value,
}

/// Predicts every in-tissue bin of every gene asked for and writes the store, whole or not at all.
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
    let inputs = paths
        .iter()
        .map(|path| Ok(Input { path: path.display().to_string(), sha256: fingerprint(path)? }))
        .collect::<Result<Vec<_>>>()?;
    let store = begin(job, "s2s", genes, inputs)?;
    let mut progress = Progress::new("predict", "genes", imputers.len() as u64);
    for (index, imputer) in imputers.iter().enumerate() {
        store.write_gene(index, &imputer.impute(job.dataset, job.config)?, None)?;
        progress.at(index as u64 + 1, || imputer.gene().to_owned());
    }
    store.finish()?;
    progress.finish(&format!("{} genes in {}", imputers.len(), job.output.display()));
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
    let store = begin(job, &name, genes.clone(), Vec::new())?;
    genes
        .par_iter()
        .enumerate()
        .try_for_each(|(index, gene)| store.write_gene(index, &baseline(job.dataset, gene, method)?, None))?;
    store.finish()?;
    eprintln!("predict: {} genes by {name} interpolation in {}", genes.len(), job.output.display());
    Ok(())
}

fn begin(job: &Job, method: &str, genes: Vec<String>, mut inputs: Vec<Input>) -> Result<StoreWriter> {
    let dataset = job.dataset;
    inputs.insert(0, Input { path: dataset.folder().display().to_string(), sha256: dataset.fingerprint() });
    let provenance = Provenance::new("s2s-predict", job.whole_config.clone(), None, inputs);
    let header = Header::of(dataset, method, genes, provenance);
    StoreWriter::create(job.output, &header, &measured(dataset.sampling(), dataset.tissue()), dataset.tissue(), false)
}

/// The measured in-tissue bins of the whole grid.
fn measured(sampling: &Sampling, tissue: &Raster<bool>) -> Raster<bool> {
    Raster::from_fn(tissue.rows(), tissue.cols(), |row, col| tissue[(row, col)] && sampling.measures(row, col))
}
