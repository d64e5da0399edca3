//! A plan in files.

use super::row::PlanRow;
use crate::files::write_atomically;
use crate::scoring::report::plan_figure;
use crate::{Error, Result};
use std::path::Path;

/// Writes `plan.csv`, a row for every sampling, method and gene, and `plan.svg`, medians over the genes, into `folder`.
///
/// [`Error::Io`] where they cannot be written.
pub fn write_plan(rows: &[PlanRow], folder: &Path) -> Result<()> {
    let failed = |e: csv::Error| Error::bug(format!("plan.csv: {e}"));
    let mut table = csv::Writer::from_writer(Vec::new());
    rows.iter().try_for_each(|row| table.serialize(row)).map_err(failed)?;
    let table = table.into_inner().map_err(|e| Error::bug(format!("plan.csv: {e}")))?;
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, "create", e))?;
    write_atomically(&folder.join("plan.svg"), plan_figure(rows).as_bytes())?;
    write_atomically(&folder.join("plan.csv"), &table)
}
