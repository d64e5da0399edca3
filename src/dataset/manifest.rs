//! `manifest.json`: what a dataset holds, and how it came to be.

use super::outline::AreaEntry;
use crate::error::nearest_names;
use crate::files::readable;
use crate::guides::GuideEntry;
use crate::provenance::Provenance;
use crate::section::{Grid, Lattice, Pattern};
use crate::words::counted;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The version of the dataset format; a reader refuses newer ones.
pub const FORMAT: u32 = 1;

/// Whether the unmeasured bins are known to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A dense section: all bins off the lattice are withheld into `truth.parquet`.
    Benchmark,
    /// The section really was sampled sparsely: there is no truth.
    Impute,
}

/// One gene of the dataset. All figures are of measured in-tissue bins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeneEntry {
    /// The gene's name.
    pub name: String,
    /// The row group of `measured.parquet` (and, shifted by one, of `truth.parquet`) that holds it.
    pub row_group: usize,
    /// Its counts; in data that came normalised already, the number of bins again.
    pub counts: u64,
    /// The number of bins in which it was found.
    pub bins: u64,
    /// Moran's I of its values over the measured lattice, each bin linked to its up to four measured neighbours: how much
    /// spatial structure there is to learn. `None` where it is not defined, and in datasets written before it was.
    #[serde(default)]
    pub morans_i: Option<f64>,
}

/// What is known of a serial section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SectionEntry {
    /// The name of its sample.
    pub sample: String,
    /// The dataset that it was read from.
    pub path: String,
    /// The fingerprint of that dataset ([`Dataset::fingerprint`](super::Dataset::fingerprint)).
    pub sha256: String,
    /// The map from its µm to this section's: x and y are a·x + b·y + c with rows [a, b, c].
    pub to_um: [[f64; 3]; 2],
    /// How far it lies from this section in µm, across both; `None` where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance_um: Option<f64>,
    /// How many genes of this section it measured as well.
    pub genes: usize,
    /// Correlation of ln(1 + total) of both over this section's measured bins; `None` where there is none.
    pub correlation: Option<f64>,
}

/// The content of `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// How this dataset came to be.
    pub provenance: Provenance,
    /// The sample's name: the folder's name without `.s2s`.
    pub sample: String,
    /// The platform whose files were read.
    pub platform: String,
    /// Whether there is a truth.
    pub mode: Mode,
    /// Where the bins lie.
    pub grid: Grid,
    /// The lattice of the measured bins; where `pattern` is none, only the step between training patches.
    pub lattice: Lattice,
    /// How the measured bins were chosen; which they are stands in `bins.parquet`.
    #[serde(default)]
    pub pattern: Pattern,
    /// A measured bin with fewer counts is outside the tissue, unless `tissue_given`.
    pub min_counts: u64,
    /// Whether the tissue is what the user said, whatever the counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tissue_given: bool,
    /// Bins that the user named: excluded ones, the tissue, the part that was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<AreaEntry>,
    /// The target total of log-normalisation: the median total of the measured in-tissue bins. Absent where the input
    /// was normalised already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
    /// Side in bins of the dense patch P of `patches.parquet`.
    pub patch: usize,
    /// The genes, in the order of their row groups.
    pub genes: Vec<GeneEntry>,
    /// Shares of the panel's variance over the measured bins that the components of `components.parquet` explain, largest first.
    pub components: Vec<f64>,
    /// That variance: the sum over the genes that the components were computed of, in squared log-normalised units. Absent in datasets
    /// that were prepared before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panel_variance: Option<f64>,
    /// What images and serial sections say of every bin: the columns of `guides.parquet`. None without either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guides: Vec<GuideEntry>,
    /// Serial sections, kept in `sections/`, in the order of their folders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<SectionEntry>,
    /// SHA-256 of each Parquet file of the dataset.
    pub fingerprints: BTreeMap<String, String>,
}

impl Manifest {
    /// How many of the guides are of images: the first ones, before those of serial sections.
    pub fn image_guides(&self) -> usize {
        let of_section = |guide: &GuideEntry| self.sections.iter().any(|section| section.sha256 == guide.sha256);
        self.guides.iter().take_while(|guide| !of_section(guide)).count()
    }

    /// Reads `manifest.json` of the dataset in `folder`.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("manifest.json");
        let text = std::fs::read_to_string(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Error::Missing(format!(
                "{}: not found, so {} is no dataset. Give the folder that s2s-prep wrote (SAMPLE.s2s)",
                path.display(),
                folder.display()
            )),
            _ => Error::io(&path, "read", e),
        })?;
        let version = serde_json::from_str::<serde_json::Value>(&text).ok().and_then(|v| v.get("format")?.as_u64());
        let none = || Error::data(&path, "no manifest of s2s-prep (key \"format\" not found). Run s2s-prep again");
        readable("dataset", version.ok_or_else(none)?, FORMAT, FORMAT, "s2s-prep")
            .map_err(|e| Error::data(&path, e))?;
        serde_json::from_str(&text).map_err(|e| Error::data(&path, format!("{e}. Run s2s-prep again")))
    }

    /// The gene called `name`, or an error that suggests the nearest names.
    pub fn gene(&self, name: &str) -> Result<&GeneEntry> {
        self.genes.iter().find(|gene| gene.name == name).ok_or_else(|| {
            let near = nearest_names(name, self.genes.iter().map(|gene| gene.name.as_str()));
            Error::Data(format!(
                "gene {name}: not in dataset {} ({}). Nearest names: {}",
                self.sample,
                counted(self.genes.len(), "gene"),
                near.join(", ")
            ))
        })
    }
}
