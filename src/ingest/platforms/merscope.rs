//! Vizgen MERSCOPE: `detected_transcripts.csv`, one molecule per row, `global_x` and `global_y` in µm over all fields.
//!
//! `x` and `y` of the same table are pixels within a field, and are not used. Blank barcodes (`Blank-1`, …) measure the
//! rate of misidentification and are left out, as in Vizgen's own tools.

use crate::Result;
use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::ingest::reader::{Platform, Reader, TableNames};
use crate::ingest::text::{Layout, Table};
use std::path::Path;

static PLATFORM: Platform = Platform {
    name: "merscope",
    title: "Vizgen MERSCOPE",
    input: "detected_transcripts.csv, positions global_x and global_y in µm",
    part_of: None,
    flags: &[],
};

const LAYOUT: Layout = Layout {
    whose: "MERSCOPE's detected_transcripts.csv",
    gene: "gene",
    xy: ["global_x", "global_y"],
    qv: None,
    is_gene: None,
};

/// The reader of MERSCOPE.
pub(crate) struct Merscope;

impl Reader for Merscope {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn tables(&self) -> Option<TableNames> {
        Some(TableNames { own: &["detected_transcripts.csv.gz", "detected_transcripts.csv"], common: &[] })
    }

    fn has_columns(&self, table: &Table) -> bool {
        table.has(&["barcode_id", "global_x", "global_y", "gene"])
    }

    fn read(&self, path: &Path, _: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        LAYOUT.read_text(path, 1.0, collector)
    }
}
