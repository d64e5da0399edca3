//! 10x Visium HD by cell: `segmented_outputs`, Space Ranger's cells, each counted where the centroid of its outline is.
//!
//! Outlines are in pixels of the full picture, which `microns_per_pixel` of the scale factors makes µm: the picture's, not the slide's,
//! so that bins of cells and bins of squares are not the same.

use super::outlines::{centroids, number};
use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::ingest::flags::{self, Flag, Takes};
use crate::ingest::folders::{Named, entries, lower_name};
use crate::ingest::matrix::{Mtx, TenX};
use crate::ingest::reader::{Platform, Reader};
use crate::{Error, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};

static PLATFORM: Platform = Platform {
    name: "visium-hd-cells",
    title: "10x Visium HD, by cell",
    input: "segmented_outputs",
    part_of: Some("visium-hd"),
    flags: &[&CELLS, &flags::ALREADY_NORMALISED],
};

pub(super) static CELLS: Flag = Flag {
    name: "visium-hd-cells",
    takes: Takes::Nothing,
    help: "visium-hd: count Space Ranger's cells at their centroids (segmented_outputs) even where there are squares",
    more: "",
    conflicts: None,
    set: |_, _| Ok(()),
};

/// The names of the matrix, best first.
const MATRICES: [&str; 4] = [
    "filtered_feature_cell_matrix.h5",
    "filtered_feature_cell_matrix",
    "raw_feature_cell_matrix.h5",
    "raw_feature_cell_matrix",
];

/// The names of the outlines, best first: Space Ranger writes those with clusters too.
const OUTLINES: [&str; 2] = ["cell_segmentations.geojson", "graphclust_annotated_cell_segmentations.geojson"];

/// The reader of Visium HD's cells.
pub(crate) struct VisiumHdCells;

impl Reader for VisiumHdCells {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn recognises(&self, input: &Path) -> Result<bool> {
        match Cells::find(input) {
            Ok(_) => Ok(true),
            Err(Error::Missing(told)) if is_matrix(input) => Err(Error::Missing(told)),
            Err(Error::Missing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn demanded_by(&self) -> Option<&'static Flag> {
        Some(&CELLS)
    }

    fn check(&self, input: &Path) -> Result<()> {
        Cells::find(input).map(drop)
    }

    fn files(&self, path: &Path, _: &PrepConfig) -> Result<Vec<PathBuf>> {
        let Cells { matrix, outlines, scales } = Cells::find(path)?;
        Ok(vec![matrix, outlines, scales])
    }

    fn read(&self, path: &Path, _: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        Cells::find(path)?.read(collector)
    }
}

/// Whether a file is a matrix of cells, by its name.
fn is_matrix(path: &Path) -> bool {
    path.is_file() && MATRICES.iter().any(|name| lower_name(path).ends_with(name))
}

/// The files of segmented cells.
struct Cells {
    matrix: PathBuf,
    outlines: PathBuf,
    scales: PathBuf,
}

impl Cells {
    /// Finds them in `segmented_outputs`, in the folder that holds it, or beside the matrix.
    ///
    /// [`Error::Missing`] where one is not there, [`Error::Data`] where there are two.
    fn find(input: &Path) -> Result<Cells> {
        let below = input.join("segmented_outputs");
        let folder = match input.parent() {
            Some(parent) if is_matrix(input) => parent,
            _ if below.is_dir() => &below,
            _ => input,
        };
        let here = entries(folder).map_err(|_| Error::Missing(format!("{}: no folder", folder.display())))?;
        let found = |names: &[&str]| {
            let mut named = Named::among(&here, names);
            named.retain(|found| found.path.is_file() || Mtx::is(&found.path));
            let one = Named::only(Named::or_given(named, input), folder, "Give the folder of one section")?;
            one.map(|found| found.path)
                .ok_or_else(|| Error::Missing(format!("{}: no {} in it", folder.display(), names[0])))
        };
        let scales = folder.join("spatial/scalefactors_json.json");
        let cells = Cells { matrix: found(&MATRICES)?, outlines: found(&OUTLINES)?, scales };
        match cells.scales.is_file() {
            true => Ok(cells),
            false => {
                Err(Error::Missing(format!("{}: not there, and says how large pixels are", cells.scales.display())))
            }
        }
    }

    /// µm per pixel of the full picture.
    fn pixel_um(&self) -> Result<f64> {
        let text = std::fs::read_to_string(&self.scales).map_err(|e| Error::io(&self.scales, "read", e))?;
        let scales: Value =
            serde_json::from_str(&text).map_err(|e| Error::data(&self.scales, format!("no JSON: {e}")))?;
        let um = scales.get("microns_per_pixel").and_then(Value::as_f64).filter(|um| um.is_finite() && *um > 0.0);
        um.ok_or_else(|| Error::data(&self.scales, "no microns_per_pixel above 0"))
    }

    /// Reads all counts.
    fn read(&self, collector: &Collector) -> Result<ReadStats> {
        let pixel_um = self.pixel_um()?;
        let centroids = centroids(&self.outlines)?;
        collector
            .note(format!("{} cells outlined, counted at their centroids, {pixel_um} µm per pixel", centroids.len()));
        let place = |cell: &str| Some(centroids.get(&number(cell)?)?.map(|pixels| pixels * pixel_um));
        TenX::open(&self.matrix)?.read_at("cell", &self.outlines, place, collector)
    }
}
