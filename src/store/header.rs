//! What a store says of itself.

use crate::calibration::Calibration;
use crate::dataset::Dataset;
use crate::provenance::Provenance;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the store format; a reader refuses any other.
pub const FORMAT: u32 = 1;

/// The attribute `s2s` of a store's root group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: u32,
    /// The sample's name.
    pub sample: String,
    /// How the unmeasured bins were predicted: `s2s`, or an interpolation.
    pub method: String,
    /// The genes, in the order of the array's first axis.
    pub genes: Vec<String>,
    /// Side of a bin in µm.
    pub bin_um: f64,
    /// x and y in µm of the top-left corner of bin (0, 0).
    pub origin_um: [f64; 2],
    /// S: one bin in S² is measured.
    pub scale: usize,
    /// What the array `uncertainty` holds; `None` where there is none.
    #[serde(default)]
    pub uncertainty: Option<Uncertainty>,
    /// [`Dataset::fingerprint`] of the section that was imputed.
    pub dataset_fingerprint: String,
    /// How the store came to be.
    pub provenance: Provenance,
}

/// What the array `uncertainty` of a store holds: half the width of the interval around every imputed value.
///
/// A bin lies in [max(0, imputed − uncertainty), imputed + uncertainty] with a probability of `coverage`. For another coverage c,
/// multiply by [`Calibration::quantiles`] at c over that at `coverage`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Uncertainty {
    /// The share of the unmeasured bins that the intervals are to hold.
    pub coverage: f64,
    /// What the intervals of each gene rest on; genes that are not here have none (NaN).
    pub genes: BTreeMap<String, Calibration>,
}

impl Header {
    /// The header of a prediction of `genes` of `dataset` by `method`.
    pub fn of(dataset: &Dataset, method: &str, genes: Vec<String>, provenance: Provenance) -> Self {
        let manifest = dataset.manifest();
        Header {
            format: FORMAT,
            sample: manifest.sample.clone(),
            method: method.to_owned(),
            genes,
            bin_um: manifest.grid.bin_um,
            origin_um: manifest.grid.origin_um,
            scale: manifest.lattice.scale.get(),
            uncertainty: None,
            dataset_fingerprint: dataset.fingerprint(),
            provenance,
        }
    }
}
