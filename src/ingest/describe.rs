//! What the files of a request are, and which bins their counts allow.

use super::binning::ReadStats;
use super::config::PrepConfig;
use super::detect::detect;
use super::request::Request;
use super::survey::{Recommendation, Survey};
use crate::Result;
use std::fmt;
use std::path::PathBuf;

/// What files are, and which bins their counts allow. Its text is what `s2s-prep --describe` prints.
#[derive(Debug)]
pub struct Description {
    /// The name of the platform whose files were read.
    pub platform: &'static str,
    /// The file or folder that was read.
    pub path: PathBuf,
    /// The config in force.
    pub config: PrepConfig,
    /// What all molecules come to, in bins of several sizes.
    pub survey: Survey,
    /// What the positions are counted in.
    unit: String,
    /// The flag that asks for the recommended size.
    flag: String,
}

/// Tells what the files of `request` are, from all of their molecules. Its genes, mode and measured bins do not matter.
///
/// # Errors
/// Those of [`read()`](super::read()) about the files.
pub fn describe(request: &Request) -> Result<Description> {
    let source = detect(request)?;
    let config = source.reader.with_units(request.config.clone())?;
    let (reader, path) = (source.reader, source.path.clone());
    let survey = Survey::of(source, &config)?;
    Ok(Description {
        platform: reader.platform().name,
        unit: reader.unit(&config),
        flag: reader.bin_flag(survey.recommendation.um, &config),
        path,
        config,
        survey,
    })
}

impl Description {
    /// What was read.
    fn heading(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let ReadStats { read, control, low_quality, unnamed, unplaced, .. } = self.survey.molecules;
        let ([x, y], [along_x, along_y]) = (self.survey.origin_um, self.survey.size_mm);
        writeln!(f, "platform   {} ({}), {}", self.platform, self.path.display(), self.unit)?;
        writeln!(f, "size       {along_y:.2} × {along_x:.2} mm (along y × along x): y from {y} µm, x from {x} µm")?;
        writeln!(
            f,
            "molecules  {read} read, {control} of controls, {low_quality} below quality {}, {unnamed} without a gene, {unplaced} without a position, {} kept",
            self.config.min_qv,
            read - control - low_quality - unnamed - unplaced
        )?;
        writeln!(f, "genes      {}", self.survey.genes)
    }

    /// The table of bin sizes.
    fn table(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(
            f,
            "\n  bin µm  rows × columns  tissue bins (≥ {} counts)  counts in half of them, at least",
            self.config.min_counts
        )?;
        self.survey.sizes.iter().try_for_each(|size| {
            let grid = format!("{} × {}", size.rows, size.cols);
            writeln!(f, "{:>8} {grid:>15} {:>26} {:>33}", size.um, size.tissue, size.median)
        })
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.heading(f)?;
        self.table(f)?;
        let Recommendation { um, why } = self.survey.recommendation;
        writeln!(f, "\nrecommended {}: {why}.", self.flag)?;
        let size = self.survey.sizes.iter().find(|size| size.um == um);
        if size.is_some_and(|size| (size.rows.min(size.cols) as usize) < self.config.patch) {
            writeln!(
                f,
                "Its grid is smaller than the training patch of {} bins: train with fit.crop: whole.",
                self.config.patch
            )?;
        }
        Ok(())
    }
}
