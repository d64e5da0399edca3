//! One prediction of one gene beside the truth: what its metrics are computed from.

use super::agreement::{Agreement, agreement, data_range, psnr};
use super::gain::Gain;
use super::intervals::Intervals;
use super::regions::{Region, Regions};
use super::ssim;
use crate::section::Raster;

/// A prediction beside the truth, as images [rows, cols] that are 0 outside the tissue.
pub struct Comparison<'a> {
    regions: &'a Regions,
    /// The truth, log-normalised units.
    pub truth: Raster<f64>,
    /// The prediction, 0 where it says nothing.
    pub predicted: Raster<f64>,
    /// The data range of the pair: the larger maximum.
    pub range: f64,
    /// The map of the SSIM; `None` where the grid is smaller than its window.
    pub similarity: Option<Raster<f64>>,
    /// Moran's I and Geary's C of the truth over the tissue.
    pub true_autocorrelation: (Option<f64>, Option<f64>),
    /// Moran's I and Geary's C of the prediction over the tissue.
    pub predicted_autocorrelation: (Option<f64>, Option<f64>),
    agreement: [Agreement; 2],
    missed: [usize; 2],
}

/// What a prediction is judged by beside the truth.
#[derive(Clone, Copy, Default)]
pub struct References<'a> {
    /// The bilinear baseline's prediction of the same gene.
    pub baseline: Option<&'a Comparison<'a>>,
    /// The share of the truth's variance over the unmeasured bins that is not noise of counting.
    pub reliability: Option<f64>,
    /// What the prediction gains over the reference on the unmeasured bins; none of the reference itself.
    pub gain: Option<Gain>,
    /// The prediction's own intervals over the unmeasured bins, where it has some.
    pub intervals: Option<&'a Intervals>,
}

/// What the figures of one gene, method and region are computed from.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The bins they are over.
    pub region: Region,
    /// Truth and prediction.
    pub comparison: &'a Comparison<'a>,
    /// What else there is to judge it by.
    pub references: References<'a>,
}

impl<'a> Comparison<'a> {
    /// Compares `predicted` (NaN where it says nothing) with `truth`, both [rows, cols], over both regions.
    ///
    /// An in-tissue bin without a prediction counts as predicted 0, and what was predicted outside the tissue does not count.
    pub fn new(regions: &'a Regions, truth: &Raster<f32>, predicted: &Raster<f32>) -> Self {
        let tissue = regions.bins(Region::Tissue);
        let inside = |map: &Raster<f32>| {
            Raster::from_fn(map.rows(), map.cols(), |row, col| {
                let value = f64::from(map[(row, col)]);
                if tissue[(row, col)] && !value.is_nan() { value } else { 0.0 }
            })
        };
        let (t, p) = (inside(truth), inside(predicted));
        let range = data_range(&t, &p, tissue);
        let missed = |bins: &Raster<bool>| {
            bins.values().iter().zip(predicted.values()).filter(|(bin, value)| **bin && value.is_nan()).count()
        };
        Comparison {
            similarity: ssim::similarity_map(&t, &p, range),
            true_autocorrelation: regions.autocorrelation(&t),
            predicted_autocorrelation: regions.autocorrelation(&p),
            agreement: Region::ALL.map(|region| agreement(&t, &p, regions.bins(region))),
            missed: Region::ALL.map(|region| missed(regions.bins(region))),
            regions,
            truth: t,
            predicted: p,
            range,
        }
    }

    /// The bins of a region.
    pub fn bins(&self, region: Region) -> &Raster<bool> {
        self.regions.bins(region)
    }

    /// Errors and correlation over a region.
    pub fn agreement(&self, region: Region) -> &Agreement {
        &self.agreement[region as usize]
    }

    /// The bins of a region that the prediction left without a value.
    pub fn missed(&self, region: Region) -> usize {
        self.missed[region as usize]
    }

    /// The peak signal-to-noise ratio over the tissue in dB.
    pub fn psnr(&self) -> Option<f64> {
        psnr(&self.truth, &self.predicted, self.bins(Region::Tissue), self.range)
    }
}

impl Context<'_> {
    /// Errors and correlation over the region.
    pub fn agreement(&self) -> &Agreement {
        self.comparison.agreement(self.region)
    }

    /// An error as a multiple of the bilinear baseline's over the same region; `None` where that makes none.
    pub fn ratio(&self, error: fn(&Agreement) -> Option<f64>) -> Option<f64> {
        let base = error(self.references.baseline?.agreement(self.region)).filter(|base| *base > 0.0)?;
        Some(error(self.agreement())? / base)
    }

    /// The mean of the prediction over the region as a multiple of the truth's.
    pub fn bias(&self) -> Option<f64> {
        let bins = self.comparison.bins(self.region);
        let sum = |map: &Raster<f64>| {
            let inside = map.values().iter().zip(bins.values()).filter(|(_, inside)| **inside);
            inside.map(|(value, _)| value).sum::<f64>()
        };
        let [predicted, truth] = [&self.comparison.predicted, &self.comparison.truth].map(sum);
        (truth > 0.0).then(|| predicted / truth)
    }

    /// Errors over the bins of the region whose truth is above 0; `None` where there are none.
    pub fn expressed(&self) -> Option<Agreement> {
        let Comparison { truth, predicted, .. } = self.comparison;
        let bins = self.comparison.bins(self.region);
        let with = Raster::from_fn(bins.rows(), bins.cols(), |row, col| bins[(row, col)] && truth[(row, col)] > 0.0);
        Some(agreement(truth, predicted, &with)).filter(|found| found.bins > 0)
    }

    /// The mean of the SSIM's map over the region.
    pub fn ssim(&self) -> Option<f64> {
        ssim::region_mean(self.comparison.similarity.as_ref()?, self.comparison.bins(self.region))
    }
}
