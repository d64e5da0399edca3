//! 10x Xenium without transcripts: `cell_feature_matrix.h5` (or MTX), each cell counted where its centroid lies.

use super::{CELLS, experiment};
use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::ingest::flags::{self, Flag};
use crate::ingest::folders::{Named, entries, lower_name};
use crate::ingest::matrix::{Mtx, TenX};
use crate::ingest::reader::{Platform, Reader};
use crate::ingest::text::KeyedTable;
use crate::{Error, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

static PLATFORM: Platform = Platform {
    name: "xenium-cells",
    title: "10x Xenium, by cell",
    input: "a bundle with cell_feature_matrix and cells",
    part_of: Some("xenium"),
    flags: &[&CELLS, &flags::ALREADY_NORMALISED],
};

/// What the name of the matrix holds.
const MATRIX: &str = "cell_feature_matrix";

/// The reader of Xenium's cells.
pub(crate) struct XeniumCells;

impl Reader for XeniumCells {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn recognises(&self, input: &Path) -> Result<bool> {
        match Cells::find(input) {
            Ok(_) => Ok(true),
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
        let Cells { matrix, table } = Cells::find(path)?;
        Ok(vec![matrix, table])
    }

    fn read(&self, path: &Path, _: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        experiment::note(folder, collector)?;
        Cells::find(path)?.read(collector)
    }
}

/// The matrix and the table of cells of a bundle.
struct Cells {
    matrix: PathBuf,
    table: PathBuf,
}

impl Cells {
    /// Finds both in the bundle `folder`, or the table beside the matrix.
    ///
    /// [`Error::Missing`] where one is not there, [`Error::Data`] where there are two.
    pub(crate) fn find(input: &Path) -> Result<Cells> {
        let folder = if lower_name(input).contains(MATRIX) { input.parent().unwrap_or(input) } else { input };
        let here = entries(folder).map_err(|_| Error::Missing(format!("{}: no bundle", folder.display())))?;
        let found = |ends: &[&str]| {
            let mut named = Named::among(&here, ends);
            named.retain(|found| found.path.is_file() || Mtx::is(&found.path));
            Named::only(Named::or_given(named, input), folder, "Give the bundle of one section")?
                .map(|found| found.path)
                .ok_or_else(|| Error::Missing(format!("{}: no {} in this bundle", folder.display(), ends.join(" or "))))
        };
        Ok(Cells {
            matrix: found(&["cell_feature_matrix.h5", "cell_feature_matrix"])?,
            table: found(&["cells.parquet", "cells.csv.gz", "cells.csv"])?,
        })
    }

    /// Reads all counts.
    pub(crate) fn read(&self, collector: &Collector) -> Result<ReadStats> {
        let numbers = ["x_centroid", "y_centroid"];
        let mut centroids: HashMap<Box<str>, [f64; 2]> = HashMap::new();
        let mut unplaced = 0;
        let table = KeyedTable { path: &self.table, key: "cell_id", numbers, flag: None, headerless: None };
        table.for_each(|cell, centroid| {
            let placed = centroid.iter().all(|at| at.is_finite());
            unplaced += usize::from(!placed);
            match centroids.insert(cell.into(), if placed { centroid } else { [f64::NAN; 2] }) {
                Some(_) => Err(format!("cell {cell} stands twice in the table")),
                None => Ok(()),
            }
        })?;
        if unplaced > 0 {
            collector.note(format!("{unplaced} of {} cells left out: without a centroid", centroids.len()));
        }
        TenX::open(&self.matrix)?.read_at("cell", &self.table, |cell| centroids.get(cell).copied(), collector)
    }
}
