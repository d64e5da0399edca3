//! The bins that scores are taken over.

use crate::section::{Neighbours, Raster, Sampling};
use serde::Serialize;

/// The bins that a score is taken over. Tissue is the truth's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// In-tissue bins that were withheld: the honest number.
    Unmeasured,
    /// All in-tissue bins, measured ones included: what papers publish.
    Tissue,
}

impl Region {
    /// Both, in the order of the rows of the tables.
    pub const ALL: [Region; 2] = [Region::Unmeasured, Region::Tissue];
}

/// The regions of a benchmark.
#[derive(Clone, Debug)]
pub struct Regions {
    tissue: Raster<bool>,
    unmeasured: Raster<bool>,
    neighbours: Neighbours,
}

impl Regions {
    /// The regions over the true `tissue` [rows, cols] of a section of which `sampling` was measured.
    pub fn new(tissue: Raster<bool>, sampling: &Sampling) -> Self {
        let unmeasured = Raster::from_fn(tissue.rows(), tissue.cols(), |row, col| {
            tissue[(row, col)] && !sampling.measures(row, col)
        });
        Regions { neighbours: Neighbours::new(&tissue), tissue, unmeasured }
    }

    /// The bins of a region [rows, cols].
    pub fn bins(&self, region: Region) -> &Raster<bool> {
        match region {
            Region::Unmeasured => &self.unmeasured,
            Region::Tissue => &self.tissue,
        }
    }

    /// Moran's I and Geary's C over the tissue of an `image` [rows, cols] that is 0 outside it.
    pub(super) fn autocorrelation(&self, image: &Raster<f64>) -> (Option<f64>, Option<f64>) {
        let filled: Vec<(usize, f64)> =
            image.values().iter().copied().enumerate().filter(|(_, value)| *value != 0.0).collect();
        (self.neighbours.morans_i(&filled), self.neighbours.gearys_c(&filled))
    }
}
