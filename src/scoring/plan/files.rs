//! A plan in files.

use super::measure::{PlanSettings, plan};
use super::row::PlanRow;
use crate::files::{Earlier, Entry, Layout, Lock, Replace, check_replaceable};
use crate::ingest::{Request, read_known};
use crate::provenance::Provenance;
use crate::scoring::report::plan_figure;
use crate::{Error, Result};
use serde_json::json;
use std::fs;
use std::path::Path;

/// What a folder of a plan holds.
const TABLE: &str = "plan.csv";
const FIGURE: &str = "plan.svg";
const KNOWN_BY: &str = "provenance.json";

/// Plans ([`plan()`]) on the section that `request` names, for its genes, and writes the folder `output`, whole or not at all:
/// `plan.csv`, a row for every sampling, method and gene, `plan.svg`, medians over the genes, and `provenance.json`. The plan of another
/// run that stands there is replaced with `request.force` alone.
///
/// # Errors
/// Those of [`read()`](crate::ingest::read()) and [`plan()`]; [`Error::Usage`] where something stands that is no plan, or another run's,
/// before anything is read; [`Error::Io`] where it cannot be written.
pub fn run(request: &Request, output: &Path, command: &[String]) -> Result<Vec<PlanRow>> {
    let _lock = Lock::take(output)?;
    check_output(output)?;
    let mut request = request.clone();
    // The panel is all genes, whichever are looked at.
    let genes: Vec<String> = request.genes.take().into_iter().flatten().collect();
    let own = |run: &Provenance| run.clone().with_request(json!({ "plan": genes, "section": run.request }));
    let give_way = |run: &Provenance| stands(output, &own(run)).give_way(output, request.force);
    let (pilot, run) = read_known(&request, command, give_way)?;
    let rows = plan(&PlanSettings { pilot: &pilot, genes: &genes })?;
    write(&rows, &own(&run), output)?;
    Ok(rows)
}

/// What stands at `folder`, where `run` is to write.
fn stands(folder: &Path, run: &Provenance) -> Earlier {
    let Ok(entries) = fs::read_dir(folder) else {
        return if folder.exists() { Earlier::Foreign } else { Earlier::Same };
    };
    if entries.flatten().next().is_none() {
        return Earlier::Same;
    }
    earlier(folder).map_or(Earlier::Foreign, |found| run.earlier(&[found]))
}

/// The run that the plan in `folder` came from.
fn earlier(folder: &Path) -> Option<Provenance> {
    let found: Provenance = serde_json::from_slice(&fs::read(folder.join(KNOWN_BY)).ok()?).ok()?;
    found.request.get("plan").is_some().then_some(found)
}

/// Tells before anything is read what must not be replaced.
fn check_output(output: &Path) -> Result<()> {
    check_replaceable(output, |folder| earlier(folder).is_some(), is_part)
}

/// Whether a plan has such a part.
fn is_part(entry: &Entry) -> bool {
    Layout { folders: &[], files: &[TABLE, FIGURE, KNOWN_BY] }.holds(entry)
}

fn write(rows: &[PlanRow], run: &Provenance, output: &Path) -> Result<()> {
    let failed = |e: &dyn std::fmt::Display| Error::bug(format!("{TABLE}: {e}"));
    let mut table = csv::Writer::from_writer(Vec::new());
    rows.iter().try_for_each(|row| table.serialize(row)).map_err(|e| failed(&e))?;
    let table = table.into_inner().map_err(|e| failed(&e))?;
    let known_by = serde_json::to_vec_pretty(run).map_err(|e| Error::bug(e))?;
    let folder = Replace::begin(output, |folder| earlier(folder).is_some(), is_part)?;
    for (name, content) in [(FIGURE, plan_figure(rows).as_bytes()), (TABLE, &table), (KNOWN_BY, &known_by)] {
        let path = folder.path().join(name);
        fs::write(&path, content).map_err(|e| Error::io(&path, "write", e))?;
    }
    folder.finish()
}
