//! The run that an earlier dataset came from.

use super::truth;
use crate::provenance::Provenance;
use serde_json::Value;
use std::path::Path;

/// The run that the dataset in `folder` came from; none if no s2s-prep, of whatever version, wrote it.
pub fn earlier(folder: &Path) -> Option<Provenance> {
    let text = std::fs::read(folder.join("manifest.json")).ok()?;
    let manifest: Value = serde_json::from_slice(&text).ok()?;
    // Many tools write a manifest.json: its presence alone says nothing.
    let ours = manifest["provenance"]["tool"] == "s2s-prep";
    ours.then(|| {
        let mut provenance = Provenance::told(manifest["provenance"].clone());
        // A benchmark keeps the hash of its input away from all but scoring.
        provenance.inputs.extend(truth::inputs(folder));
        provenance
    })
}
