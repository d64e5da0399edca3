//! STOmics Stereo-seq: `.gem`, counts per gene and DNB (one spot of the chip's lattice), or per square of DNBs.
//!
//! x and y are DNBs counted from `#OffsetX` and `#OffsetY` of the header, which are added, so that bins lie as on the
//! chip and two exports of one chip agree. A DNB with index i covers i … i + 1 times the pitch; its centre is its
//! position in µm, so that no DNB lies on the edge of a bin whose side is a whole number of DNBs.

use super::chip::{self, BIN_DNB};
use crate::error::listed;
use crate::ingest::config::PrepConfig;
use crate::ingest::flags;
use crate::ingest::reader::{Platform, Reader, TableNames};
use crate::ingest::text::{Columns, Header, Layout, Named};
use crate::{Error, Result};
use std::path::Path;

static PLATFORM: Platform = Platform {
    name: "stereo-seq",
    title: "STOmics Stereo-seq",
    input: ".gem, .gef or .cellbin.gef, positions in DNBs of --pixel-um",
    part_of: None,
    flags: &[&flags::PIXEL_UM, &BIN_DNB, &flags::COUNT_COLUMN],
};

const LAYOUT: Layout = Layout {
    whose: "a Stereo-seq .gem",
    // Later exports hold the name beside the identifier.
    gene: &["geneName", "geneID", "gene"],
    xy: &[["x", "y"]],
};

/// Names of its column of counts that no other platform has.
const COUNTS: [&str; 4] = ["MIDCount", "MIDCounts", "UMICount", "UMICounts"];

/// The reader of Stereo-seq.
pub(crate) struct StereoSeq;

impl Reader for StereoSeq {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn tables(&self) -> Option<TableNames> {
        Some(TableNames { own: &[".gem.gz", ".gem"], common: &[] })
    }

    fn has_columns(&self, header: &Header) -> bool {
        let name = header.path().file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let is_gem = name.ends_with(".gem") || name.ends_with(".gem.gz");
        is_gem || (header.has(&["geneID", "x", "y"]) && COUNTS.iter().any(|count| header.has(&[count])))
    }

    fn with_units(&self, config: PrepConfig) -> Result<PrepConfig> {
        chip::with_units(config)
    }

    fn unit(&self, config: &PrepConfig) -> String {
        chip::unit(config)
    }

    fn finest_um(&self, _: &Path, config: &PrepConfig) -> Option<f64> {
        Some(chip::finest_um(config))
    }

    fn bin_flag(&self, um: f64, config: &PrepConfig) -> String {
        chip::bin_flag(um, config)
    }

    fn columns(&self, header: &Header, config: &PrepConfig) -> Result<Columns> {
        let pitch_um = chip::pitch_um(config);
        let side = number(header, "BinSize")?.unwrap_or(1.0);
        let bin_um = config.bin_um.unwrap_or(pitch_um * side);
        let in_bins = bin_um / (pitch_um * side);
        if side > 1.0 && (in_bins - in_bins.round()).abs() > 1e-6 {
            return Err(Error::data(
                header.path(),
                format!(
                    "binned by {side} DNBs of {pitch_um} µm already, expected bins that are a multiple of it, not {bin_um} µm. Choose --bin-dnb {side} or a multiple, or export the .gem with BinSize 1"
                ),
            ));
        }
        let named = Named { count: config.csv.count_column.as_deref(), ..Named::default() };
        let columns = LAYOUT.columns(header, named, pitch_um)?;
        if columns.count.is_none() && named.count.is_none() {
            return Err(Error::data(
                header.path(),
                format!(
                    "no column of counts; found {}. Name it with --count-column",
                    listed(header.names.iter().map(String::as_str))
                ),
            ));
        }
        let offset = |name: &str| Ok::<f64, Error>(number(header, name)?.unwrap_or(0.0) + side / 2.0);
        Ok(Columns { offset: [offset("OffsetX")?, offset("OffsetY")?], ..columns })
    }
}

/// The value of the comment `#NAME=VALUE`, if there is one.
fn number(header: &Header, name: &str) -> Result<Option<f64>> {
    let values = header.comments.iter().filter_map(|line| line.trim().split_once('='));
    let Some((_, value)) = values.into_iter().find(|(key, _)| key.trim() == name) else { return Ok(None) };
    let value = value.trim();
    let parsed = value.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    let bad = || Error::data(header.path(), format!("#{name}={value} in the header, expected a number, 0 or more"));
    parsed.map(Some).ok_or_else(bad)
}
