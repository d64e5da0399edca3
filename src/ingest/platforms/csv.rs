//! A plain table of molecules or spots: gene, x, y and perhaps a count; text with or without gzip, or Parquet.

use crate::Result;
use crate::ingest::config::{CsvConfig, PrepConfig};
use crate::ingest::flags::{self, Flag};
use crate::ingest::reader::{Platform, Reader, TableNames};
use crate::ingest::text::{Columns, Header, Layout, Named};

static PLATFORM: Platform = Platform {
    name: "csv",
    title: "A plain table",
    input: "a table of gene, x, y and perhaps count, qv and is_gene: text separated by comma, tab, semicolon or blanks, or Parquet",
    part_of: None,
    flags: &[&flags::GENE_COLUMN, &X_COLUMN, &Y_COLUMN, &flags::COUNT_COLUMN, &flags::UM_PER_UNIT],
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

const LAYOUT: Layout = Layout {
    whose: "a table of gene, x and y",
    gene: &[
        "gene",
        "feature_name",
        "gene_name",
        "gene_symbol",
        "symbol",
        "target",
        "target_name",
        "gene_id",
        "feature",
    ],
    xy: &[["x_location", "y_location"], ["x_um", "y_um"], ["global_x", "global_y"], ["x", "y"]],
};

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

    fn columns(&self, header: &Header, config: &PrepConfig) -> Result<Columns> {
        let CsvConfig { gene_column, x_column, y_column, count_column, .. } = &config.csv;
        let named = Named {
            gene: gene_column.as_deref(),
            x: x_column.as_deref(),
            y: y_column.as_deref(),
            count: count_column.as_deref(),
        };
        LAYOUT.columns(header, named, config.csv.unit_um())
    }
}
