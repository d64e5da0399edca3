//! Scores one prediction of one gene over the two regions of a benchmark.

use super::{metrics, ssim};
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
    /// Mean absolute error, log-normalised units.
    pub mae: Option<f64>,
    /// Root mean squared error, log-normalised units.
    pub rmse: Option<f64>,
    /// Pearson's correlation coefficient.
    pub pcc: Option<f64>,
    /// Mean of the SSIM map over the region's bins.
    pub ssim: Option<f64>,
    /// SSIM of the whole frame, 0 outside the tissue, as published; for [`Region::Tissue`] only.
    pub ssim_frame: Option<f64>,
    /// Peak signal-to-noise ratio of the whole frame in dB; for [`Region::Tissue`] only.
    pub psnr_frame: Option<f64>,
    /// Moran's I of the prediction; for [`Region::Tissue`] only.
    pub morans_i: Option<f64>,
    /// Moran's I of the truth; for [`Region::Tissue`] only.
    pub morans_i_truth: Option<f64>,
    /// Moran's I of the prediction less that of the truth.
    pub morans_i_difference: Option<f64>,
    /// Geary's C of the prediction; for [`Region::Tissue`] only.
    pub gearys_c: Option<f64>,
    /// Geary's C of the truth; for [`Region::Tissue`] only.
    pub gearys_c_truth: Option<f64>,
    /// Geary's C of the prediction less that of the truth.
    pub gearys_c_difference: Option<f64>,
    /// Share of the truth's variance over the bins that is not noise of counting; for [`Region::Unmeasured`] only.
    pub reliability: Option<f64>,
    /// The PCC that a prediction without any noise could reach: the root of the reliability.
    pub pcc_ceiling: Option<f64>,
    /// MAE as a multiple of the bilinear baseline's, where that is among the predictions.
    pub mae_ratio: Option<f64>,
    /// RMSE as a multiple of the bilinear baseline's, where that is among the predictions.
    pub rmse_ratio: Option<f64>,
    /// Share of the bins whose error is smaller than the reference's; for [`Region::Unmeasured`] of other methods only, as
    /// the two below.
    pub improvement_ratio: Option<f64>,
    /// Share of the bins whose error is exactly the reference's.
    pub tie_ratio: Option<f64>,
    /// Mean over the bins of the reference's absolute error less the method's, log-normalised units.
    pub mean_gain: Option<f64>,
    /// Share of the bins with an interval whose truth lies in it; for [`Region::Unmeasured`] of predictions that say how sure
    /// they are only, as the two below.
    pub coverage: Option<f64>,
    /// Mean width of the intervals, log-normalised units.
    pub interval_width: Option<f64>,
    /// Mean interval score, log-normalised units; lower is better.
    pub interval_score: Option<f64>,
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

    /// Scores `predicted` (NaN where it says nothing) against `truth`, both [rows, cols], over both regions.
    ///
    /// An in-tissue bin without a prediction counts as predicted 0, and what was predicted outside the tissue does not count.
    pub fn score(&self, gene: &str, method: &str, truth: &Raster<f32>, predicted: &Raster<f32>) -> [Score; 2] {
        let inside = |image: &Raster<f32>| {
            Raster::from_fn(image.rows(), image.cols(), |row, col| {
                let value = f64::from(image[(row, col)]);
                if self.tissue[(row, col)] && !value.is_nan() { value } else { 0.0 }
            })
        };
        let (t, p) = (inside(truth), inside(predicted));
        let range = metrics::data_range(&t, &p, &self.tissue);
        let map = ssim::similarity_map(&t, &p, range);
        let [(moran_t, geary_t), (moran_p, geary_p)] = [&t, &p].map(|image| self.autocorrelation(image));
        let less = |a: Option<f64>, b: Option<f64>| Some(a? - b?);
        [Region::Unmeasured, Region::Tissue].map(|region| {
            let bins = self.bins(region);
            let agreement = metrics::agreement(&t, &p, bins);
            let whole = region == Region::Tissue;
            Score {
                gene: gene.to_owned(),
                method: method.to_owned(),
                region,
                bins: agreement.bins,
                missed: bins.values().iter().zip(predicted.values()).filter(|(b, v)| **b && v.is_nan()).count(),
                mae: agreement.mae,
                rmse: agreement.rmse,
                pcc: agreement.pcc,
                ssim: map.as_ref().and_then(|map| ssim::region_mean(map, bins)),
                ssim_frame: map.as_ref().filter(|_| whole).map(ssim::frame_mean),
                psnr_frame: if whole { metrics::psnr(&t, &p, bins, range) } else { None },
                morans_i: moran_p.filter(|_| whole),
                morans_i_truth: moran_t.filter(|_| whole),
                morans_i_difference: less(moran_p, moran_t).filter(|_| whole),
                gearys_c: geary_p.filter(|_| whole),
                gearys_c_truth: geary_t.filter(|_| whole),
                gearys_c_difference: less(geary_p, geary_t).filter(|_| whole),
                reliability: None,
                pcc_ceiling: None,
                mae_ratio: None,
                rmse_ratio: None,
                improvement_ratio: None,
                tie_ratio: None,
                mean_gain: None,
                coverage: None,
                interval_width: None,
                interval_score: None,
            }
        })
    }

    /// Moran's I and Geary's C of an `image` that is 0 outside the tissue.
    fn autocorrelation(&self, image: &Raster<f64>) -> (Option<f64>, Option<f64>) {
        let filled: Vec<(usize, f64)> =
            image.values().iter().copied().enumerate().filter(|(_, value)| *value != 0.0).collect();
        (self.neighbours.morans_i(&filled), self.neighbours.gearys_c(&filled))
    }
}

