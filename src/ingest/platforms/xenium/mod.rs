//! 10x Xenium: `transcripts.parquet` (a file or a folder of parts), or `transcripts.csv` with the same columns, from version 1 of the bundle on. A bundle
//! without transcripts, or one of which the cells are wanted, is read by cell.

mod cells;
mod experiment;
mod zarr;

pub(crate) use cells::XeniumCells;
pub(crate) use zarr::XeniumZarr;

use crate::Result;
use crate::ingest::config::PrepConfig;
use crate::ingest::flags::{self, Flag, Takes};
use crate::ingest::reader::{Platform, Reader, TableNames};
use crate::ingest::text::{Columns, Header, Layout, Named};
use std::path::Path;

static PLATFORM: Platform = Platform {
    name: "xenium",
    title: "10x Xenium",
    input: "transcripts.parquet or .csv with feature_name, x_location, y_location, and qv and is_gene where there are any, or transcripts.zarr.zip; a bundle without transcripts is read by cell",
    part_of: None,
    flags: &[&CELLS, &flags::COUNT_COLUMN],
};

static CELLS: Flag = Flag {
    name: "xenium-cells",
    takes: Takes::Nothing,
    help: "xenium: count cells at their centroids (cell_feature_matrix, cells) even where there are transcripts",
    more: "",
    conflicts: None,
    set: |_, _| Ok(()),
};

const LAYOUT: Layout =
    Layout { whose: "Xenium's transcripts", gene: &["feature_name"], xy: &[["x_location", "y_location"]] };

/// The reader of Xenium's transcripts.
pub(crate) struct Xenium;

impl Reader for Xenium {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn tables(&self) -> Option<TableNames> {
        Some(TableNames { own: &["transcripts.parquet"], common: &["transcripts.csv.gz", "transcripts.csv"] })
    }

    fn has_columns(&self, header: &Header) -> bool {
        // A table in text form that somebody trimmed is as well a plain one, with its flags.
        let whole = header.has(&["transcript_id"]) || !header.is_text;
        whole && header.has(&["feature_name", "x_location", "y_location"])
    }

    fn columns(&self, header: &Header, config: &PrepConfig) -> Result<Columns> {
        let named = Named { count: config.csv.count_column.as_deref(), ..Named::default() };
        LAYOUT.columns(header, named, 1.0)
    }

    fn notes(&self, table: &Path) -> Result<Vec<String>> {
        Ok(table.parent().map(experiment::describe).transpose()?.flatten().into_iter().collect())
    }
}
