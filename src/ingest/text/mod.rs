//! One reader for tables of molecules, whatever form they have and whatever platform wrote them.
//!
//! A `table` is text or Parquet, and says by its `header` which columns there are; `columns` tells which of them a platform means.
//! Of text, `lines` come from a file or a `stream`, the `preamble` ends at the header, and `delimited` rows are parted into `fields`.
//! Of Parquet, the `parts` of a folder or the one file are read in `parquet`, and a `batch` has the `types` that its writer chose. What a
//! field says (`values`) is the same for both. `keyed` tables go with a matrix; a `wide` one is a matrix.

mod batch;
mod columns;
mod delimited;
mod fields;
mod header;
mod keyed;
mod lines;
mod parquet;
mod parts;
mod preamble;
mod stream;
mod table;
mod types;
mod values;
mod wide;

pub(crate) use columns::{Columns, Layout, Named};
pub(crate) use delimited::TextTable;
pub(crate) use header::Header;
pub(crate) use keyed::{KeyedTable, Place};
pub(crate) use lines::Lines;
pub(crate) use parts::is_parquet;
pub(crate) use stream::is_stream;
pub(crate) use table::Table;
pub(crate) use values::parse;
pub(crate) use wide::{Wide, first_fields};
