//! What a file of weights says of itself: all that is needed to use them, and how they came to be.

use super::config::Crop;
use super::fitted::{Fit, FittedGene, Stop};
use super::identity::Identity;
use super::settings::FitSettings;
use crate::files::{companion, write_together};
use crate::network::{Cdcin, InputConfig, weights};
use crate::provenance::{Input, Provenance};
use crate::{Error, Result};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The key that it stands under.
const KEY: &str = "s2s";

/// The metadata of a fitted network, in its `.safetensors` file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelMetadata {
    /// The genes it was fitted to: one, the panel of a joint fit, or none after natural images alone.
    pub genes: Vec<FittedGene>,
    /// How measured images become the network's input.
    pub input: InputConfig,
    /// Side in dense bins of the windows it was trained on; `None` is the whole section at once.
    pub window: Option<usize>,
    /// [`crate::dataset::Dataset::fingerprint`] of the section it was trained on; empty after natural images alone.
    pub dataset_fingerprint: String,
    /// What decided the weights.
    pub identity: Option<Identity>,
    /// Where it was computed.
    pub device: String,
    /// Optimiser steps made.
    pub steps: usize,
    /// Why there were no more.
    pub stop: Stop,
    /// Mean absolute error of the kept weights on held-out measured bins, as a share of that of the interpolation they
    /// start from; `None` where no bins were held out.
    pub held_out_ratio: Option<f64>,
    /// How it came to be.
    pub provenance: Provenance,
}

impl ModelMetadata {
    /// That of a run; `config` is the whole config in force, `command` who asked for it.
    pub fn of(settings: &FitSettings, fitted: &Fit, config: serde_json::Value, command: &[String]) -> Result<Self> {
        let mut inputs = Vec::new();
        let dataset = settings.dataset;
        inputs.extend(dataset.map(|d| Input { path: d.folder().display().to_string(), sha256: d.fingerprint() }));
        let images = settings.images;
        inputs.extend(images.map(|i| Input { path: "natural images".to_owned(), sha256: i.fingerprint().to_owned() }));
        let init = settings.init;
        inputs.extend(init.map(|i| Input { path: "first weights".to_owned(), sha256: i.fingerprint.clone() }));
        let window = dataset.filter(|_| settings.fit.crop == Crop::Patches).map(|dataset| dataset.manifest().patch);
        Ok(ModelMetadata {
            genes: fitted.genes.clone(),
            input: settings.input(),
            window,
            dataset_fingerprint: dataset.map_or_else(String::new, |dataset| dataset.fingerprint()),
            identity: Some(Identity::of(settings)?),
            device: format!("{:?}", settings.device),
            steps: fitted.steps,
            stop: fitted.stop,
            held_out_ratio: fitted.best.map(|(_, error)| error.network / error.start),
            provenance: Provenance::new("s2s-fit", config, Some(settings.seed), inputs).with_command(command),
        })
    }

    /// Writes the weights to `path` and the loss curves beside it (`NAME.fit.parquet`): both whole, or neither.
    pub fn save(&self, fitted: &Fit, path: &Path) -> Result<()> {
        let text = serde_json::to_string(self).map_err(|e| Error::bug(e))?;
        let curves = fitted.curves.encode(&text)?;
        let weights = weights::encode(&fitted.net, &BTreeMap::from([(KEY.to_owned(), text)]))?;
        // The weights come last: they say that the fit is done.
        write_together(&[(&companion(path, "fit.parquet"), &curves), (path, &weights)])
    }

    /// Reads fitted weights and their metadata.
    pub fn open(path: &Path, device: &Device) -> Result<(Cdcin, Self)> {
        let (net, _, metadata) = weights::open(path, device)?;
        let model = parse(path, metadata.get(KEY))?;
        // One that knows natural images alone holds the mean.
        let (embedded, genes) = (net.known_genes(), model.genes.len());
        if embedded > 0 && embedded != genes.max(1) {
            let found = format!("embeddings of {embedded} genes, expected {}. Fit the gene again", genes.max(1));
            return Err(Error::data(path, found));
        }
        Ok((net, model))
    }

    /// Reads the metadata alone.
    pub fn read(path: &Path) -> Result<Self> {
        let (_, metadata) = weights::read(path)?;
        parse(path, metadata.get(KEY))
    }
}

fn parse(path: &Path, text: Option<&String>) -> Result<ModelMetadata> {
    let text = text
        .ok_or_else(|| Error::data(path, "a network without metadata key \"s2s\". Give a file that s2s-fit wrote"))?;
    serde_json::from_str(text).map_err(|e| Error::data(path, format!("metadata key \"s2s\": {e}. Fit the gene again")))
}
