//! A plain table of molecules or spots: gene, x, y and perhaps a count; comma, tab or semicolon, with or without gzip.

use crate::Result;
use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::{CsvConfig, PrepConfig};
use crate::ingest::flags::{self, Flag};
use crate::ingest::reader::{Platform, Reader, TableNames};
use crate::ingest::text::{Columns, Table};
use std::path::Path;

static PLATFORM: Platform = Platform {
    name: "csv",
    title: "A plain table",
    input: "a table of gene, x, y and perhaps count and qv, separated by comma, tab or semicolon",
    part_of: None,
    flags: &[&flags::GENE_COLUMN, &X_COLUMN, &Y_COLUMN, &COUNT_COLUMN, &flags::UM_PER_UNIT],
};

static X_COLUMN: Flag = Flag::text(
    "x-column",
    "NAME",
    "csv: the column of x [default: x_location, x_um, global_x or x]",
    |config, name| {
        config.csv.x_column = Some(name.to_owned());
        Ok(())
    },
);

static Y_COLUMN: Flag = Flag::text(
    "y-column",
    "NAME",
    "csv: the column of y [default: y_location, y_um, global_y or y]",
    |config, name| {
        config.csv.y_column = Some(name.to_owned());
        Ok(())
    },
);

static COUNT_COLUMN: Flag = Flag::text(
    "count-column",
    "NAME",
    "csv: the column of counts [default: count, counts, MIDCount, MIDCounts or UMICount, else 1 per row]",
    |config, name| {
        config.csv.count_column = Some(name.to_owned());
        Ok(())
    },
);

/// The usual names of the columns, best first, in lower case.
const GENE: &[&str] = &["gene", "feature_name", "geneid", "gene_id", "gene_name", "target"];
const X: &[&str] = &["x_location", "x_um", "global_x", "x"];
const Y: &[&str] = &["y_location", "y_um", "global_y", "y"];
const COUNT: &[&str] = &["count", "counts", "midcount", "midcounts", "umicount"];
const QUALITY: &[&str] = &["qv"];

/// The reader of plain tables.
pub(crate) struct PlainTable;

impl Reader for PlainTable {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn tables(&self) -> Option<TableNames> {
        Some(TableNames { own: &[], common: &[] })
    }

    fn reads_any_table(&self) -> bool {
        true
    }

    fn unit(&self, config: &PrepConfig) -> String {
        format!("positions in units of {} µm (--um-per-unit)", config.csv.unit_um())
    }

    fn read(&self, path: &Path, config: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        read(path, &config.csv, collector)
    }
}

/// Reads all rows of `path` into `collector`.
///
/// [`crate::Error::Data`] names the line and what is wrong with it.
fn read(path: &Path, options: &CsvConfig, collector: &Collector) -> Result<ReadStats> {
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
        um_per_unit: options.unit_um(),
    };
    table.read(&columns, collector)
}
