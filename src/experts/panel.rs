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
    /// What is known of every bin whether it is measured or not, such as an image: maps of the whole grid [rows, cols] in any units, NaN
    /// where there is no value. Without any, predictions are those of the measured bins alone.
    pub guides: Vec<Raster<f32>>,
}

/// What is known of a gene beside the panel.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Its log-normalised values [rows, cols], of which only those of measured tissue bins are read.
    pub values: &'a Raster<f32>,
    /// Guides of this gene alone, such as what a serial section says of it: as [`Panel::guides`].
    pub guides: &'a [Raster<f32>],
}

impl<'a> From<&'a Raster<f32>> for Known<'a> {
    fn from(values: &'a Raster<f32>) -> Self {
        Known { values, guides: &[] }
    }
}
