//! The withheld bins. Only scoring opens them.

use super::manifest::Mode;
use super::reader::{Dataset, Table, bin, for_each_value, numbers};
use crate::provenance::Input;
use crate::section::Raster;
use crate::{Error, Result};
use parquet::file::metadata::{KeyValue, ParquetMetaDataReader};
use std::fs::File;
use std::path::{Path, PathBuf};

/// What a benchmark withheld, for scoring alone.
#[derive(Clone, Debug)]
pub struct Truth<'a> {
    dataset: &'a Dataset,
    path: PathBuf,
    /// Opened once: its footer tells of every gene's row group, and is as long as the panel.
    table: Table,
    tissue: Raster<bool>,
    totals: Raster<u32>,
}

impl<'a> Truth<'a> {
    /// Opens the truth of `dataset`; `None` if it was prepared to impute and so has none.
    ///
    /// [`Error::Missing`] if it is a benchmark whose `truth.parquet` is gone.
    pub fn open(dataset: &'a Dataset) -> Result<Option<Self>> {
        let manifest = dataset.manifest();
        if manifest.mode == Mode::Impute {
            return Ok(None);
        }
        let path = dataset.folder().join("truth.parquet");
        if !path.exists() {
            return Err(Error::Missing(format!(
                "{}: not found, but {} was prepared as a benchmark. Run s2s-prep again to score it",
                path.display(),
                manifest.sample
            )));
        }
        let mut tissue = Raster::from_fn(manifest.grid.rows, manifest.grid.cols, |row, col| {
            dataset.sampling().measures(row, col) && dataset.tissue()[(row, col)]
        });
        let mut totals = tissue.map(|_| 0);
        let table = Table::open(&path)?;
        for batch in table.read(Some(0), &["row", "col", "count"])? {
            let (row, col) = (numbers(&path, &batch, "row")?, numbers(&path, &batch, "col")?);
            let total = numbers(&path, &batch, "count")?;
            for i in 0..batch.num_rows() {
                let at = bin(&path, manifest, row.value(i), col.value(i))?;
                tissue[at] = match manifest.tissue_given {
                    true => dataset.tissue()[at],
                    false => u64::from(total.value(i)) >= manifest.min_counts,
                };
                totals[at] = total.value(i);
            }
        }
        Ok(Some(Truth { dataset, path, table, tissue, totals }))
    }

    /// The true tissue mask [rows, cols]: bins whose own total reaches `min_counts`, measured or withheld; or what the user said.
    pub fn tissue(&self) -> &Raster<bool> {
        &self.tissue
    }

    /// The dense truth X_h of a gene [rows, cols]: log-normalised values of measured and withheld bins, 0 outside the true tissue.
    pub fn values(&self, gene: &str) -> Result<Raster<f32>> {
        let mut dense = self.dataset.measured_values(gene)?;
        for_each_value(&self.table, self.dataset.manifest(), gene, 1, |at, value| {
            if self.tissue[at] && !self.dataset.sampling().measures(at.0, at.1) {
                dense[at] = value;
            }
        })?;
        Ok(dense)
    }

    /// Count and total over all genes of every withheld bin in the true tissue that holds `gene`; `None` where the input was
    /// normalised already, and has no counts.
    pub fn counts(&self, gene: &str) -> Result<Option<Vec<(u32, u32)>>> {
        let manifest = self.dataset.manifest();
        if manifest.target.is_none() {
            return Ok(None);
        }
        let group = manifest.gene(gene)?.row_group + 1;
        let mut found = Vec::new();
        for batch in self.table.read(Some(group), &["row", "col", "count"])? {
            let (row, col) = (numbers(&self.path, &batch, "row")?, numbers(&self.path, &batch, "col")?);
            let count = numbers(&self.path, &batch, "count")?;
            for i in 0..batch.num_rows() {
                let at = bin(&self.path, manifest, row.value(i), col.value(i))?;
                let withheld = self.tissue[at] && !self.dataset.sampling().measures(at.0, at.1);
                if withheld && count.value(i) > 0 {
                    found.push((count.value(i), self.totals[at]));
                }
            }
        }
        Ok(Some(found))
    }
}

/// What comes before the path of an input in the metadata of `truth.parquet`.
const INPUT: &str = "input ";

/// The inputs of a benchmark as the metadata of `truth.parquet`.
pub(super) fn noted(inputs: &[Input]) -> Vec<KeyValue> {
    inputs.iter().map(|input| KeyValue::new(format!("{INPUT}{}", input.path), input.sha256.clone())).collect()
}

/// What [`noted`] left in the dataset `folder`, for its own writer to know whether it did the same before.
pub(super) fn inputs(folder: &Path) -> Vec<Input> {
    let file = File::open(folder.join("truth.parquet")).ok();
    let metadata = file.and_then(|file| ParquetMetaDataReader::new().parse_and_finish(&file).ok());
    let notes = metadata.and_then(|metadata| metadata.file_metadata().key_value_metadata().cloned());
    let input = |note: KeyValue| Some(Input { path: note.key.strip_prefix(INPUT)?.to_owned(), sha256: note.value? });
    notes.unwrap_or_default().into_iter().filter_map(input).collect()
}
