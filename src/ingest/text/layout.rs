//! The columns of a platform's table of molecules, by their names.

use super::delimited::{Columns, Table};
use super::parquet::{ParquetColumns, read_parquet};
use crate::Result;
use crate::ingest::binning::{Collector, ReadStats};
use std::path::Path;

/// Which columns a platform's table has; one molecule per row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Whose columns they are, for errors: "a Xenium transcripts.csv".
    pub whose: &'static str,
    /// The column of the genes.
    pub gene: &'static str,
    /// The columns of x and y.
    pub xy: [&'static str; 2],
    /// The column of Phred-scaled qualities, which not every file has.
    pub qv: Option<&'static str>,
    /// The column that says whether a row is of a gene, which not every file has.
    pub is_gene: Option<&'static str>,
}

impl Layout {
    /// Reads all rows of the text file `path` into `collector`; x and y are in units of `um_per_unit` µm.
    ///
    /// [`crate::Error::Data`] names the line and what is wrong with it.
    pub(crate) fn read_text(&self, path: &Path, um_per_unit: f64, collector: &Collector) -> Result<ReadStats> {
        let table = Table::open(path)?;
        let needed = |name: &str| table.needed(&[name], &format!("Expected the columns of {}", self.whose));
        let columns = Columns {
            gene: needed(self.gene)?,
            x: needed(self.xy[0])?,
            y: needed(self.xy[1])?,
            count: None,
            qv: self.qv.and_then(|name| table.usual(&[name])),
            is_gene: self.is_gene.and_then(|name| table.usual(&[name])),
            offset: [0.0, 0.0],
            um_per_unit,
        };
        table.read(&columns, collector)
    }

    /// Reads all rows of the Parquet file `path` into `collector`; x and y are in units of `um_per_unit` µm.
    ///
    /// [`crate::Error::Data`] names the column or the row and what is wrong with it.
    pub(crate) fn read_parquet(&self, path: &Path, um_per_unit: f64, collector: &Collector) -> Result<ReadStats> {
        let [x, y] = self.xy;
        read_parquet(path, &ParquetColumns { gene: self.gene, x, y, um_per_unit }, collector)
    }
}
