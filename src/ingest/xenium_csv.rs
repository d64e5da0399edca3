//! 10x Xenium: `transcripts.csv`, the same columns as `transcripts.parquet`, from version 1 of the bundle on.

use super::intake::{Collector, Tally};
use super::table::{Columns, Table};
use crate::Result;
use std::path::Path;

/// Whether a table with these columns comes from Xenium.
pub(super) fn recognises(table: &Table) -> bool {
    table.has(&["transcript_id", "feature_name", "x_location", "y_location", "qv"])
}

/// Reads all rows of `path` into `collector`.
///
/// [`crate::Error::Data`] names the line and what is wrong with it.
pub(super) fn read(path: &Path, collector: &Collector) -> Result<Tally> {
    let table = Table::open(path)?;
    let needed = |name: &str| table.needed(&[name], "Expected the columns of a Xenium transcripts.csv");
    let columns = Columns {
        gene: needed("feature_name")?,
        x: needed("x_location")?,
        y: needed("y_location")?,
        count: None,
        qv: table.usual(&["qv"]),
        is_gene: table.usual(&["is_gene"]),
        offset: [0.0, 0.0],
        um_per_unit: 1.0,
    };
    table.read(&columns, collector)
}
