//! Vizgen MERSCOPE: `detected_transcripts.csv` or `.parquet`, one molecule per row, `global_x` and `global_y` in µm over all fields.
//!
//! `x` and `y` of the same table are pixels within a field, and are not used. Blank barcodes (`Blank-1`, …) measure the
//! rate of misidentification and are left out, as in Vizgen's own tools.

use crate::Result;
use crate::ingest::config::PrepConfig;
use crate::ingest::flags;
use crate::ingest::reader::{Platform, Reader, TableNames};
use crate::ingest::text::{Columns, Header, Layout, Named};

static PLATFORM: Platform = Platform {
    name: "merscope",
    title: "Vizgen MERSCOPE",
    input: "detected_transcripts.csv or .parquet, positions global_x and global_y in µm",
    part_of: None,
    flags: &[&flags::COUNT_COLUMN],
};

const LAYOUT: Layout =
    Layout { whose: "MERSCOPE's detected_transcripts", gene: &["gene"], xy: &[["global_x", "global_y"]] };

/// The reader of MERSCOPE.
pub(crate) struct Merscope;

impl Reader for Merscope {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn tables(&self) -> Option<TableNames> {
        let own = &["detected_transcripts.parquet", "detected_transcripts.csv.gz", "detected_transcripts.csv"];
        Some(TableNames { own, common: &[] })
    }

    fn has_columns(&self, header: &Header) -> bool {
        header.has(&["global_x", "global_y", "gene"]) && (header.has(&["barcode_id"]) || header.has(&["fov"]))
    }

    fn columns(&self, header: &Header, config: &PrepConfig) -> Result<Columns> {
        let named = Named { count: config.csv.count_column.as_deref(), ..Named::default() };
        LAYOUT.columns(header, named, 1.0)
    }
}
