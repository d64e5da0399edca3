//! The chip of Stereo-seq: DNBs, spots of a square lattice in which positions and bins are counted.

use crate::Result;
use crate::ingest::config::PrepConfig;
use crate::ingest::flags::{Flag, parsed};
use crate::ingest::reader::positive;

/// Distance in µm from one DNB to the next.
const PITCH_UM: f64 = 0.5;

/// Side in DNBs of the finest bins that are worth counting.
const FINEST_DNB: f64 = 10.0;

pub(super) static BIN_DNB: Flag = Flag {
    conflicts: Some("bin-um"),
    ..Flag::text("bin-dnb", "N", "stereo-seq: side of a bin in DNBs, instead of --bin-um", |config, value| {
        parsed(value).map(|side| config.bin_dnb = Some(side))
    })
};

/// The pitch in force.
pub(super) fn pitch_um(config: &PrepConfig) -> f64 {
    config.pixel_um.unwrap_or(PITCH_UM)
}

/// The config with the pitch, and bins in µm.
pub(super) fn with_units(config: PrepConfig) -> Result<PrepConfig> {
    let pitch_um = positive(pitch_um(&config), "pixel-um")?;
    let bin_um = config.bin_dnb.map(|side| f64::from(side) * pitch_um).or(config.bin_um);
    Ok(PrepConfig { pixel_um: Some(pitch_um), bin_um, ..config })
}

/// What positions are counted in.
pub(super) fn unit(config: &PrepConfig) -> String {
    format!("positions in units of {} µm (--pixel-um)", pitch_um(config))
}

/// Side in µm of the finest bins that are worth counting.
pub(super) fn finest_um(config: &PrepConfig) -> f64 {
    pitch_um(config) * FINEST_DNB
}

/// The flag that asks for bins of `um` µm.
pub(super) fn bin_flag(um: f64, config: &PrepConfig) -> String {
    format!("--bin-dnb {}", (um / pitch_um(config)).round())
}
