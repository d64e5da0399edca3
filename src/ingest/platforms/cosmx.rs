//! NanoString (Bruker) CosMx: `…_tx_file.csv`, one molecule per row, positions in pixels over all fields.
//!
//! Positions become µm by the size of a pixel. y is taken as the file has it: where the export counts it upwards, rows
//! count upwards too. Negative probes (`NegPrb…`, `Negative…`), system controls and false codes are left out.

use crate::Result;
use crate::ingest::config::PrepConfig;
use crate::ingest::flags;
use crate::ingest::reader::{Platform, Reader, TableNames, positive};
use crate::ingest::text::{Columns, Header, Layout, Named};

/// Size of a pixel in µm of the instrument that is sold. The prototype behind the first public data sets had 0.18.
const PIXEL_UM: f64 = 0.120_280_945;

static PLATFORM: Platform = Platform {
    name: "cosmx",
    title: "NanoString CosMx",
    input: "…tx_file.csv or .parquet, positions x_global_px and y_global_px in pixels of --pixel-um",
    part_of: None,
    flags: &[&flags::PIXEL_UM, &flags::COUNT_COLUMN],
};

const LAYOUT: Layout = Layout { whose: "CosMx's tx_file", gene: &["target"], xy: &[["x_global_px", "y_global_px"]] };

/// The reader of CosMx.
pub(crate) struct CosMx;

impl Reader for CosMx {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn tables(&self) -> Option<TableNames> {
        Some(TableNames { own: &["tx_file.csv.gz", "tx_file.csv", "tx_file.parquet"], common: &[] })
    }

    fn has_columns(&self, header: &Header) -> bool {
        header.has(&["x_global_px", "y_global_px", "target"])
    }

    fn with_units(&self, config: PrepConfig) -> Result<PrepConfig> {
        let pixel_um = positive(config.pixel_um.unwrap_or(PIXEL_UM), "pixel-um")?;
        Ok(PrepConfig { pixel_um: Some(pixel_um), ..config })
    }

    fn unit(&self, config: &PrepConfig) -> String {
        format!("positions in units of {} µm (--pixel-um)", config.pixel_um.unwrap_or(PIXEL_UM))
    }

    fn columns(&self, header: &Header, config: &PrepConfig) -> Result<Columns> {
        let named = Named { count: config.csv.count_column.as_deref(), ..Named::default() };
        LAYOUT.columns(header, named, config.pixel_um.unwrap_or(PIXEL_UM))
    }
}
