//! What a user says of a section beside its counts: where its tissue is, and which part of it was read.

use crate::section::Raster;
use serde::{Deserialize, Serialize};

/// Bins that a user named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AreaEntry {
    /// The flag, and what it gave.
    pub what: String,
    /// SHA-256 of that.
    pub sha256: String,
    /// Its bins within the grid.
    pub bins: u64,
}

/// What a user says of a section; nothing by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    /// The tissue [rows, cols], whatever the counts.
    pub tissue: Option<Raster<bool>>,
    /// The part that was read [rows, cols]: there is no tissue outside.
    pub region: Option<Raster<bool>>,
    /// Where these are from, and which bins were excluded.
    pub areas: Vec<AreaEntry>,
}

impl Outline {
    /// Whether a bin may be tissue.
    pub(super) fn holds(&self, at: (usize, usize)) -> bool {
        self.region.as_ref().is_none_or(|region| region[at])
    }

    /// The tissue where the user says it, cut to the part that was read.
    pub(super) fn given_tissue(&self) -> Option<Raster<bool>> {
        let tissue = self.tissue.as_ref()?;
        Some(Raster::from_fn(tissue.rows(), tissue.cols(), |row, col| tissue[(row, col)] && self.holds((row, col))))
    }
}
