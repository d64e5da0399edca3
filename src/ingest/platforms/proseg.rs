//! proseg's `transcript-metadata`: the molecules of an instrument with the cells that they were assigned to.
//!
//! Positions are those observed: proseg also moves molecules, by what it learned of all of them, withheld ones too.

use crate::Result;
use crate::ingest::config::PrepConfig;
use crate::ingest::flags;
use crate::ingest::reader::{Platform, Reader, TableNames};
use crate::ingest::text::{Columns, Header, Layout, Named};

static PLATFORM: Platform = Platform {
    name: "proseg",
    title: "proseg",
    input: "transcript-metadata.csv or .parquet, positions observed_x and observed_y (x and y of old versions) in µm",
    part_of: None,
    flags: &[&flags::COUNT_COLUMN],
};

const LAYOUT: Layout =
    Layout { whose: "proseg's transcript-metadata", gene: &["gene"], xy: &[["observed_x", "observed_y"], ["x", "y"]] };

/// The reader of proseg's molecules.
pub(crate) struct Proseg;

impl Reader for Proseg {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn tables(&self) -> Option<TableNames> {
        let own = &["transcript-metadata.parquet", "transcript-metadata.csv.gz", "transcript-metadata.csv"];
        Some(TableNames { own, common: &[] })
    }

    fn has_columns(&self, header: &Header) -> bool {
        header.has(&["gene", "x", "y", "assignment", "probability"])
    }

    fn columns(&self, header: &Header, config: &PrepConfig) -> Result<Columns> {
        let named = Named { count: config.csv.count_column.as_deref(), ..Named::default() };
        LAYOUT.columns(header, named, 1.0)
    }
}
