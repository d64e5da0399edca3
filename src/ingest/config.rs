//! The section `prep` of the config: how a platform's files become a dataset.

use crate::dataset::Quantity;
use serde::{Deserialize, Serialize};

/// The section `prep`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PrepConfig {
    /// Side of a bin in µm; without it, what the counts recommend ([`describe()`](super::describe())), or a bin for every spot.
    pub bin_um: Option<f64>,
    /// S: one bin in S² is measured.
    pub scale: usize,
    /// Row and column of the measured bin in every S×S block, counted from `origin_um`.
    pub phase: [usize; 2],
    /// Which bins are measured.
    pub pattern: PatternKind,
    /// The share of measured bins of the random pattern.
    pub rate: f64,
    /// What the draws of the random pattern depend on.
    pub seed: u64,
    /// A measured bin with fewer counts is outside the tissue.
    pub min_counts: u64,
    /// Lowest Phred-scaled quality of a transcript, where the file has a column qv.
    pub min_qv: f64,
    /// Side P of the dense training patch in bins.
    pub patch: usize,
    /// x and y in µm of a corner of a bin, from which all bins are counted: the origin of the instrument's field.
    pub origin_um: [f64; 2],
    /// Size of a pixel (CosMx) or distance between DNBs (Stereo-seq) in µm; without it, the instrument's.
    pub pixel_um: Option<f64>,
    /// Stereo-seq: side of a bin in DNBs, instead of `bin_um`.
    pub bin_dnb: Option<u32>,
    /// How plain tables are read.
    pub csv: CsvConfig,
    /// What of a matrix is read.
    pub matrix: MatrixConfig,
}

impl Default for PrepConfig {
    fn default() -> Self {
        PrepConfig {
            bin_um: None,
            scale: 2,
            phase: [0, 0],
            pattern: PatternKind::Lattice,
            rate: 0.25,
            seed: 0,
            min_counts: 10,
            min_qv: 20.0,
            patch: 64,
            origin_um: [0.0, 0.0],
            pixel_um: None,
            bin_dnb: None,
            csv: CsvConfig::default(),
            matrix: MatrixConfig::default(),
        }
    }
}

/// Distance in µm of the spots of Visium.
const SPOT_UM: f64 = 100.0;

impl PrepConfig {
    /// Side of a bin in µm, of files whose observations are one bin each; where nobody says it, the distance of Visium's spots.
    pub(crate) fn spot_um(&self) -> f64 {
        self.bin_um.or(self.matrix.pitch_um).unwrap_or(SPOT_UM)
    }

    /// What the entries of the input are.
    pub(crate) fn quantity(&self) -> Quantity {
        if self.matrix.already_normalised { Quantity::Values } else { Quantity::Counts }
    }
}

/// The section `prep.matrix`, for AnnData and SpatialData.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MatrixConfig {
    /// The layer that holds the counts, or `raw`; the matrix X without one.
    pub layer: Option<String>,
    /// The element of a SpatialData store.
    pub element: Option<String>,
    /// Conditions `COLUMN=VALUE` on `obs`: observations that fulfil them are read.
    pub r#where: Vec<String>,
    /// The column of the gene names: of `var` in AnnData, of the points in SpatialData.
    pub gene_column: Option<String>,
    /// Distance in µm of neighbouring rows and columns of an array with gaps.
    pub pitch_um: Option<f64>,
    /// Take the values as they are, neither counted nor normalised.
    pub already_normalised: bool,
}

/// Column and value of a condition COLUMN=VALUE.
pub(crate) fn condition(text: &str) -> Option<(&str, &str)> {
    let (column, value) = text.split_once('=')?;
    Some((column.trim(), value.trim())).filter(|(column, _)| !column.is_empty())
}

/// The key `prep.pattern`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PatternKind {
    /// One bin of every S×S block.
    Lattice,
    /// Each bin by a draw of its own.
    Random,
    /// Every bin but those that are excluded.
    All,
    /// The bins that hold a spot of the instrument, with others between.
    Spots,
}

/// The section `prep.csv`. Columns without a name here are found by their usual names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CsvConfig {
    /// The column of the genes.
    pub gene_column: Option<String>,
    /// The column of x.
    pub x_column: Option<String>,
    /// The column of y.
    pub y_column: Option<String>,
    /// The column of the counts; where there is none, every row is one molecule.
    pub count_column: Option<String>,
    /// µm per unit of x and y: the size of a pixel, where positions are pixels; without it 1, where the file does not say.
    pub um_per_unit: Option<f64>,
}

impl CsvConfig {
    /// µm per unit of x and y.
    pub fn unit_um(&self) -> f64 {
        self.um_per_unit.unwrap_or(1.0)
    }
}
