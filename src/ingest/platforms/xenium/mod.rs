//! 10x Xenium: `transcripts.parquet`, or `transcripts.csv` with the same columns, from version 1 of the bundle on. A bundle
//! without transcripts, or one of which the cells are wanted, is read by cell.

mod cells;
mod experiment;

pub(crate) use cells::XeniumCells;

use crate::Result;
use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::ingest::detect::is_text;
use crate::ingest::flags::{Flag, Takes};
use crate::ingest::reader::{Platform, Reader, TableNames};
use crate::ingest::text::{Layout, Table};
use std::path::Path;

static PLATFORM: Platform = Platform {
    name: "xenium",
    title: "10x Xenium",
    input: "transcripts.parquet or .csv with feature_name, x_location, y_location, and qv and is_gene where there are any; a bundle without transcripts is read by cell",
    part_of: None,
    flags: &[&CELLS],
};

static CELLS: Flag = Flag {
    name: "xenium-cells",
    takes: Takes::Nothing,
    help: "xenium: count cells at their centroids (cell_feature_matrix, cells) even where there are transcripts",
    more: "",
    conflicts: None,
    set: |_, _| Ok(()),
};

const LAYOUT: Layout = Layout {
    whose: "a Xenium transcripts.csv",
    gene: "feature_name",
    xy: ["x_location", "y_location"],
    qv: Some("qv"),
    is_gene: Some("is_gene"),
};

/// The reader of Xenium's transcripts.
pub(crate) struct Xenium;

impl Reader for Xenium {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn tables(&self) -> Option<TableNames> {
        Some(TableNames { own: &["transcripts.parquet"], common: &["transcripts.csv.gz", "transcripts.csv"] })
    }

    fn has_columns(&self, table: &Table) -> bool {
        table.has(&["transcript_id", "feature_name", "x_location", "y_location", "qv"])
    }

    fn reads_parquet(&self) -> bool {
        true
    }

    fn read(&self, path: &Path, _: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        if let Some(folder) = path.parent() {
            experiment::note(folder, collector)?;
        }
        if is_text(path) { LAYOUT.read_text(path, 1.0, collector) } else { LAYOUT.read_parquet(path, 1.0, collector) }
    }
}
