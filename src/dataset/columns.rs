//! Tables of whole columns as Parquet files.

use crate::{Error, Result};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::Schema;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Columns with their names, and whether they may hold nulls.
pub(super) type Columns<'a> = Vec<(&'a str, ArrayRef, bool)>;

/// Writes a table of at least one piece; all pieces have the same columns.
pub(super) fn write_table<'a>(path: &Path, pieces: impl Iterator<Item = Columns<'a>>) -> Result<()> {
    let failed = |e: &dyn std::fmt::Display| Error::Io(format!("{}: could not write: {e}", path.display()));
    let mut batches = pieces.map(|columns| RecordBatch::try_from_iter_with_nullable(columns).map_err(|e| failed(&e)));
    let mut next = batches.next().transpose()?;
    let schema = next.as_ref().map(RecordBatch::schema).unwrap_or_else(|| Arc::new(Schema::empty()));
    let file = File::create(path).map_err(|e| Error::io(path, "create", e))?;
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties(vec![]))).map_err(|e| failed(&e))?;
    while let Some(batch) = next {
        writer.write(&batch).map_err(|e| failed(&e))?;
        next = batches.next().transpose()?;
    }
    let file = writer.into_inner().map_err(|e| failed(&e))?;
    file.sync_all().map_err(|e| Error::io(path, "write", e))
}

/// How all tables of a dataset are written, with this `metadata`.
pub(super) fn properties(metadata: Vec<KeyValue>) -> WriterProperties {
    let all = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(usize::MAX))
        .set_key_value_metadata(Some(metadata))
        // One name for a whole row group: there is nothing to compress.
        .set_column_compression(ColumnPath::from("gene"), Compression::UNCOMPRESSED);
    // Places rise from row to row: their differences need less room than a dictionary, and nobody has to look them up in one.
    let places = ["row", "col"].map(ColumnPath::from).into_iter();
    let by_differences = |all: WriterPropertiesBuilder, column: ColumnPath| {
        let encoding = Encoding::DELTA_BINARY_PACKED;
        all.set_column_dictionary_enabled(column.clone(), false).set_column_encoding(column, encoding)
    };
    places.fold(all, by_differences).build()
}
