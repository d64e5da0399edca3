//! 10x Xenium without transcripts: `cell_feature_matrix.h5` (or MTX), each cell counted where its centroid lies.

use super::intake::{Collector, Tally};
use super::keyed::Keyed;
use super::mtx::Mtx;
use super::places::Places;
use super::tenx::TenX;
use crate::{Error, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The matrix and the table of cells of a bundle.
pub(super) struct Cells {
    matrix: PathBuf,
    table: PathBuf,
}

impl Cells {
    /// Finds both in the bundle `folder`.
    pub fn find(folder: &Path) -> Result<Cells> {
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

    /// Everything that is read.
    pub fn files(&self) -> Vec<PathBuf> {
        vec![self.matrix.clone(), self.table.clone()]
    }

    /// Reads all counts.
    pub fn read(&self, collector: &Collector) -> Result<Tally> {
        let numbers = ["x_centroid", "y_centroid"];
        let mut centroids: HashMap<Box<str>, [f64; 2]> = HashMap::new();
        Keyed { path: &self.table, key: "cell_id", numbers, headerless: None }.for_each(|cell, centroid| {
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
