//! The plots of the report as files of their own.

use super::figure::GeneFigure;
use super::order::scored;
use super::score_charts::{colours, profiles, scores};
use crate::files::{file_name, make_below};
use crate::scoring::Outcome;
use crate::{Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder that plots are written into: `GENE.svg`, a figure of all its maps; `maps/GENE.truth.png`, `GENE.LABEL.png`,
/// `GENE.LABEL.error.png` …, each of them with one pixel per bin; `scores.svg`, `errors_by_border.svg`, `errors_by_level.svg`, and in holes `errors_by_distance.svg`. It is not in its place yet.
pub(crate) struct Plots {
    folder: PathBuf,
}

impl Plots {
    /// In a `folder` that is there.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        make_below(folder, &folder.join("maps"))?;
        Ok(Plots { folder: folder.to_owned() })
    }

    /// Writes the pictures of a gene.
    pub(crate) fn gene(&self, figure: &GeneFigure) -> Result<()> {
        let gene = file_name(figure.gene);
        write(&self.folder.join(format!("{gene}.svg")), figure.svg()?.as_bytes())?;
        for (name, png) in figure.pngs()? {
            write(&self.folder.join(format!("maps/{gene}.{}.png", file_name(&name))), &png)?;
        }
        Ok(())
    }

    /// Writes the charts of the scores of these `genes`; nothing without scores.
    pub(crate) fn charts(&self, outcome: &Outcome, genes: &[&str]) -> Result<()> {
        if outcome.scores.is_empty() {
            return Ok(());
        }
        let colours = colours(outcome);
        let profiles = profiles(outcome, &colours).into_iter().map(|(_, name, chart)| (name, chart));
        let scores = scores(outcome, &scored(outcome, genes), &colours);
        for (name, chart) in std::iter::once(("scores", scores)).chain(profiles) {
            write(&self.folder.join(format!("{name}.svg")), chart.file().as_bytes())?;
        }
        Ok(())
    }
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).map_err(|e| Error::io(path, "write", e))
}
