//! Scores one prediction of one gene over the two regions of a benchmark.

use super::gain::Gain;
use super::intervals::Intervals;
use super::metrics::Agreement;
use super::registry::{self, Context, METRICS};
use super::{metrics, ssim};
use crate::section::{Neighbours, Raster, Sampling};
use serde::{Serialize, Serializer};

/// The bins that a score is taken over. Tissue is the truth's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// In-tissue bins that were withheld: the honest number.
    Unmeasured,
    /// All in-tissue bins, measured ones included: what papers publish.
    Tissue,
}

/// How well one method predicted one gene over one region. Undefined figures are `None`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// The gene.
    pub gene: String,
    /// The label of the prediction.
    pub method: String,
    /// The bins compared.
    pub region: Region,
    /// Their number.
    pub bins: usize,
    /// How many of them the prediction left without a value; they are compared as 0.
    pub missed: usize,
    /// The figures, in the order of [`METRICS`].
    #[serde(flatten)]
    pub values: Values,
}

/// A figure for each of [`METRICS`], `None` where it is not defined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Values([Option<f64>; METRICS.len()]);

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(METRICS.iter().map(|metric| metric.key).zip(self.0))
    }
}

impl Score {
    /// The figure called `key`; `None` where it is not defined.
    pub fn value(&self, key: &str) -> Option<f64> {
        let index = registry::index(key);
        debug_assert!(index.is_some(), "no metric is called {key}");
        self.values.0[index?]
    }

    /// The figures, in the order of [`METRICS`].
    pub fn values(&self) -> &[Option<f64>] {
        &self.values.0
    }
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

    /// Compares `predicted` (NaN where it says nothing) with `truth`, both [rows, cols], over both regions.
    ///
    /// An in-tissue bin without a prediction counts as predicted 0, and what was predicted outside the tissue does not count.
    pub fn compare<'a>(&'a self, truth: &Raster<f32>, predicted: &Raster<f32>) -> Comparison<'a> {
        let inside = |map: &Raster<f32>| {
            Raster::from_fn(map.rows(), map.cols(), |row, col| {
                let value = f64::from(map[(row, col)]);
                if self.tissue[(row, col)] && !value.is_nan() { value } else { 0.0 }
            })
        };
        let (t, p) = (inside(truth), inside(predicted));
        let range = metrics::data_range(&t, &p, &self.tissue);
        let missed = |bins: &Raster<bool>| {
            bins.values().iter().zip(predicted.values()).filter(|(bin, value)| **bin && value.is_nan()).count()
        };
        Comparison {
            similarity: ssim::similarity_map(&t, &p, range),
            true_autocorrelation: self.autocorrelation(&t),
            predicted_autocorrelation: self.autocorrelation(&p),
            agreement: REGIONS.map(|region| metrics::agreement(&t, &p, self.bins(region))),
            missed: REGIONS.map(|region| missed(self.bins(region))),
            regions: self,
            truth: t,
            predicted: p,
            range,
        }
    }

    /// Moran's I and Geary's C of an `image` that is 0 outside the tissue.
    fn autocorrelation(&self, image: &Raster<f64>) -> (Option<f64>, Option<f64>) {
        let filled: Vec<(usize, f64)> =
            image.values().iter().copied().enumerate().filter(|(_, value)| *value != 0.0).collect();
        (self.neighbours.morans_i(&filled), self.neighbours.gearys_c(&filled))
    }
}

/// Both regions, in the order of the rows of the tables.
const REGIONS: [Region; 2] = [Region::Unmeasured, Region::Tissue];

/// One prediction of one gene beside the truth, as images [rows, cols] that are 0 outside the tissue.
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
pub struct Beside<'a> {
    /// The bilinear baseline's prediction of the same gene.
    pub baseline: Option<&'a Comparison<'a>>,
    /// The reliability of the truth's unmeasured values.
    pub reliability: Option<f64>,
    /// The gain over the reference.
    pub gain: Option<Gain>,
    /// The prediction's own intervals.
    pub intervals: Option<&'a Intervals>,
}

impl Comparison<'_> {
    /// The bins of a region.
    pub fn bins(&self, region: Region) -> &Raster<bool> {
        self.regions.bins(region)
    }

    /// The peak signal-to-noise ratio over the tissue in dB.
    pub fn psnr(&self) -> Option<f64> {
        metrics::psnr(&self.truth, &self.predicted, self.bins(Region::Tissue), self.range)
    }

    /// All metrics over both regions, of `gene` as `method` predicted it.
    pub fn scores(&self, gene: &str, method: &str, beside: Beside) -> [Score; 2] {
        [0, 1].map(|i| {
            let context = Context {
                region: REGIONS[i],
                comparison: self,
                agreement: &self.agreement[i],
                baseline: beside.baseline.map(|baseline| &baseline.agreement[i]),
                reliability: beside.reliability,
                gain: beside.gain,
                intervals: beside.intervals,
            };
            Score {
                gene: gene.to_owned(),
                method: method.to_owned(),
                region: REGIONS[i],
                bins: self.agreement[i].bins,
                missed: self.missed[i],
                values: Values(std::array::from_fn(|metric| METRICS[metric].value(&context))),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::{Lattice, Scale};

    /// 2 × 4 bins, S = 2: (0, 0) and (0, 2) are measured, (1, 3) is outside the tissue.
    fn regions() -> Regions {
        let tissue = Raster::from_fn(2, 4, |row, col| (row, col) != (1, 3));
        Regions::new(tissue, &Sampling::regular(Lattice::new(Scale::new(2).unwrap()), 2, 4))
    }

    #[test]
    fn a_bin_without_a_prediction_counts_as_zero_and_one_outside_the_tissue_not_at_all() {
        let truth = Raster::from_vec(2, 4, vec![1.0, 2.0, 1.0, 0.0, 0.0, 4.0, 0.0, 0.0]).unwrap();
        let predicted = Raster::from_vec(2, 4, vec![1.0, 1.0, 1.0, 0.0, 0.0, f32::NAN, 0.0, 50.0]).unwrap();
        let regions = regions();
        let [unmeasured, tissue] = regions.compare(&truth, &predicted).scores("A", "m", Beside::default());
        assert_eq!((unmeasured.bins, unmeasured.missed, unmeasured.value("mae")), (5, 1, Some(1.0)));
        assert_eq!((tissue.bins, tissue.missed, tissue.value("mae")), (7, 1, Some(5.0 / 7.0)));
        assert_eq!(unmeasured.value("rmse"), Some((17.0f64 / 5.0).sqrt()));
        assert_eq!(
            (tissue.value("ssim"), tissue.value("ssim_frame")),
            (None, None),
            "the grid is smaller than the window"
        );
    }

    #[test]
    fn ratios_are_to_the_baseline_of_the_same_region() {
        let truth = Raster::filled(2, 4, 1.0);
        let regions = regions();
        let [baseline, own] = [0.5, 0.75].map(|value| regions.compare(&truth, &Raster::filled(2, 4, value)));
        let beside = Beside { baseline: Some(&baseline), ..Beside::default() };
        let scores = [baseline.scores("A", "bilinear", beside), own.scores("A", "s2s", beside)].concat();
        assert_eq!(scores.iter().map(|s| s.value("mae_ratio").unwrap()).collect::<Vec<_>>(), [1.0, 1.0, 0.5, 0.5]);
    }
}
