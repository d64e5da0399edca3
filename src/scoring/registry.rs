//! The metrics: one entry for each. The files, the tables and the report walk over this list, in this order.

use super::evaluate::{Comparison, Region};
use super::gain::Gain;
use super::intervals::Intervals;
use super::metrics::{Agreement, agreement};
use super::ssim;
use crate::section::Raster;

/// Which values of a metric are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Low ones.
    Low,
    /// High ones.
    High,
    /// Neither end: the metric describes.
    Neither,
}

/// The groups of columns in the report's table of scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Figures of unmeasured bins.
    Unmeasured,
    /// Those where one prediction is compared with the reference, beside the former.
    Gain,
    /// Figures of all in-tissue bins.
    Tissue,
    /// Moran's I.
    Moran,
    /// Geary's C.
    Geary,
}

/// What the figures of one gene, method and region are computed from.
pub struct Context<'a> {
    /// The bins they are over.
    pub region: Region,
    /// Truth and prediction as images that are 0 outside the tissue, and the bins of the region.
    pub comparison: &'a Comparison<'a>,
    /// Errors and correlation over the region.
    pub agreement: &'a Agreement,
    /// Those of the bilinear baseline over the same region, where it predicted the gene.
    pub baseline: Option<&'a Agreement>,
    /// The share of the truth's variance over the unmeasured bins that is not noise of counting.
    pub reliability: Option<f64>,
    /// What the prediction gains over the reference on the unmeasured bins; none of the reference itself.
    pub gain: Option<Gain>,
    /// The prediction's intervals over the unmeasured bins, where it has some.
    pub intervals: Option<&'a Intervals>,
}

/// One metric of a gene, a method and a region.
pub struct Metric {
    /// Its name in files.
    pub key: &'static str,
    /// Its name in tables of its own.
    pub title: &'static str,
    /// Its name where a heading above says the rest.
    pub short: &'static str,
    /// Its unit; empty for a figure without one.
    pub unit: &'static str,
    /// What it is, in a few words.
    pub explained: &'static str,
    /// The one region that it is defined for; `None` for both.
    pub region: Option<Region>,
    /// Which values are good.
    pub better: Better,
    /// Whether the report marks the best method of a gene.
    pub ranks: bool,
    /// Whether MultiQC shows it.
    pub headline: bool,
    /// Where the report's table of scores shows it.
    pub groups: &'static [Group],
    /// The key of the metric that it stands beside in tables; empty where it keeps its place of the files.
    pub beside: &'static str,
    /// Computes it; `None` where it is not defined.
    pub of: fn(&Context) -> Option<f64>,
}

impl Metric {
    /// The metric over what `context` holds; `None` in a region that it is not defined for.
    pub fn value(&self, context: &Context) -> Option<f64> {
        let defined = self.region.is_none_or(|region| region == context.region);
        if defined { (self.of)(context) } else { None }
    }
}

const LOG_NORMALISED: &str = "log-normalised units";

/// What an entry does not say: defined in both regions, shown in the files alone.
const PLAIN: Metric = Metric {
    key: "",
    title: "",
    short: "",
    unit: "",
    explained: "",
    region: None,
    better: Better::Neither,
    ranks: false,
    headline: false,
    groups: &[],
    beside: "",
    of: |_| None,
};

