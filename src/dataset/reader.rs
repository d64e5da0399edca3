//! Reads a dataset: everything but the truth.

use super::manifest::Manifest;
use crate::files::hex;
use crate::section::{Grid, Lattice, Raster, Sampling, SummedArea};
use crate::{Error, Result};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt32Type};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

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
    let sums = SummedArea::new(tissue);
    let origins = |length: usize| (0..=length.saturating_sub(side)).step_by(s);
    let mut found = Vec::new();
    for row in origins(rows) {
        for col in origins(cols) {
            let (bottom, right) = ((row + side).min(rows), (col + side).min(cols));
            let inside = sums.within(row..bottom, col..right);
            let share = inside as f32 / ((bottom - row) * (right - col)) as f32;
            if share > 0.5 {
                found.push(Patch { row, col, tissue: share });
            }
        }
    }
    found
}

/// A dataset opened for reading. It never opens `truth.parquet`.
#[derive(Clone, Debug)]
pub struct Dataset {
    folder: PathBuf,
    manifest: Manifest,
    tissue: Raster<bool>,
    sampling: Sampling,
    totals: Raster<u32>,
    measured: OnceLock<Table>,
}

impl Dataset {
    /// Opens the dataset `folder` (`SAMPLE.s2s`) and reads its bins.
    pub fn open(folder: &Path) -> Result<Self> {
        let manifest = Manifest::read(folder)?;
        let path = folder.join("bins.parquet");
        let (rows, cols) = (manifest.grid.rows, manifest.grid.cols);
        let table = Table::open(&path)?;
        // Before anything is allocated for a grid that the file does not have.
        let held = table.footer.metadata().file_metadata().num_rows();
        if rows.checked_mul(cols).and_then(|bins| i64::try_from(bins).ok()) != Some(held) {
            return Err(Error::data(&path, format!("{held} rows, expected {rows} × {cols} bins. Run s2s-prep again")));
        }
        if rows * cols > Grid::MOST_BINS {
            return Err(Error::data(&path, format!("{held} bins, expected {} at most", Grid::MOST_BINS)));
        }
        let mut tissue = Raster::filled(rows, cols, false);
        let (mut measured, mut totals) = (tissue.clone(), Raster::filled(rows, cols, 0));
        let mut seen = 0;
        for batch in table.read(None, &["row", "col", "tissue", "measured", "total"])? {
            let (row, col) = (numbers(&path, &batch, "row")?, numbers(&path, &batch, "col")?);
            let (inside, known) = (flags(&path, &batch, "tissue")?, flags(&path, &batch, "measured")?);
            let total = numbers(&path, &batch, "total")?;
            for i in 0..batch.num_rows() {
                let at = bin(&path, &manifest, row.value(i), col.value(i))?;
                (tissue[at], measured[at]) = (inside.value(i), known.value(i));
                totals[at] = if total.is_valid(i) && known.value(i) { total.value(i) } else { 0 };
            }
            seen += batch.num_rows();
        }
        if seen != rows * cols {
            return Err(Error::data(&path, format!("{seen} rows, expected {rows} × {cols} bins. Run s2s-prep again")));
        }
        let sampling = Sampling::of(manifest.lattice, manifest.pattern.clone(), measured);
        if sampling.lattice().is_some_and(|lattice| sampling != Sampling::regular(lattice, rows, cols)) {
            return Err(Error::data(
                &path,
                "the measured bins are not those of the manifest's lattice. Run s2s-prep again",
            ));
        }
        Ok(Dataset { folder: folder.to_owned(), manifest, tissue, sampling, totals, measured: OnceLock::new() })
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
    pub fn sampling(&self) -> &Sampling {
        &self.sampling
    }

    /// The lattice of the measured bins; where [`Dataset::sampling`] has none, only the step between training patches.
    pub fn lattice(&self) -> Lattice {
        self.manifest.lattice
    }

    /// The tissue mask [rows, cols], inferred from the measured bins.
    pub fn tissue(&self) -> &Raster<bool> {
        &self.tissue
    }

    /// The measured bins of a map of the whole grid: on a lattice an image of their own [⌈rows/S⌉, ⌈cols/S⌉], elsewhere the
    /// whole grid [rows, cols] with `nothing` at the others.
    fn image<T: Clone>(&self, map: &Raster<T>, nothing: T) -> Raster<T> {
        match self.sampling.lattice() {
            Some(lattice) => lattice.subsample(map),
            None => Raster::from_fn(map.rows(), map.cols(), |row, col| {
                if self.sampling.measures(row, col) { map[(row, col)].clone() } else { nothing.clone() }
            }),
        }
    }

    /// The tissue mask of the measured bins as an image [⌈rows/S⌉, ⌈cols/S⌉]; where they lie on no lattice, M in the tissue
    /// [rows, cols].
    pub fn measured_tissue(&self) -> Raster<bool> {
        self.image(&self.tissue, false)
    }

    /// Total counts over all genes of the measured bins, [rows, cols], 0 elsewhere.
    pub fn totals(&self) -> &Raster<u32> {
        &self.totals
    }

    /// X_m of a gene: the log-normalised values of the measured bins as an image [⌈rows/S⌉, ⌈cols/S⌉]; where they lie on no
    /// lattice, [`Dataset::measured_values`]. 0 outside the tissue.
    pub fn values(&self, gene: &str) -> Result<Raster<f32>> {
        Ok(self.image(&self.measured_values(gene)?, 0.0))
    }

    /// `measured.parquet`. It has a row group per gene, and where they lie is read once.
    fn measured(&self) -> Result<&Table> {
        match self.measured.get() {
            Some(table) => Ok(table),
            None => {
                let table = Table::open(&self.folder.join("measured.parquet"))?;
                Ok(self.measured.get_or_init(|| table))
            }
        }
    }

    /// The log-normalised values of a gene on the whole grid [rows, cols], 0 where nothing was measured or no tissue is.
    pub fn measured_values(&self, gene: &str) -> Result<Raster<f32>> {
        let mut image = self.tissue.map(|_| 0.0);
        for_each_value(self.measured()?, &self.manifest, gene, 0, |at, value| {
            if self.sampling.measures(at.0, at.1) {
                image[at] = value;
            }
        })?;
        Ok(image)
    }

    /// The counts of a gene in the measured in-tissue bins that it was found in, as ((row, col), count), row by row.
    ///
    /// [`Error::Data`] where the section came normalised already (no [`Manifest::target`]): there are no counts.
    pub fn counts(&self, gene: &str) -> Result<Vec<((usize, usize), u32)>> {
        let table = self.measured()?;
        let path = &table.path;
        let mut counts = Vec::new();
        for batch in table.read(Some(self.manifest.gene(gene)?.row_group), &["row", "col", "count"])? {
            let (row, col) = (numbers(path, &batch, "row")?, numbers(path, &batch, "col")?);
            let count = numbers(path, &batch, "count")?;
            if count.null_count() > 0 {
                return Err(Error::data(path, format!("gene {gene} has values and no counts")));
            }
            for i in 0..batch.num_rows() {
                let at = bin(path, &self.manifest, row.value(i), col.value(i))?;
                if count.value(i) > 0 && self.tissue[at] {
                    counts.push((at, count.value(i)));
                }
            }
        }
        Ok(counts)
    }

    /// The first `count` principal components of the panel over the measured bins, each [⌈rows/S⌉, ⌈cols/S⌉]: mean 0 and
    /// variance 1 over the tissue, 0 outside it. A panel of few genes has fewer: those beyond are 0 everywhere.
    pub fn components(&self, count: usize) -> Result<Vec<Raster<f32>>> {
        Ok(self.component_maps(count)?.iter().map(|map| self.image(map, 0.0)).collect())
    }

    /// The same as maps of the whole grid [rows, cols], 0 where nothing was measured.
    pub fn component_maps(&self, count: usize) -> Result<Vec<Raster<f32>>> {
        let path = self.folder.join("components.parquet");
        let held = count.min(self.manifest.components.len());
        let names: Vec<String> = (1..=held).map(|number| format!("pc{number}")).collect();
        let mut maps = vec![self.totals.map(|_| 0.0); count];
        let columns: Vec<&str> = ["row", "col"].into_iter().chain(names.iter().map(String::as_str)).collect();
        for batch in read(&path, None, &columns)? {
            let (row, col) = (numbers(&path, &batch, "row")?, numbers(&path, &batch, "col")?);
            for (map, name) in maps.iter_mut().zip(&names) {
                let values = floats(&path, &batch, name)?;
                for i in 0..batch.num_rows() {
                    map[bin(&path, &self.manifest, row.value(i), col.value(i))?] = values.value(i);
                }
            }
        }
        Ok(maps)
    }

    /// The patches of `patches.parquet`, of side [`Manifest::patch`].
    pub fn patches(&self) -> Result<Vec<Patch>> {
        let path = self.folder.join("patches.parquet");
        let mut all = Vec::new();
        for batch in read(&path, None, &["row", "col", "tissue"])? {
            let (row, col) = (numbers(&path, &batch, "row")?, numbers(&path, &batch, "col")?);
            let share = floats(&path, &batch, "tissue")?;
            for i in 0..batch.num_rows() {
                let at = bin(&path, &self.manifest, row.value(i), col.value(i))?;
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
        hex(&hash.finalize())
    }
}

/// Calls `each` with the bin and the value of every entry of `gene`; its row group is that of the manifest plus `shift`.
pub(super) fn for_each_value(
    table: &Table,
    manifest: &Manifest,
    gene: &str,
    shift: usize,
    mut each: impl FnMut((usize, usize), f32),
) -> Result<()> {
    let path = &table.path;
    let group = manifest.gene(gene)?.row_group + shift;
    for batch in table.read(Some(group), &["gene", "row", "col", "value"])? {
        let names = batch.column_by_name("gene").and_then(|c| c.as_string_opt::<i32>());
        if names.is_none_or(|names| names.iter().any(|name| name != Some(gene))) {
            return Err(Error::data(path, format!("row group {group} does not hold gene {gene}. Run s2s-prep again")));
        }
        let (row, col) = (numbers(path, &batch, "row")?, numbers(path, &batch, "col")?);
        let value = floats(path, &batch, "value")?;
        for i in 0..batch.num_rows() {
            each(bin(path, manifest, row.value(i), col.value(i))?, value.value(i));
        }
    }
    Ok(())
}

/// The named columns of one row group, or of the whole file.
pub(super) fn read(path: &Path, group: Option<usize>, columns: &[&str]) -> Result<Vec<RecordBatch>> {
    Table::open(path)?.read(group, columns)
}

/// A Parquet file of the dataset, and what its footer says.
#[derive(Clone, Debug)]
pub(super) struct Table {
    path: PathBuf,
    footer: ArrowReaderMetadata,
}

impl Table {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
        let footer = ArrowReaderMetadata::load(&file, Default::default()).map_err(|e| unreadable(path, &e))?;
        Ok(Table { path: path.to_owned(), footer })
    }

    /// The named columns of one row group, or of the whole file.
    pub(super) fn read(&self, group: Option<usize>, columns: &[&str]) -> Result<Vec<RecordBatch>> {
        let bad = |e: &dyn std::fmt::Display| unreadable(&self.path, e);
        let file = File::open(&self.path).map_err(|e| Error::io(&self.path, "read", e))?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.footer.clone());
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
}

fn unreadable(path: &Path, e: &dyn std::fmt::Display) -> Error {
    Error::data(path, format!("not readable as Parquet ({e}). Run s2s-prep again"))
}

pub(super) fn numbers<'a>(path: &Path, batch: &'a RecordBatch, name: &str) -> Result<&'a arrow_array::UInt32Array> {
    let column = batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<UInt32Type>());
    column.ok_or_else(|| Error::data(path, format!("column {name} is missing or not uint32. Run s2s-prep again")))
}

fn flags<'a>(path: &Path, batch: &'a RecordBatch, name: &str) -> Result<&'a arrow_array::BooleanArray> {
    let column = batch.column_by_name(name).and_then(|c| c.as_boolean_opt());
    column.ok_or_else(|| Error::data(path, format!("column {name} is missing or no boolean. Run s2s-prep again")))
}

pub(super) fn floats<'a>(path: &Path, batch: &'a RecordBatch, name: &str) -> Result<&'a arrow_array::Float32Array> {
    let column = batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<Float32Type>());
    column.ok_or_else(|| Error::data(path, format!("column {name} is missing or not float32. Run s2s-prep again")))
}

/// The bin (row, col), if the grid has it.
pub(super) fn bin(path: &Path, manifest: &Manifest, row: u32, col: u32) -> Result<(usize, usize)> {
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
