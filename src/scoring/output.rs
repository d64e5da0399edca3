//! The folders that a scoring run writes: each appears as a whole.

use crate::files::{Entry, Replace, check_outside, check_replaceable, make_below};
use crate::provenance::Provenance;
use crate::{Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Where a scoring run writes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The folder of the scores and the report.
    pub folder: &'a Path,
    /// The folder of the plots as files, if they are asked for.
    pub plots: Option<&'a Path>,
}

/// What a folder of plots has, to be known by; a folder of scores has it in `scores.json`.
const PLOTS: &str = "provenance.json";

/// What a folder of scores has, to be known by.
const KNOWN_BY: &str = "scores.json";

/// Names of what stands in a folder of scores.
const SCORES: [&str; 6] = [KNOWN_BY, "scores.csv", "scores.parquet", "profiles.csv", "report.html", "genes.html"];

impl Target<'_> {
    /// [`Error::Usage`] if the scores or plots of another run than `provenance` stand there, and are not to be replaced by `force`, or
    /// something stands there that is neither.
    pub(super) fn check(&self, provenance: &Provenance, force: bool) -> Result<()> {
        let mut folders = std::iter::once(self.folder).chain(self.plots);
        folders.try_for_each(|folder| {
            check_replaceable(folder, Path::is_dir, is_part)?;
            provenance.earlier(earlier(folder).as_slice()).give_way(folder, force)
        })
    }
}

/// Folders that are being written.
pub(super) struct Folders {
    report: Replace,
    plots: Option<Plots>,
}

enum Plots {
    /// Below the report's.
    Within(PathBuf),
    Apart(Replace),
}

impl Folders {
    /// Starts to write what `target` names for the run `provenance`; earlier scores and plots there are kept until [`Folders::finish`].
    pub(super) fn begin(target: &Target, provenance: &Provenance) -> Result<Self> {
        let begin = |folder: &Path| {
            check_outside(folder)?;
            if let Some(parent) = folder.parent() {
                fs::create_dir_all(parent).map_err(|e| Error::io(parent, "create", e))?;
            }
            Replace::begin(folder, Path::is_dir, is_part)
        };
        let plots = target.plots.map(|plots| Ok::<_, Error>((plots, within(plots, target.folder)?))).transpose()?;
        let report = begin(target.folder)?;
        let plots = match plots {
            None => None,
            Some((_, Some(below))) => Some(Plots::Within(report.path().join(below))),
            Some((plots, None)) => Some(Plots::Apart(begin(plots)?)),
        };
        let folders = Folders { report, plots };
        if let Some(plots) = folders.plots() {
            // One apart from the report is there already.
            make_below(folders.report.path(), plots)?;
            let told = serde_json::to_string_pretty(provenance).map_err(|e| Error::bug(e))? + "\n";
            write(&plots.join(PLOTS), told.as_bytes())?;
        }
        Ok(folders)
    }

    /// The folder to write the scores into.
    pub(super) fn report(&self) -> &Path {
        self.report.path()
    }

    /// The folder to write plots into, if they are asked for.
    pub(super) fn plots(&self) -> Option<&Path> {
        self.plots.as_ref().map(|plots| match plots {
            Plots::Within(path) => path,
            Plots::Apart(replace) => replace.path(),
        })
    }

    /// Puts them in their places.
    pub(super) fn finish(self) -> Result<()> {
        if let Some(Plots::Apart(plots)) = self.plots {
            plots.finish()?;
        }
        self.report.finish()
    }
}

/// Writes a file into a folder that is not in its place yet.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).map_err(|e| Error::io(path, "write", e))
}

/// The path of `plots` below `report`, if it is there.
fn within(plots: &Path, report: &Path) -> Result<Option<PathBuf>> {
    let whole = |path: &Path| std::path::absolute(path).map_err(|e| Error::io(path, "read", e));
    let (plots, report) = (whole(plots)?, whole(report)?);
    if report != plots && report.starts_with(&plots) {
        return Err(Error::Usage(format!(
            "--plots {}: holds --output. Give the plots a folder of their own",
            plots.display()
        )));
    }
    Ok(plots.strip_prefix(&report).map(Path::to_owned).ok())
}

/// The run that the scores or plots in `folder` came from, where it is told.
fn earlier(folder: &Path) -> Option<Provenance> {
    scored(folder).or_else(|| plotted(folder))
}

fn scored(folder: &Path) -> Option<Provenance> {
    let told: serde_json::Value = serde_json::from_slice(&fs::read(folder.join(KNOWN_BY)).ok()?).ok()?;
    told.get("methods").is_some().then(|| Provenance::told(told["provenance"].clone()))
}

fn plotted(folder: &Path) -> Option<Provenance> {
    serde_json::from_slice(&fs::read(folder.join(PLOTS)).ok()?).ok()
}

/// Whether scores or plots have such a part: pictures only where what plots are known by stands. (Engines remove some of what was written
/// before another try.)
fn is_part(entry: &Entry) -> bool {
    let (name, folder) = (entry.name(), entry.path.parent().unwrap_or(entry.path));
    let pictured = |folder: &Path| plotted(folder).is_some();
    if entry.is_folder {
        // Plots lie in a folder of any name, or in one below it.
        return name != "maps" || pictured(folder);
    }
    let map = || folder.ends_with("maps") && name.ends_with(".png") && folder.parent().is_some_and(pictured);
    let picture = || (name.ends_with(".svg") || name == PLOTS) && pictured(folder);
    SCORES.contains(&name) || name.ends_with("_mqc.json") || picture() || map()
}