/// All metrics, in the order of the columns of the files.
pub static METRICS: &[Metric] = &[
    Metric {
        key: "mae",
        title: "MAE",
        short: "MAE",
        unit: LOG_NORMALISED,
        explained: "Mean absolute error",
        better: Better::Low,
        ranks: true,
        headline: true,
        groups: &[Group::Unmeasured, Group::Tissue],
        of: |c| c.agreement.mae,
        ..PLAIN
    },
    Metric {
        key: "rmse",
        title: "RMSE",
        short: "RMSE",
        unit: LOG_NORMALISED,
        explained: "Root mean squared error",
        better: Better::Low,
        ranks: true,
        headline: true,
        groups: &[Group::Unmeasured, Group::Tissue],
        of: |c| c.agreement.rmse,
        ..PLAIN
    },
    Metric {
        key: "pcc",
        title: "PCC",
        short: "PCC",
        explained: "Pearson's correlation",
        better: Better::High,
        ranks: true,
        headline: true,
        groups: &[Group::Unmeasured, Group::Tissue],
        of: |c| c.agreement.pcc,
        ..PLAIN
    },
    Metric {
        key: "ssim",
        title: "SSIM",
        short: "SSIM",
        explained: "Structural similarity",
        better: Better::High,
        ranks: true,
        headline: true,
        groups: &[Group::Unmeasured],
        of: |c| ssim::region_mean(c.comparison.similarity.as_ref()?, c.comparison.bins(c.region)),
        ..PLAIN
    },
    Metric {
        key: "ssim_frame",
        title: "SSIM of the frame",
        short: "SSIM",
        explained: "Structural similarity of the whole frame, 0 outside the tissue",
        region: Some(Region::Tissue),
        better: Better::High,
        ranks: true,
        groups: &[Group::Tissue],
        of: |c| c.comparison.similarity.as_ref().map(ssim::frame_mean),
        ..PLAIN
    },
    Metric {
        key: "psnr_frame",
        title: "PSNR of the frame",
        short: "PSNR",
        unit: "dB",
        explained: "Peak signal-to-noise ratio of the whole frame, 0 outside the tissue",
        region: Some(Region::Tissue),
        better: Better::High,
        of: |c| c.comparison.psnr(),
        ..PLAIN
    },
    Metric {
        key: "morans_i",
        title: "Moran's I",
        short: "predicted",
        explained: "Moran's I of the prediction",
        region: Some(Region::Tissue),
        groups: &[Group::Moran],
        of: |c| c.comparison.predicted_autocorrelation.0,
        ..PLAIN
    },
    Metric {
        key: "morans_i_truth",
        title: "Moran's I of the truth",
        short: "truth",
        explained: "Moran's I of the truth",
        region: Some(Region::Tissue),
        groups: &[Group::Moran],
        of: |c| c.comparison.true_autocorrelation.0,
        ..PLAIN
    },
    Metric {
        key: "morans_i_difference",
        title: "Moran's I difference",
        short: "difference",
        explained: "Moran's I of the prediction less that of the truth",
        region: Some(Region::Tissue),
        of: |c| Some(c.comparison.predicted_autocorrelation.0? - c.comparison.true_autocorrelation.0?),
        ..PLAIN
    },
    Metric {
        key: "gearys_c",
        title: "Geary's C",
        short: "predicted",
        explained: "Geary's C of the prediction",
        region: Some(Region::Tissue),
        groups: &[Group::Geary],
        of: |c| c.comparison.predicted_autocorrelation.1,
        ..PLAIN
    },
    Metric {
        key: "gearys_c_truth",
        title: "Geary's C of the truth",
        short: "truth",
        explained: "Geary's C of the truth",
        region: Some(Region::Tissue),
        groups: &[Group::Geary],
        of: |c| c.comparison.true_autocorrelation.1,
        ..PLAIN
    },
    Metric {
        key: "gearys_c_difference",
        title: "Geary's C difference",
        short: "difference",
        explained: "Geary's C of the prediction less that of the truth",
        region: Some(Region::Tissue),
        of: |c| Some(c.comparison.predicted_autocorrelation.1? - c.comparison.true_autocorrelation.1?),
        ..PLAIN
    },
    Metric {
        key: "reliability",
        title: "Reliability",
        short: "reliability",
        explained: "Share of the truth's variance that is not noise of counting",
        region: Some(Region::Unmeasured),
        of: |c| c.reliability,
        ..PLAIN
    },
    Metric {
        key: "pcc_ceiling",
        title: "PCC ceiling",
        short: "ceiling",
        explained: "The PCC that a prediction without noise could reach",
        region: Some(Region::Unmeasured),
        headline: true,
        groups: &[Group::Unmeasured],
        beside: "pcc",
        of: |c| c.reliability.map(f64::sqrt),
        ..PLAIN
    },
    Metric {
        key: "mae_ratio",
        title: "MAE ratio",
        short: "MAE ratio",
        explained: "MAE as a multiple of the bilinear baseline's",
        better: Better::Low,
        groups: &[Group::Unmeasured],
        of: |c| ratio(c, |agreement| agreement.mae),
        ..PLAIN
    },
    Metric {
        key: "rmse_ratio",
        title: "RMSE ratio",
        short: "RMSE ratio",
        explained: "RMSE as a multiple of the bilinear baseline's",
        better: Better::Low,
        of: |c| ratio(c, |agreement| agreement.rmse),
        ..PLAIN
    },
    Metric {
        key: "improvement_ratio",
        title: "Bins better",
        short: "better",
        explained: "Share of the bins whose error is smaller than the reference's",
        region: Some(Region::Unmeasured),
        better: Better::High,
        groups: &[Group::Gain],
        of: |c| Some(c.gain?.improved),
        ..PLAIN
    },
    Metric {
        key: "tie_ratio",
        title: "Bins the same",
        short: "same",
        explained: "Share of the bins whose error is exactly the reference's",
        region: Some(Region::Unmeasured),
        groups: &[Group::Gain],
        of: |c| Some(c.gain?.tied),
        ..PLAIN
    },
    Metric {
        key: "mean_gain",
        title: "Mean gain",
        short: "mean gain",
        unit: LOG_NORMALISED,
        explained: "The reference's absolute error less the method's, mean over the bins",
        region: Some(Region::Unmeasured),
        better: Better::High,
        groups: &[Group::Gain],
        of: |c| Some(c.gain?.mean),
        ..PLAIN
    },
    Metric {
        key: "bias",
        title: "Bias",
        short: "bias",
        explained: "Mean of the prediction as a multiple of the truth's: 1 is unbiased",
        headline: true,
        groups: &[Group::Unmeasured],
        of: |c| {
            let [predicted, truth] = [&c.comparison.predicted, &c.comparison.truth].map(|map| sum(c, map));
            (truth > 0.0).then(|| predicted / truth)
        },
        ..PLAIN
    },
    Metric {
        key: "mae_positive",
        title: "MAE where expressed",
        short: "MAE > 0",
        unit: LOG_NORMALISED,
        explained: "Mean absolute error over the bins whose truth is above 0",
        better: Better::Low,
        of: |c| expressed(c)?.mae,
        ..PLAIN
    },
    Metric {
        key: "rmse_positive",
        title: "RMSE where expressed",
        short: "RMSE > 0",
        unit: LOG_NORMALISED,
        explained: "Root mean squared error over the bins whose truth is above 0",
        better: Better::Low,
        of: |c| expressed(c)?.rmse,
        ..PLAIN
    },
    Metric {
        key: "coverage",
        title: "Coverage",
        short: "coverage",
        explained: "Share of the bins with an interval whose truth lies in it",
        region: Some(Region::Unmeasured),
        of: |c| Some(c.intervals?.coverage),
        ..PLAIN
    },
    Metric {
        key: "interval_width",
        title: "Interval width",
        short: "width",
        unit: LOG_NORMALISED,
        explained: "Mean width of the intervals",
        region: Some(Region::Unmeasured),
        better: Better::Low,
        of: |c| Some(c.intervals?.width),
        ..PLAIN
    },
    Metric {
        key: "interval_score",
        title: "Interval score",
        short: "score",
        unit: LOG_NORMALISED,
        explained: "Mean interval score: the width, and a penalty for every truth outside",
        region: Some(Region::Unmeasured),
        better: Better::Low,
        of: |c| Some(c.intervals?.score),
        ..PLAIN
    },
];

