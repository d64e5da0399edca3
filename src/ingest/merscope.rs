//! Vizgen MERSCOPE: `detected_transcripts.csv`, one molecule per row, `global_x` and `global_y` in µm over all fields.
//!
//! `x` and `y` of the same table are pixels within a field, and are not used. Blank barcodes (`Blank-1`, …) measure the
//! rate of misidentification and are left out, as in Vizgen's own tools.

use super::intake::{Collector, Tally};
use super::table::{Columns, Table};
use crate::Result;
use std::path::Path;

/// Whether a table with these columns comes from MERSCOPE.
pub(super) fn recognises(table: &Table) -> bool {
    table.has(&["barcode_id", "global_x", "global_y", "gene"])
}

/// Reads all rows of `path` into `collector`.
///
/// [`crate::Error::Data`] names the line and what is wrong with it.
pub(super) fn read(path: &Path, collector: &Collector) -> Result<Tally> {
    let table = Table::open(path)?;
    let needed = |name: &str| table.needed(&[name], "Expected the columns of MERSCOPE's detected_transcripts.csv");
    let columns = Columns {
        gene: needed("gene")?,
        x: needed("global_x")?,
        y: needed("global_y")?,
        count: None,
        qv: None,
        is_gene: None,
        offset: [0.0, 0.0],
        um_per_unit: 1.0,
    };
    table.read(&columns, collector)
}
