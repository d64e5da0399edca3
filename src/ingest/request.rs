//! What is to be read.

use super::areas::Area;
use super::config::PrepConfig;
use super::flags::Flag;
use super::platforms::flags;
use super::presets::Preset;
use crate::dataset::Mode;
use crate::error::nearest_names;
use crate::guides::Image;
use crate::{Error, Result};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A serial section that is to guide.
#[derive(Clone, Debug)]
pub struct SerialSection {
    /// Its dataset.
    pub path: PathBuf,
    /// A file with the map from its µm to this section's; without one, both have the same frame.
    pub transform: Option<PathBuf>,
    /// How far it lies from this section in µm, across both.
    pub distance_um: Option<f64>,
}

/// What is to be read, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// A file of molecules, a matrix, or the folder that holds them.
    pub input: PathBuf,
    /// The name of the platform whose files they are ([`platforms()`](super::platforms())); without one, it is found out.
    pub platform: Option<String>,
    /// Whether the section is dense, or was sampled sparsely.
    pub mode: Mode,
    /// The genes to tell apart; all of them without a list. Totals are over all genes either way.
    pub genes: Option<BTreeSet<String>>,
    /// A table of the bins that are measured, instead of the config's pattern.
    pub measured: Option<PathBuf>,
    /// Bins that count as not measured, for they failed: whatever the pattern, they are imputed.
    pub exclude: Vec<Area>,
    /// Whether bins whose total is far below what the bins around them say are excluded too.
    pub exclude_auto: bool,
    /// The tissue, instead of what `min_counts` says.
    pub tissue_mask: Option<Area>,
    /// The part of the section that is read.
    pub region: Option<Area>,
    /// Of polygons and masks whose coordinates are pixels: µm per pixel, or a file with the map to µm.
    pub area_transform: Option<String>,
    /// Images of the microscope, measured in every bin.
    pub images: Vec<Image>,
    /// Serial sections.
    pub sections: Vec<SerialSection>,
    /// Whether an image or a section that fits the measured bins better elsewhere is moved there.
    pub align: bool,
    /// Bins, pattern, filters, columns.
    pub config: PrepConfig,
    /// The preset that the config came from: refused where the input is of another instrument.
    pub preset: Option<&'static Preset>,
    /// Whether a dataset of another run may be replaced.
    pub force: bool,
    /// Flags that were [`set`](Request::set).
    given: Vec<&'static Flag>,
}

impl Request {
    /// A request for all genes of `input`, of whatever platform, with the default config.
    pub fn new(input: impl Into<PathBuf>, mode: Mode) -> Request {
        let config = PrepConfig::default();
        Request {
            input: input.into(),
            platform: None,
            mode,
            genes: None,
            measured: None,
            exclude: Vec::new(),
            exclude_auto: false,
            tissue_mask: None,
            region: None,
            area_transform: None,
            images: Vec::new(),
            sections: Vec::new(),
            align: false,
            config,
            preset: None,
            force: false,
            given: Vec::new(),
        }
    }

    /// Sets a flag of a platform (without the dashes; [`flags()`](super::flags()) lists them), for example `pixel-um` to `0.18`. A
    /// switch takes an empty value.
    ///
    /// [`Error::Usage`] for a flag that no platform has, or a value that is none; that the input's platform has it is
    /// checked when it is read.
    pub fn set(&mut self, flag: &str, value: &str) -> Result<()> {
        let all = flags();
        let Some(known) = all.iter().find(|known| known.name == flag) else {
            let near = nearest_names(flag, all.iter().map(|known| known.name));
            return Err(Error::Usage(format!(
                "--{flag}: no platform has it (nearest: --{})",
                near.first().unwrap_or(&"none")
            )));
        };
        (known.set)(&mut self.config, value)
            .map_err(|what| Error::Usage(format!("--{flag} {value}: {what}. Expected {}", known.help)))?;
        self.given.push(known);
        Ok(())
    }

    /// The flags that were set.
    pub(crate) fn given(&self) -> impl Iterator<Item = &'static Flag> + '_ {
        self.given.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_changes_the_config_and_a_wrong_one_is_told() {
        let mut request = Request::new("a.csv", Mode::Benchmark);
        request.set("gene-column", "target").unwrap();
        request.set("um-per-unit", "0.325").unwrap();
        assert_eq!(request.config.csv.gene_column.as_deref(), Some("target"));
        assert_eq!(request.config.csv.um_per_unit, Some(0.325));
        assert_eq!(request.given().map(|flag| flag.name).collect::<Vec<_>>(), ["gene-column", "um-per-unit"]);
        let told = |flag: &str, value: &str| Request::new("a", Mode::Impute).set(flag, value).unwrap_err().to_string();
        assert!(told("pixel-mm", "1").contains("--pixel-um"));
        assert!(told("bin-dnb", "many").contains("--bin-dnb many"));
    }
}
