//! What the genes of a panel say together.

use crate::section::{Raster, Sampling};

/// A section's measured bins and the panel's principal components there.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Which bins are measured.
    pub sampling: Sampling,
    /// The tissue [rows, cols].
    pub tissue: Raster<bool>,
    /// The components' scores, each a map of the whole grid [rows, cols] that is looked at in measured tissue bins only: mean 0 and
    /// variance 1 there.
    pub components: Vec<Raster<f32>>,
    /// How much of the panel's variance each of them explains, in squared log-normalised units.
    pub variances: Vec<f64>,
}
