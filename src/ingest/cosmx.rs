//! NanoString (Bruker) CosMx: `…_tx_file.csv`, one molecule per row, positions in pixels over all fields.
//!
//! Positions become µm by the size of a pixel. y is taken as the file has it: where the export counts it upwards, rows
//! count upwards too. Negative probes (`NegPrb…`, `Negative…`), system controls and false codes are left out.

use super::intake::{Collector, Tally};
use super::table::{Columns, Table};
use crate::Result;
use std::path::Path;

/// Size of a pixel in µm of the instrument that is sold. The prototype behind the first public data sets had 0.18.
pub(super) const PIXEL_UM: f64 = 0.120_280_945;

/// Whether a table with these columns comes from CosMx.
pub(super) fn recognises(table: &Table) -> bool {
    table.has(&["fov", "x_global_px", "y_global_px", "target"])
}

/// Reads all rows of `path`, whose pixels have `pixel_um`, into `collector`.
///
/// [`crate::Error::Data`] names the line and what is wrong with it.
pub(super) fn read(path: &Path, pixel_um: f64, collector: &Collector) -> Result<Tally> {
    let table = Table::open(path)?;
    let needed = |name: &str| table.needed(&[name], "Expected the columns of CosMx's tx_file.csv");
    let columns = Columns {
        gene: needed("target")?,
        x: needed("x_global_px")?,
        y: needed("y_global_px")?,
        count: None,
        qv: None,
        is_gene: None,
        offset: [0.0, 0.0],
        um_per_unit: pixel_um,
    };
    table.read(&columns, collector)
}
