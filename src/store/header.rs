//! What a store says of itself.

use crate::dataset::Dataset;
use serde::{Deserialize, Serialize};

/// The version of the store format; a reader refuses newer ones, and the first, which was never released.
pub const FORMAT: u32 = 2;

/// The attribute `s2s` of a store's root group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: u32,
    /// The sample's name.
    pub sample: String,
    /// How the unmeasured bins were predicted: `s2s`, or an interpolation.
    pub method: String,
    /// The genes that it has room for, in the order of the images' channels.
    pub genes: Vec<String>,
    /// Whether it has room for the uncertainty of each prediction.
    pub uncertainty: bool,
    /// The probability with which `lower` to `upper` holds an unmeasured bin; absent in a store without the images `median`, `lower`,
    /// `upper`, `detected`, `smoothed` and `smoothed_uncertainty`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<f64>,
    /// Whether it has room for the counts to expect.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counts: bool,
    /// What identifies the cells of the table `cells`; absent in a store without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cells: Option<String>,
    /// Side of a bin in µm.
    pub bin_um: f64,
    /// x and y in µm of the top-left corner of bin (0, 0).
    pub origin_um: [f64; 2],
    /// S: one bin in S² is measured.
    pub scale: usize,
    /// [`Dataset::fingerprint`] of the section that was imputed.
    pub dataset_fingerprint: String,
}

impl Header {
    /// The header of a store for `genes` of `dataset`, predicted by `method`.
    pub fn of(
        dataset: &Dataset,
        method: &str,
        genes: Vec<String>,
        uncertainty: bool,
        distribution: Option<f64>,
    ) -> Self {
        let manifest = dataset.manifest();
        Header {
            format: FORMAT,
            sample: manifest.sample.clone(),
            method: method.to_owned(),
            genes,
            uncertainty,
            distribution,
            counts: false,
            cells: None,
            bin_um: manifest.grid.bin_um,
            origin_um: manifest.grid.origin_um,
            scale: manifest.lattice.scale.get(),
            dataset_fingerprint: dataset.fingerprint(),
        }
    }
}
