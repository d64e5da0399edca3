//! A table of molecules in any form: text, gzipped or not, a stream of it, Parquet, a folder of Parquet files.

use super::columns::Columns;
use super::delimited::TextTable;
use super::header::Header;
use super::parquet::ParquetTable;
use super::parts::is_parquet;
use super::stream::Digest;
use crate::Result;
use crate::ingest::binning::{Collector, ReadStats};
use std::path::Path;

/// A table whose columns are known, and whose rows are still to be read.
pub(crate) enum Table {
    Text(Box<TextTable>),
    Parquet(Box<ParquetTable>),
}

impl Table {
    /// Opens `path`; what it is, its first bytes say and not its name alone.
    ///
    /// [`crate::Error::Data`] if it is no table, or empty.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if is_parquet(path) {
            return Ok(Table::Parquet(Box::new(ParquetTable::open(path)?)));
        }
        Ok(Table::Text(Box::new(TextTable::open(path)?)))
    }

    /// Its columns.
    pub(crate) fn header(&self) -> &Header {
        match self {
            Table::Text(table) => &table.header,
            Table::Parquet(table) => &table.header,
        }
    }

    /// Of a stream: what identifies its content, once all of it has been read.
    pub(crate) fn digest(&self) -> Option<Digest> {
        match self {
            Table::Text(table) => table.digest(),
            Table::Parquet(_) => None,
        }
    }

    /// Reads all rows into `collector`, on all cores.
    ///
    /// [`crate::Error::Data`] names the line or the row, and what is wrong with it.
    pub(crate) fn read(self, columns: &Columns, collector: &Collector) -> Result<ReadStats> {
        match self {
            Table::Text(table) => table.read(columns, collector),
            Table::Parquet(table) => table.read(columns, collector),
        }
    }
}
