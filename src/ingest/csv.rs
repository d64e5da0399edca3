//! A plain table of molecules or spots: gene, x, y and perhaps a count; comma, tab or semicolon, with or without gzip.

use super::intake::{Collector, Tally};
use super::table::{Columns, Table};
use crate::Result;
use crate::config::CsvConfig;
use std::path::Path;

/// The usual names of the columns, best first, in lower case.
const GENE: &[&str] = &["gene", "feature_name", "geneid", "gene_id", "gene_name", "target"];
const X: &[&str] = &["x_location", "x_um", "global_x", "x"];
const Y: &[&str] = &["y_location", "y_um", "global_y", "y"];
const COUNT: &[&str] = &["count", "counts", "midcount", "midcounts", "umicount"];
const QUALITY: &[&str] = &["qv"];

/// Reads all rows of `path` into `collector`.
///
/// [`crate::Error::Data`] names the line and what is wrong with it.
pub(super) fn read(path: &Path, options: &CsvConfig, collector: &Collector) -> Result<Tally> {
    let table = Table::open(path)?;
    let needed = |name: &Option<String>, flag: &str, candidates: &[&str]| match name {
        Some(name) => table.given(name, flag),
        None => table.needed(candidates, &format!("Name it with {flag}")),
    };
    let columns = Columns {
        gene: needed(&options.gene_column, "--gene-column", GENE)?,
        x: needed(&options.x_column, "--x-column", X)?,
        y: needed(&options.y_column, "--y-column", Y)?,
        count: match &options.count_column {
            Some(name) => Some(table.given(name, "--count-column")?),
            None => table.usual(COUNT),
        },
        qv: table.usual(QUALITY),
        is_gene: None,
        offset: [0.0, 0.0],
        um_per_unit: options.um_per_unit,
    };
    table.read(&columns, collector)
}
