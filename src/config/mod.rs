//! The YAML config: one section per stage, defaults from the paper, overridden key by key with `--set` and by flags.
//!
//! Every section belongs to its stage: only programs know the whole of it.

mod guided;
mod overrides;
mod recipes;

use crate::imputation::PredictConfig;
use crate::ingest::PrepConfig;
use crate::network::CdcinConfig;
use crate::training::FitConfig;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use recipes::{RECIPES, Recipe};

/// The whole config file. Every stage reads its own section, and every section may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// What `s2s-prep` does.
    pub prep: PrepConfig,
    /// The network's shape.
    pub network: CdcinConfig,
    /// How `s2s-fit` trains it.
    pub fit: FitConfig,
    /// How `s2s-predict` applies it.
    pub predict: PredictConfig,
}

impl Config {
    /// The config that an output was made with, from its provenance; the defaults where it tells none, or one of another version.
    pub fn of_provenance(config: &Value) -> Self {
        serde_json::from_value(config.clone()).unwrap_or_default()
    }

    /// The whole config, for the provenance of an output.
    pub fn to_json(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(|e| Error::bug(format!("config: {e}")))
    }
}
