//! `experiment.xenium`: what a Xenium run says of itself.

use crate::ingest::binning::Collector;
use crate::{Error, Result};
use serde_json::Value;
use std::path::Path;

/// The file's name.
const FILE: &str = "experiment.xenium";

/// Notes what the file in the bundle `folder` says, if there is one.
pub(crate) fn note(folder: &Path, collector: &Collector) -> Result<()> {
    describe(folder)?.into_iter().for_each(|text| collector.note(text));
    Ok(())
}

/// What the file in `folder` says of panel and pixel size, for people; `None` without such a file.
pub(crate) fn describe(folder: &Path) -> Result<Option<String>> {
    let path = folder.join(FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io(&path, "read", e)),
    };
    let run: Value = serde_json::from_str(&text).map_err(|e| Error::data(&path, format!("no JSON: {e}")))?;
    let text = |key: &str| run.get(key).and_then(Value::as_str).unwrap_or("not given").to_owned();
    let targets = |key: &str| run.get(key).and_then(Value::as_u64).unwrap_or(0);
    let pixel = run.get("pixel_size").and_then(Value::as_f64);
    let pixel = pixel.map_or("of unknown size".to_owned(), |um| format!("of {um} µm"));
    let genes = targets("panel_num_targets_predesigned") + targets("panel_num_targets_custom");
    Ok(Some(format!("panel {} ({genes} targets), pixels {pixel}, {}", text("panel_name"), text("analysis_sw_version"))))
}
