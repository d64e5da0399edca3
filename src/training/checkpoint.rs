//! What is kept beside the weights of a fitted gene: all that is needed to use them, and how they came to be.

use super::config::Crop;
use super::fit::{Fit, FitSettings, Stop};
use crate::network::{Cdcin, InputConfig, weights};
use crate::provenance::{Input, Provenance};
use crate::{Error, Result};
use burn::tensor::Device;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The story of a fitted gene, in the metadata of its `.safetensors` file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The gene.
    pub gene: String,
    /// What its values are divided by before the network and multiplied by after it.
    pub gene_scale: f64,
    /// How measured images become the network's input.
    pub input: InputConfig,
    /// Side in dense bins of the windows it was trained on; `None` is the whole section at once.
    pub window: Option<usize>,
    /// [`crate::dataset::Dataset::fingerprint`] of the section it was trained on.
    pub dataset_fingerprint: String,
    /// Optimiser steps made.
    pub steps: usize,
    /// Why there were no more.
    pub stop: Stop,
    /// Mean absolute error of the kept weights on held-out measured bins, as a share of that of the interpolation they
    /// start from; `None` where no bins were held out.
    pub held_out_ratio: Option<f64>,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// How it came to be.
    pub provenance: Provenance,
}

impl Checkpoint {
    /// The story of a run; `config` is the whole config in force.
    pub fn of(settings: &FitSettings, fitted: &Fit, config: serde_json::Value) -> Self {
        let dataset = settings.dataset;
        let mut inputs = vec![Input { path: dataset.folder().display().to_string(), sha256: dataset.fingerprint() }];
        let images =
            settings.images.map(|images| Input { path: "natural images".into(), sha256: images.fingerprint() });
        inputs.extend(images);
        Checkpoint {
            gene: settings.gene.to_owned(),
            gene_scale: fitted.scale,
            input: settings.fit.input(dataset.lattice().scale),
            window: (settings.fit.crop == Crop::Patches).then_some(dataset.manifest().patch),
            dataset_fingerprint: dataset.fingerprint(),
            steps: fitted.steps,
            stop: fitted.stop,
            held_out_ratio: fitted.best.map(|(_, error)| error.network / error.start),
            seconds: fitted.seconds,
            provenance: Provenance::new("s2s-fit", config, Some(settings.seed), inputs),
        }
    }

    /// Writes the loss curves beside `path` (`NAME.fit.parquet`), then the weights, each whole or not at all.
    pub fn save(&self, fitted: &Fit, path: &Path) -> Result<()> {
        let story = serde_json::to_string(self).map_err(|e| Error::Bug(e.to_string()))?;
        fitted.curves.write(&path.with_extension("fit.parquet"), &story)?;
        weights::save(&fitted.net, &BTreeMap::from([("s2s".to_owned(), story)]), path)
    }

    /// Reads fitted weights and their story.
    pub fn open(path: &Path, device: &Device) -> Result<(Cdcin, Self)> {
        let (net, _, metadata) = weights::open(path, device)?;
        Ok((net, parse(path, metadata.get("s2s"))?))
    }
}

fn parse<T: DeserializeOwned>(path: &Path, text: Option<&String>) -> Result<T> {
    let text = text
        .ok_or_else(|| Error::data(path, "a network without metadata key \"s2s\". Give a file that s2s-fit wrote"))?;
    serde_json::from_str(text).map_err(|e| Error::data(path, format!("metadata key \"s2s\": {e}. Fit the gene again")))
}
