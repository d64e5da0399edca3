//! The withheld bins. Only scoring opens them.

use super::manifest::Mode;
use super::reader::{Dataset, Table, bin, for_each_value, numbers, read};
use crate::section::Raster;
use crate::{Error, Result};
use std::path::PathBuf;

/// What a benchmark withheld, for scoring alone.
#[derive(Clone, Debug)]
pub struct Truth<'a> {
    dataset: &'a Dataset,
    path: PathBuf,
    tissue: Raster<bool>,
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
        for batch in read(&path, Some(0), &["row", "col", "count"])? {
            let (row, col) = (numbers(&path, &batch, "row")?, numbers(&path, &batch, "col")?);
            let total = numbers(&path, &batch, "count")?;
            for i in 0..batch.num_rows() {
                let at = bin(&path, manifest, row.value(i), col.value(i))?;
                tissue[at] = u64::from(total.value(i)) >= manifest.min_counts;
            }
        }
        Ok(Some(Truth { dataset, path, tissue }))
    }

    /// The true tissue mask [rows, cols]: bins whose own total reaches `min_counts`, measured or withheld.
    pub fn tissue(&self) -> &Raster<bool> {
        &self.tissue
    }

    /// The dense truth X_h of a gene [rows, cols]: log-normalised values of measured and withheld bins, 0 outside the true tissue.
    pub fn values(&self, gene: &str) -> Result<Raster<f32>> {
        let mut dense = self.dataset.measured_values(gene)?;
        for_each_value(&Table::open(&self.path)?, self.dataset.manifest(), gene, 1, |at, value| {
            if self.tissue[at] && !self.dataset.sampling().measures(at.0, at.1) {
                dense[at] = value;
            }
        })?;
        Ok(dense)
    }
}
