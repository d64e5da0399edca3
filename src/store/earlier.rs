//! The runs that an earlier store came from.

use crate::provenance::Provenance;
use serde_json::Value;
use std::path::Path;

/// Whether `path` is a store of s2s-predict, of whatever format. Other Zarr stores are somebody's data.
pub(super) fn is_store(path: &Path) -> bool {
    attributes(path).is_some_and(|told| told.pointer("/s2s/dataset_fingerprint").is_some())
}

/// The runs that wrote into the store `path`; none if it is no store of s2s-predict.
pub fn earlier(path: &Path) -> Vec<Provenance> {
    if !is_store(path) {
        return Vec::new();
    }
    let jobs = std::fs::read_dir(path.join("s2s/jobs")).into_iter().flatten().flatten();
    let runs: Vec<Provenance> = jobs.filter_map(|job| attributes(&job.path())).map(Provenance::told).collect();
    if runs.is_empty() { vec![Provenance::told(Value::Null)] } else { runs }
}

/// The attributes of the group in the folder `path`.
fn attributes(path: &Path) -> Option<Value> {
    let group: Value = serde_json::from_slice(&std::fs::read(path.join("zarr.json")).ok()?).ok()?;
    group.get("attributes").cloned()
}
