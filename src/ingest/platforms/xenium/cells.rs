//! 10x Xenium without transcripts: `cell_feature_matrix.h5` (or MTX), each cell counted where its centroid lies.

use super::{CELLS, experiment};
use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::ingest::flags::{self, Flag};
use crate::ingest::matrix::{Mtx, Places, TenX};
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

/// The reader of Xenium's cells.
pub(crate) struct XeniumCells;

impl Reader for XeniumCells {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn recognises(&self, input: &Path) -> Result<bool> {
        Ok(Cells::find(input).is_ok())
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
        experiment::note(path, collector)?;
        Cells::find(path)?.read(collector)
    }
}

/// The matrix and the table of cells of a bundle.
struct Cells {
    matrix: PathBuf,
    table: PathBuf,
}

impl Cells {
    /// Finds both in the bundle `folder`.
    pub(crate) fn find(folder: &Path) -> Result<Cells> {
        let found = |names: &[&str]| {
            names.iter().map(|name| folder.join(name)).find(|path| path.is_file() || Mtx::is_in(path)).ok_or_else(
                || Error::Missing(format!("{}: no {} in this bundle", folder.display(), names.join(" or "))),
            )
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
        KeyedTable { path: &self.table, key: "cell_id", numbers, headerless: None }.for_each(|cell, centroid| {
            match centroids.insert(cell.into(), centroid) {
                _ if centroid.iter().any(|at| !at.is_finite()) => Err(format!("cell {cell} has no centroid")),
                Some(_) => Err(format!("cell {cell} stands twice in the table")),
                None => Ok(()),
            }
        })?;
        let matrix = TenX::open(&self.matrix)?;
        let mut at = Vec::new();
        let mut stranger = None;
        matrix.barcodes(|cell| match centroids.get(cell) {
            Some(centroid) => at.push(*centroid),
            None => stranger = stranger.take().or_else(|| Some(cell.to_owned())),
        })?;
        match stranger {
            Some(cell) => Err(Error::data(&self.table, format!("cell {cell} of the matrix is not in it"))),
            None => matrix.read(&Places::Points(at), collector),
        }
    }
}
