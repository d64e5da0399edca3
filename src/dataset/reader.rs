//! Reads a dataset: everything but the truth.

use super::manifest::Manifest;
use crate::section::{Lattice, Raster};
use crate::{Error, Result};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float32Type, UInt32Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A place where a dense P×P patch may be cut for training: its origin lies on the lattice, more than half of it in tissue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patch {
    /// First row.
    pub row: usize,
    /// First column.
    pub col: usize,
    /// Share of the patch inside the tissue.
    pub tissue: f32,
}

/// The patches of side `side` with more than half of their bins in tissue, origins every S bins (§5 of the method).
///
/// Along a side on which the grid is smaller than the patch there is one origin, 0, and the share counts the bins that exist.
pub(super) fn patches(tissue: &Raster<bool>, lattice: Lattice, side: usize) -> Vec<Patch> {
    let (rows, cols) = tissue.shape();
    let s = lattice.scale.get();
    let sums = summed_area(tissue);
    let origins = |length: usize| (0..=length.saturating_sub(side)).step_by(s);
    let mut found = Vec::new();
    for row in origins(rows) {
        for col in origins(cols) {
            let (bottom, right) = ((row + side).min(rows), (col + side).min(cols));
            let inside = sums[(bottom, right)] + sums[(row, col)] - sums[(row, right)] - sums[(bottom, col)];
            let share = inside as f32 / ((bottom - row) * (right - col)) as f32;
            if share > 0.5 {
                found.push(Patch { row, col, tissue: share });
            }
        }
    }
    found
}

/// The number of tissue bins above and left of each corner, [rows + 1, cols + 1].
fn summed_area(tissue: &Raster<bool>) -> Raster<usize> {
    let mut sums = Raster::filled(tissue.rows() + 1, tissue.cols() + 1, 0);
    for row in 0..tissue.rows() {
        for col in 0..tissue.cols() {
            sums[(row + 1, col + 1)] =
                usize::from(tissue[(row, col)]) + sums[(row, col + 1)] + sums[(row + 1, col)] - sums[(row, col)];
        }
    }
    sums
}

/// A dataset opened for reading. It never opens `truth.parquet`.
#[derive(Clone, Debug)]
pub struct Dataset {
    folder: PathBuf,
    manifest: Manifest,
    tissue: Raster<bool>,
    totals: Raster<u32>,
}

impl Dataset {
    /// Opens the dataset `folder` (`SAMPLE.s2s`) and reads its bins.
    pub fn open(folder: &Path) -> Result<Self> {
        let manifest = Manifest::read(folder)?;
        let path = folder.join("bins.parquet");
        let (rows, cols) = (manifest.grid.rows, manifest.grid.cols);
        let mut tissue = Raster::filled(rows, cols, false);
        let mut totals =
            Raster::filled(rows.div_ceil(manifest.lattice.scale.get()), cols.div_ceil(manifest.lattice.scale.get()), 0);
        let s = manifest.lattice.scale.get();
        let mut seen = 0;
        for batch in read(&path, None, &["row", "col", "tissue", "total"])? {
            let (row, col) = (numbers(&path, &batch, "row")?, numbers(&path, &batch, "col")?);
            let (flag, total) =
                (batch.column_by_name("tissue").and_then(|c| c.as_boolean_opt()), numbers(&path, &batch, "total")?);
            let flag =
                flag.ok_or_else(|| Error::data(&path, "column tissue is missing or no boolean. Run s2s-prep again"))?;
            for i in 0..batch.num_rows() {
                let at = inside(&path, &manifest, row.value(i), col.value(i))?;
                tissue[at] = flag.value(i);
                if total.is_valid(i) && manifest.lattice.measures(at.0, at.1) {
                    totals[(at.0 / s, at.1 / s)] = total.value(i);
                }
            }
            seen += batch.num_rows();
        }
        if seen != rows * cols {
            return Err(Error::data(&path, format!("{seen} rows, expected {rows} × {cols} bins. Run s2s-prep again")));
        }
        Ok(Dataset { folder: folder.to_owned(), manifest, tissue, totals })
    }

    /// The content of `manifest.json`.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The folder it was opened from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Which bins are measured.
    pub fn lattice(&self) -> Lattice {
        self.manifest.lattice
    }

    /// The tissue mask [rows, cols], inferred from the measured bins.
    pub fn tissue(&self) -> &Raster<bool> {
        &self.tissue
    }

    /// The tissue mask of the measured bins as an image of their own [⌈rows/S⌉, ⌈cols/S⌉].
    pub fn measured_tissue(&self) -> Raster<bool> {
        self.lattice().subsample(&self.tissue)
    }

    /// Total counts over all genes of the measured bins, [⌈rows/S⌉, ⌈cols/S⌉].
    pub fn totals(&self) -> &Raster<u32> {
        &self.totals
    }

    /// X_m of a gene: the log-normalised values of the measured bins [⌈rows/S⌉, ⌈cols/S⌉], 0 outside the tissue.
    pub fn values(&self, gene: &str) -> Result<Raster<f32>> {
        let path = self.folder.join("measured.parquet");
        let mut image = self.totals.map(|_| 0.0);
        let s = self.lattice().scale.get();
        for_each_value(&path, &self.manifest, gene, 0, |at, value| image[(at.0 / s, at.1 / s)] = value)?;
        Ok(image)
    }

