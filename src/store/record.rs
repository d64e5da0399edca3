//! What a store says of each gene: that its prediction is complete, and where it came from.
//!
//! `s2s/genes` [gene] holds JSON, one file per gene. It is written after everything else of that gene, and removed before
//! the gene is predicted again: where it stands, the gene is whole.

use super::choice::Choice;
use super::zarr::{Kind, Values, Zarr};
use crate::calibration::Calibration;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zarrs::array::data_type;

/// The network that predicted a gene.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// The file of its weights, as it was given.
    pub path: String,
    /// SHA-256 of that file, in hexadecimal.
    pub sha256: String,
    /// Optimiser steps of its training.
    pub steps: usize,
    /// Mean absolute error on held-out measured bins, as a share of interpolation's; `None` where none were held out.
    pub held_out_ratio: Option<f64>,
    /// What its uncertainty means; `None` where it says nothing of it.
    #[serde(default)]
    pub uncertainty: Option<Uncertainty>,
}

/// What the uncertainty of a gene is: half the width of the interval around every imputed value.
///
/// A bin lies in [max(0, imputed − uncertainty), imputed + uncertainty] with a probability of `coverage`. For another coverage
/// c, multiply by the calibration's quantile at c over that at `coverage`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Uncertainty {
    /// The share of the unmeasured bins that the intervals are to hold.
    pub coverage: f64,
    /// What they rest on.
    pub calibration: Calibration,
}

impl Uncertainty {
    /// What the stored half-widths are multiplied by for intervals of another `coverage`.
    pub fn factor(&self, coverage: f64) -> f64 {
        let stored = self.calibration.quantiles.at(self.coverage);
        if stored > 0.0 { self.calibration.quantiles.at(coverage) / stored } else { 1.0 }
    }
}

/// How the prediction of a gene came to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The gene.
    pub gene: String,
    /// The network; `None` after interpolation.
    pub model: Option<Model>,
    /// What predicted it; `None` in older stores, and after a method that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// The run that predicted it: the provenance is the attributes of the group `s2s/jobs/JOB`.
    pub job: String,
    /// SHA-256 of the full-size level of `imputed` (float32, little-endian, row by row): what is read back must have it, so a
    /// chunk that is missing, cut or of another run is no prediction. `None` in stores written before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imputed: Option<String>,
    /// The same of `uncertainty`, where the gene has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertainty: Option<String>,
    /// The same of the further images, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub further: BTreeMap<String, String>,
}

impl Record {
    /// The SHA-256 that the image of this name must have, where it was kept.
    pub(super) fn sum(&self, image: &str) -> Option<&String> {
        match image {
            "imputed" => self.imputed.as_ref(),
            "uncertainty" => self.uncertainty.as_ref(),
            further => self.further.get(further),
        }
    }
}

/// SHA-256 of values as little-endian float32.
pub(super) fn values_fingerprint(values: &[f32]) -> String {
    crate::files::content_fingerprint(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

/// What `read` gives; where the decoder of a broken chunk panics, an error.
pub(super) fn guarded<T>(read: impl FnOnce() -> std::result::Result<T, String>) -> std::result::Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_else(|_| Err("a chunk is broken".to_owned()))
}

/// The records of a store.
pub(super) struct Records(Values);

const PATH: &str = "/s2s/genes";

impl Records {
    /// Makes room for the records of so many genes.
    pub(super) fn create(zarr: &Zarr, genes: usize) -> Result<()> {
        zarr.group("/s2s", serde_json::json!({}))?;
        zarr.group("/s2s/jobs", serde_json::json!({}))?;
        let kind = Kind { chunk: vec![1], ..Kind::vector(genes, data_type::string(), "") };
        zarr.array(PATH, kind).map(drop)
    }

    /// The records of the store.
    pub(super) fn open(zarr: &Zarr) -> Result<Self> {
        zarr.open(PATH).map(Records)
    }

    /// Whether they are those of so many genes, a chunk each.
    pub(super) fn check(&self, genes: usize) -> std::result::Result<(), String> {
        let chunk = self.0.chunk_shape(&[0]).map_err(|e| e.to_string())?;
        if *self.0.shape() == [genes as u64] && chunk.iter().all(|length| length.get() == 1) {
            return Ok(());
        }
        Err(format!(
            "array {PATH}: shape {:?} in chunks {chunk:?}, expected {genes} genes in chunks of one",
            self.0.shape()
        ))
    }

    /// Writes the record of the gene at `index`.
    pub(super) fn write(&self, zarr: &Zarr, index: usize, record: &Record) -> Result<()> {
        let text = serde_json::to_string(record).map_err(|e| Error::bug(e))?;
        self.0.store_chunk(&[index as u64], vec![text]).map_err(|e| zarr.failed(e))
    }

    /// Takes back that the gene at `index` is whole.
    pub(super) fn remove(&self, zarr: &Zarr, index: usize) -> Result<()> {
        self.0.erase_chunk(&[index as u64]).map_err(|e| zarr.failed(e))
    }

    /// The record of every gene, `None` where it is not whole; otherwise what is wrong with them.
    pub(super) fn read(&self) -> std::result::Result<Vec<Option<Record>>, String> {
        let read = || self.0.retrieve_array_subset::<Vec<String>>(&self.0.subset_all()).map_err(|e| e.to_string());
        let texts = guarded(read)?;
        let parse = |text: &String| serde_json::from_str(text).map_err(|e| format!("array {PATH}: {e}"));
        texts.iter().map(|text| (!text.is_empty()).then(|| parse(text)).transpose()).collect()
    }
}
