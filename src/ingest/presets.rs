//! Settings under one name: lattices that instruments have by construction.

use super::config::{PatternKind, PrepConfig};
use crate::dataset::Mode;

/// Settings under one name.
#[derive(Debug)]
pub struct Preset {
    /// The name.
    pub name: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// The names of the platforms that such an array may be read as.
    pub(super) platforms: &'static [&'static str],
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Channels of this width in µm, as wide as the gaps between them.
    Channels(f64),
    /// Spots of an instrument, and bins of this side in µm between them.
    Spots(f64),
}

/// All presets.
pub fn presets() -> &'static [Preset] {
    const fn channels(name: &'static str, width_um: f64) -> Preset {
        let help = "DBiT-seq: channels of this width, as wide as the gaps, which are imputed";
        Preset { name, help, platforms: &["dbit-seq", "anndata", "spatialdata"], kind: Kind::Channels(width_um) }
    }
    const PRESETS: [Preset; 5] = [
        channels("dbit-seq-50um", 50.0),
        channels("dbit-seq-25um", 25.0),
        channels("dbit-seq-20um", 20.0),
        channels("dbit-seq-10um", 10.0),
        Preset {
            name: "visium-between-spots",
            help: "Visium: bins of 50 µm where they lie; those without a spot are imputed",
            platforms: &["visium"],
            kind: Kind::Spots(50.0),
        },
    ];
    &PRESETS
}

impl Preset {
    /// The config with these settings, for a section of this mode.
    pub fn apply(&self, config: PrepConfig, mode: Mode) -> PrepConfig {
        let width_um = match self.kind {
            Kind::Channels(width_um) => width_um,
            Kind::Spots(bin_um) => return PrepConfig { bin_um: Some(bin_um), pattern: PatternKind::Spots, ..config },
        };
        let pitch_um = 2.0 * width_um;
        let mut config = PrepConfig { scale: 2, phase: [0, 0], ..config };
        config.matrix.pitch_um = Some(pitch_um);
        // Of the gaps there is no truth: a benchmark is of the channels alone.
        config.bin_um = Some(if mode == Mode::Impute { width_um } else { pitch_um });
        config
    }
}
