//! STOmics Stereo-seq: `.gem`, counts per gene and DNB (one spot of the chip's lattice), or per square of DNBs.
//!
//! x and y are DNBs counted from `#OffsetX` and `#OffsetY` of the header, which are added, so that bins lie as on the
//! chip and two exports of one chip agree. A DNB with index i covers i … i + 1 times the pitch; its centre is its
//! position in µm, so that no DNB lies on the edge of a bin whose side is a whole number of DNBs.

use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::ingest::flags::{self, Flag, parsed};
use crate::ingest::reader::{Platform, Reader, TableNames, positive};
use crate::ingest::text::{Columns, Table};
use crate::{Error, Result};
use std::path::Path;

/// Distance in µm from one DNB to the next.
const PITCH_UM: f64 = 0.5;

/// Side in DNBs of the finest bins that are worth counting.
const FINEST_DNB: f64 = 10.0;

static PLATFORM: Platform = Platform {
    name: "stereo-seq",
    title: "STOmics Stereo-seq",
    input: ".gem, positions in DNBs of --pixel-um",
    part_of: None,
    flags: &[&flags::PIXEL_UM, &BIN_DNB],
};

static BIN_DNB: Flag = Flag {
    conflicts: Some("bin-um"),
    ..Flag::text("bin-dnb", "N", "stereo-seq: side of a bin in DNBs, instead of --bin-um", |config, value| {
        parsed(value).map(|side| config.bin_dnb = Some(side))
    })
};

const COUNT: &[&str] = &["midcount", "midcounts", "umicount"];

/// The reader of Stereo-seq.
pub(crate) struct StereoSeq;

impl Reader for StereoSeq {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn tables(&self) -> Option<TableNames> {
        Some(TableNames { own: &[".gem.gz", ".gem"], common: &[] })
    }

    fn has_columns(&self, table: &Table) -> bool {
        table.has(&["geneid", "x", "y"]) && table.usual(COUNT).is_some()
    }

    fn with_units(&self, config: PrepConfig) -> Result<PrepConfig> {
        let pitch_um = positive(config.pixel_um.unwrap_or(PITCH_UM), "pixel-um")?;
        let bin_um = config.bin_dnb.map_or(config.bin_um, |side| f64::from(side) * pitch_um);
        Ok(PrepConfig { pixel_um: Some(pitch_um), bin_um, ..config })
    }

    fn unit(&self, config: &PrepConfig) -> String {
        format!("positions in units of {} µm (--pixel-um)", config.pixel_um.unwrap_or(PITCH_UM))
    }

    fn finest_um(&self, _: &Path, config: &PrepConfig) -> Option<f64> {
        Some(config.pixel_um.unwrap_or(PITCH_UM) * FINEST_DNB)
    }

    fn bin_flag(&self, um: f64, config: &PrepConfig) -> String {
        format!("--bin-dnb {}", (um / config.pixel_um.unwrap_or(PITCH_UM)).round())
    }

    fn read(&self, path: &Path, config: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        read(path, config.pixel_um.unwrap_or(PITCH_UM), config.bin_um, collector)
    }
}

/// Reads all rows of `path` into `collector`, whose bins have the side `bin_dnb` if it is a whole number of DNBs.
///
/// [`Error::Data`] names the line and what is wrong with it, or says that the bins cannot be made of those of the file.
fn read(path: &Path, pitch_um: f64, bin_um: f64, collector: &Collector) -> Result<ReadStats> {
    let table = Table::open(path)?;
    let needed = |names: &[&str]| table.needed(names, "Expected the columns of a Stereo-seq .gem");
    let side = number(path, &table, "BinSize")?.unwrap_or(1.0);
    let in_bins = bin_um / (pitch_um * side);
    if side > 1.0 && (in_bins - in_bins.round()).abs() > 1e-6 {
        return Err(Error::data(
            path,
            format!(
                "binned by {side} DNBs of {pitch_um} µm already, expected bins that are a multiple of it, not {bin_um} µm. Choose --bin-dnb {side} or a multiple, or export the .gem with BinSize 1"
            ),
        ));
    }
    let offset = |name: &str| Ok::<f64, Error>(number(path, &table, name)?.unwrap_or(0.0) + side / 2.0);
    let columns = Columns {
        // Later exports hold the name beside the identifier.
        gene: needed(&["genename", "geneid"])?,
        x: needed(&["x"])?,
        y: needed(&["y"])?,
        count: Some(needed(COUNT)?),
        qv: None,
        is_gene: None,
        offset: [offset("OffsetX")?, offset("OffsetY")?],
        um_per_unit: pitch_um,
    };
    table.read(&columns, collector)
}

/// The value of the comment `#NAME=VALUE`, if there is one.
fn number(path: &Path, table: &Table, name: &str) -> Result<Option<f64>> {
    let values = table.comments.iter().filter_map(|line| line.trim().split_once('='));
    let Some((_, value)) = values.into_iter().find(|(key, _)| key.trim() == name) else { return Ok(None) };
    let value = value.trim();
    let parsed = value.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    let bad = || Error::data(path, format!("#{name}={value} in the header, expected a number, 0 or more"));
    parsed.map(Some).ok_or_else(bad)
}