    /// The first `count` principal components of the panel over the measured bins, each [⌈rows/S⌉, ⌈cols/S⌉]: mean 0 and
    /// variance 1 over the tissue, 0 outside it. A panel of few genes has fewer: those beyond are 0 everywhere.
    pub fn components(&self, count: usize) -> Result<Vec<Raster<f32>>> {
        let path = self.folder.join("components.parquet");
        let held = count.min(self.manifest.components.len());
        let names: Vec<String> = (1..=held).map(|number| format!("pc{number}")).collect();
        let mut images = vec![self.totals.map(|_| 0.0); count];
        let s = self.lattice().scale.get();
        if held == 0 {
            return Ok(images);
        }
        let columns: Vec<&str> = ["row", "col"].into_iter().chain(names.iter().map(String::as_str)).collect();
        for batch in read(&path, None, &columns)? {
            let (row, col) = (numbers(&path, &batch, "row")?, numbers(&path, &batch, "col")?);
            for (image, name) in images.iter_mut().zip(&names) {
                let values = floats(&path, &batch, name)?;
                for i in 0..batch.num_rows() {
                    let at = inside(&path, &self.manifest, row.value(i), col.value(i))?;
                    image[(at.0 / s, at.1 / s)] = values.value(i);
                }
            }
        }
        Ok(images)
    }

    /// The patches of `patches.parquet`, of side [`Manifest::patch`].
    pub fn patches(&self) -> Result<Vec<Patch>> {
        let path = self.folder.join("patches.parquet");
        let mut all = Vec::new();
        for batch in read(&path, None, &["row", "col", "tissue"])? {
            let (row, col) = (numbers(&path, &batch, "row")?, numbers(&path, &batch, "col")?);
            let share = floats(&path, &batch, "tissue")?;
            for i in 0..batch.num_rows() {
                let at = inside(&path, &self.manifest, row.value(i), col.value(i))?;
                all.push(Patch { row: at.0, col: at.1, tissue: share.value(i) });
            }
        }
        Ok(all)
    }

    /// One hash of all that training can see: the measured bins, the tissue, the patches and how they were normalised.
    /// The withheld truth has no part in it.
    pub fn fingerprint(&self) -> String {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        for (name, sum) in self.manifest.fingerprints.iter().filter(|(name, _)| *name != "truth.parquet") {
            hash.update(format!("{name} {sum}\n"));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Calls `each` with the bin and the value of every entry of `gene`; its row group is that of the manifest plus `shift`.
pub(super) fn for_each_value(
    path: &Path,
    manifest: &Manifest,
    gene: &str,
    shift: usize,
    mut each: impl FnMut((usize, usize), f32),
) -> Result<()> {
    let group = manifest.gene(gene)?.row_group + shift;
    for batch in read(path, Some(group), &["gene", "row", "col", "value"])? {
        let names = batch.column_by_name("gene").and_then(|c| c.as_string_opt::<i32>());
        if names.is_none_or(|names| names.iter().any(|name| name != Some(gene))) {
            return Err(Error::data(path, format!("row group {group} does not hold gene {gene}. Run s2s-prep again")));
        }
        let (row, col) = (numbers(path, &batch, "row")?, numbers(path, &batch, "col")?);
        let value = floats(path, &batch, "value")?;
        for i in 0..batch.num_rows() {
            each(inside(path, manifest, row.value(i), col.value(i))?, value.value(i));
        }
    }
    Ok(())
}

/// The named columns of one row group, or of the whole file.
pub(super) fn read(path: &Path, group: Option<usize>, columns: &[&str]) -> Result<Vec<RecordBatch>> {
    let bad =
        |e: &dyn std::fmt::Display| Error::data(path, format!("not readable as Parquet ({e}). Run s2s-prep again"));
    let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
    let mut builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| bad(&e))?;
    let mask = parquet::arrow::ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    if let Some(group) = group {
        let groups = builder.metadata().num_row_groups();
        if group >= groups {
            return Err(bad(&format!("row group {group} of {groups}")));
        }
        builder = builder.with_row_groups(vec![group]);
    }
    let reader = builder.with_projection(mask).build().map_err(|e| bad(&e))?;
    reader.map(|batch| batch.map_err(|e| bad(&e))).collect()
}

pub(super) fn numbers<'a>(path: &Path, batch: &'a RecordBatch, name: &str) -> Result<&'a arrow::array::UInt32Array> {
    let column = batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<UInt32Type>());
    column.ok_or_else(|| Error::data(path, format!("column {name} is missing or not uint32. Run s2s-prep again")))
}

fn floats<'a>(path: &Path, batch: &'a RecordBatch, name: &str) -> Result<&'a arrow::array::Float32Array> {
    let column = batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<Float32Type>());
    column.ok_or_else(|| Error::data(path, format!("column {name} is missing or not float32. Run s2s-prep again")))
}

/// The bin (row, col), if the grid has it.
pub(super) fn inside(path: &Path, manifest: &Manifest, row: u32, col: u32) -> Result<(usize, usize)> {
    let (row, col) = (row as usize, col as usize);
    let grid = &manifest.grid;
    if row < grid.rows && col < grid.cols {
        return Ok((row, col));
    }
    Err(Error::data(
        path,
        format!("bin ({row}, {col}) is outside the grid of {} × {} bins. Run s2s-prep again", grid.rows, grid.cols),
    ))
}