/// Writes the `reliability` of one gene's truth, and the ceiling that follows, into its `scores` over unmeasured bins.
pub fn limit(reliability: Option<f64>, scores: &mut [Score]) {
    for score in scores.iter_mut().filter(|score| score.region == Region::Unmeasured) {
        score.reliability = reliability;
        score.pcc_ceiling = reliability.map(f64::sqrt);
    }
}

/// Fills in the ratios of one gene's `scores` to those of the method labelled `baseline`.
///
/// A ratio is `None` where the gene was not predicted by the baseline, or the baseline makes no error at all.
pub fn relate_to(baseline: &str, scores: &mut [Score]) {
    let errors = |region: Region| {
        let found = scores.iter().find(|score| score.method == baseline && score.region == region);
        found.map_or((None, None), |score| (score.mae, score.rmse))
    };
    let (unmeasured, tissue) = (errors(Region::Unmeasured), errors(Region::Tissue));
    let ratio = |error: Option<f64>, base: Option<f64>| Some(error? / base.filter(|base| *base > 0.0)?);
    for score in scores {
        let (mae, rmse) = if score.region == Region::Tissue { tissue } else { unmeasured };
        score.mae_ratio = ratio(score.mae, mae);
        score.rmse_ratio = ratio(score.rmse, rmse);
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
        let [unmeasured, tissue] = regions().score("A", "m", &truth, &predicted);
        assert_eq!((unmeasured.bins, unmeasured.missed, unmeasured.mae), (5, 1, Some(1.0)));
        assert_eq!((tissue.bins, tissue.missed, tissue.mae), (7, 1, Some(5.0 / 7.0)));
        assert_eq!(unmeasured.rmse, Some((17.0f64 / 5.0).sqrt()));
        assert_eq!((tissue.ssim, tissue.ssim_frame), (None, None), "the grid is smaller than the window");
    }

    #[test]
    fn ratios_are_to_the_baseline_of_the_same_region() {
        let truth = Raster::filled(2, 4, 1.0);
        let mut scores = regions().score("A", "bilinear", &truth, &Raster::filled(2, 4, 0.5)).to_vec();
        scores.extend(regions().score("A", "s2s", &truth, &Raster::filled(2, 4, 0.75)));
        relate_to("bilinear", &mut scores);
        assert_eq!(scores.iter().map(|s| s.mae_ratio.unwrap()).collect::<Vec<_>>(), [1.0, 1.0, 0.5, 0.5]);
    }
}