/// The sum of `map` over the bins of the region.
fn sum(context: &Context, map: &Raster<f64>) -> f64 {
    let bins = context.comparison.bins(context.region).values().iter();
    map.values().iter().zip(bins).filter(|(_, inside)| **inside).map(|(value, _)| value).sum()
}

/// Errors over the bins of the region whose truth is above 0; `None` where there are none.
fn expressed(context: &Context) -> Option<Agreement> {
    let Comparison { truth, predicted, .. } = context.comparison;
    let bins = context.comparison.bins(context.region);
    let with = Raster::from_fn(bins.rows(), bins.cols(), |row, col| bins[(row, col)] && truth[(row, col)] > 0.0);
    Some(agreement(truth, predicted, &with)).filter(|found| found.bins > 0)
}

/// An error as a multiple of the baseline's; `None` where that makes none.
fn ratio(context: &Context, error: fn(&Agreement) -> Option<f64>) -> Option<f64> {
    let base = error(context.baseline?).filter(|base| *base > 0.0)?;
    Some(error(context.agreement)? / base)
}

/// The metrics in the order in which tables show them.
pub fn shown() -> Vec<&'static Metric> {
    let mut all: Vec<&Metric> = METRICS.iter().collect();
    all.sort_by_key(|metric| index(metric.beside).or(index(metric.key)));
    all
}

/// The place of the metric called `key` in [`METRICS`].
pub fn index(key: &str) -> Option<usize> {
    METRICS.iter().position(|metric| metric.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart_and_every_metric_is_explained() {
        for (i, metric) in METRICS.iter().enumerate() {
            assert_eq!(index(metric.key), Some(i));
            assert!(![metric.title, metric.short, metric.explained].contains(&""), "{}", metric.key);
        }
    }
}
