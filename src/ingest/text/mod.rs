//! Ways to read tables, whatever platform wrote them: `lines` of text, gzipped or not; `delimited` (comma, tab, semicolon) and
//! `parquet` tables of molecules; a `layout` says which of their columns a platform means; `keyed` tables go with a matrix.

mod delimited;
mod keyed;
mod layout;
mod lines;
mod parquet;

pub(crate) use delimited::{Columns, Table, parse};
pub(crate) use keyed::KeyedTable;
pub(crate) use layout::Layout;
pub(crate) use lines::Lines;
pub(crate) use parquet::{ParquetColumns, parquet_columns, read_parquet};
