//! `s2s-predict`, apart from its arguments: every gene that is asked for, into a store.

use super::config::PredictConfig;
use super::gene::GenePrediction;
use super::method::Method;
use super::network::NetworkImputer;
use super::predict::{PredictSettings, Predictor, Source};
use crate::Result;
use crate::files::{check_place, fingerprint};
use crate::provenance::{Input, Provenance};
use crate::section::{Cells, Raster};
use crate::store::{self, Answers, Distribution, Model, Plan, StoreWriter, Uncertainty};
use crate::words::counted;
use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::path::Path;

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
    /// What is predicted, and by what.
    pub settings: PredictSettings<'a>,
    /// The store to write.
    pub output: Output<'a>,
    /// Whether a new store may replace that of another run.
    pub force: bool,
    /// Cells to tell the genes of as well, by the bins that they cover.
    pub cells: Option<&'a Cells>,
    /// Who asks for it, for the provenance: a command line, or the name of a program.
    pub command: &'a [String],
}

/// Predicts every in-tissue bin of every gene asked for and writes the store.
///
/// Errors are those of [`predict()`](super::predict()), and [`Error::Io`](crate::Error::Io) where the store cannot be written.
pub fn run(job: &Job) -> Result<()> {
    check_place(job.output.path())?;
    if let Output::New(path) = job.output {
        store::check_output(path)?;
    }
    let predictor = Predictor::new(&job.settings)?;
    let (name, of, records) = match &predictor.source {
        Source::Networks(networks) => ("s2s".to_owned(), String::new(), models(job, networks, predictor.share)?),
        Source::Method(method) => {
            let kind = if matches!(method, Method::Expert(_)) { "" } else { " interpolation" };
            let records = predictor.genes.iter().map(|gene| (gene.clone(), None)).collect();
            (method.to_string(), format!(" by {method}{kind}"), records)
        }
    };
    let provenance = provenance(job, &name, &records);
    if let Output::New(path) = job.output {
        provenance.earlier(&store::earlier(path)).give_way(path, job.force)?;
    }
    let predictor = predictor.prepared()?;
    let (distribution, totals) = (predictor.tells_distribution(), predictor.totals.as_ref());
    let sure = distribution || matches!(&predictor.source, Source::Networks(all) if say_without(all, job));
    let store = begin(job, &name, (records, provenance), Room { uncertainty: sure, distribution, totals })?;
    predictor.each(|index, prediction| store.write_gene(index, lent(&prediction)))?;
    store.finish()?;
    if totals.is_some() {
        tracing::warn!(
            "predict: expected_counts are what to expect of unmeasured bins, not what was counted there: smooth, alike among neighbours, without the noise of counts. No test of differences may take them for observations"
        );
    }
    tracing::info!("predict: {}{of} in {}", counted(predictor.genes.len(), "gene"), job.output.path().display());
    Ok(())
}

/// What the store keeps of each gene's network, which has a `share` in the mean.
fn models(job: &Job, networks: &[NetworkImputer], share: f64) -> Result<Vec<(String, Option<Model>)>> {
    let config = job.settings.config;
    let mut sums = BTreeMap::new();
    for path in networks.iter().map(|network| network.metadata().0) {
        if !sums.contains_key(path) {
            sums.insert(path, fingerprint(path)?);
        }
    }
    let model = |network: &NetworkImputer| {
        let (path, metadata) = network.metadata();
        // Where experts have a part, the intervals are theirs.
        let calibration = network.calibration(config).filter(|_| share == 1.0);
        Model {
            path: path.display().to_string(),
            sha256: sums.get(path).cloned().unwrap_or_default(),
            steps: metadata.steps,
            held_out_ratio: metadata.held_out_ratio,
            uncertainty: calibration
                .map(|calibration| Uncertainty { coverage: config.coverage, calibration: calibration.clone() }),
        }
    };
    Ok(networks.iter().map(|network| (network.gene().to_owned(), Some(model(network)))).collect())
}

/// A prediction as the store takes it.
fn lent(prediction: &GenePrediction) -> Answers<'_> {
    Answers {
        imputed: &prediction.imputed,
        uncertainty: prediction.uncertainty.as_ref(),
        choice: prediction.choice.as_ref(),
        distribution: prediction.distribution.as_ref().map(|found| Distribution {
            median: &found.median,
            lower: &found.lower,
            upper: &found.upper,
            detected: &found.detected,
            smoothed: &found.smoothed,
            smoothed_uncertainty: &found.smoothed_uncertainty,
            expected_counts: found.expected_counts.as_ref(),
        }),
    }
}

/// Says which of the networks have no uncertainty and why; whether the store needs room for that of the others. One that
/// many runs share has it for all: another run may need it.
fn say_without(networks: &[NetworkImputer], job: &Job) -> bool {
    let config: &PredictConfig = job.settings.config;
    let calibrated = networks.iter().filter(|network| network.calibration(config).is_some()).count();
    let without = networks.len() - calibrated;
    if without > 0 {
        let unseen = !config.network_guides && networks.iter().any(NetworkImputer::has_guides);
        let why = match (config.turns, unseen) {
            (false, _) => "it is calibrated for predict.turns, which is false",
            (true, true) => "it is calibrated with the guides, and predict.network_guides is false",
            (true, false) => {
                "too few bins were held out of their fits (fit.holdout) to calibrate one, or they are older"
            }
        };
        tracing::info!("predict: no uncertainty for {without} of {}: {why}", counted(networks.len(), "gene"));
    }
    calibrated > 0 || matches!(job.output, Output::Into(..))
}

/// What a store has room for beside the imputed values.
struct Room<'a> {
    uncertainty: bool,
    distribution: bool,
    totals: Option<&'a Raster<f32>>,
}

fn begin<'a>(
    job: &Job<'a>,
    method: &'a str,
    (genes, provenance): (Vec<(String, Option<Model>)>, Provenance),
    room: Room<'a>,
) -> Result<StoreWriter<'a>> {
    let Room { uncertainty, distribution, totals } = room;
    let dataset = job.settings.dataset;
    let coverage = job.settings.config.coverage;
    let plan = Plan {
        dataset,
        method,
        genes,
        uncertainty,
        distribution: distribution.then_some(coverage),
        totals,
        cells: job.cells,
        provenance,
    };
    match job.output {
        Output::New(path) => StoreWriter::create(path, plan),
        Output::Into(path, panel) => {
            panel.iter().copied().flatten().try_for_each(|gene| dataset.manifest().gene(gene).map(drop))?;
            StoreWriter::join(path, panel, plan)
        }
    }
}

fn provenance(job: &Job, method: &str, genes: &[(String, Option<Model>)]) -> Provenance {
    let PredictSettings { dataset, config, .. } = job.settings;
    let inputs = vec![Input { path: dataset.folder().display().to_string(), sha256: dataset.fingerprint() }];
    let names: Vec<&String> = genes.iter().map(|(gene, _)| gene).collect();
    let models: Map<_, _> =
        genes.iter().filter_map(|(gene, model)| Some((gene.clone(), json!(model.as_ref()?.sha256)))).collect();
    let cells = job.cells.map(store::cells_fingerprint);
    let asked = json!({ "format": store::FORMAT, "method": method, "genes": names, "models": models, "cells": cells });
    Provenance::new("s2s-predict", json!({ "predict": config }), None, inputs)
        .with_request(asked)
        .with_command(job.command)
}
