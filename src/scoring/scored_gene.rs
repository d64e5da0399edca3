//! A gene with all that is known of it: what is drawn, and what scores are gathered from.

use super::expectations::Expectation;
use super::intervals::Intervals;
use super::score::Score;
use crate::dataset::Dataset;
use crate::section::Raster;

/// A gene with its predictions and scores. Maps are [rows, cols], in log-normalised units.
pub(super) struct ScoredGene<'a> {
    pub(super) gene: &'a str,
    pub(super) dataset: &'a Dataset,
    /// The dense truth, 0 outside the tissue, if there is one.
    pub(super) truth: Option<Raster<f32>>,
    /// The measured values.
    pub(super) measured: Raster<f32>,
    /// Label and prediction (NaN where it says nothing).
    pub(super) predictions: Vec<(&'a str, Raster<f32>)>,
    /// Bilinear interpolation (NaN outside the tissue), where there is neither a truth nor an interpolation among the predictions.
    pub(super) interpolated: Option<Raster<f32>>,
    /// What measured bins say of the predictions that they chose.
    pub(super) expectations: Vec<Expectation>,
    /// Label, half the width of the intervals and their coverage, of the predictions that have some.
    pub(super) half_widths: Vec<(&'a str, Raster<f32>, f64)>,
    /// The label of the reference.
    pub(super) reference: Option<&'a str>,
    /// Label and gain over the reference (NaN where bins are not compared) of the other predictions.
    pub(super) gains: Vec<(&'a str, Raster<f64>)>,
    /// Label and intervals of the predictions that have some.
    pub(super) intervals: Vec<(&'a str, Intervals)>,
    pub(super) scores: Vec<Score>,
}

impl ScoredGene<'_> {
    /// The measured values on the whole grid, NaN where nothing was measured or there is no tissue.
    pub(super) fn input(&self) -> Raster<f32> {
        let (sampling, tissue) = (self.dataset.sampling(), self.dataset.tissue());
        Raster::from_fn(tissue.rows(), tissue.cols(), |row, col| {
            let known = sampling.measures(row, col) && tissue[(row, col)];
            if known { self.measured[(row, col)] } else { f32::NAN }
        })
    }
}
