//! The metrics of a gene, a method and a region.

use crate::scoring::metric::{Against, Better, Metric, Of, Place};
use crate::scoring::regions::Region;
use crate::scoring::ssim;

/// The unit of values, and of errors and widths.
pub(in crate::scoring) const LOG_NORMALISED: &str = "log-normalised units";

/// In the order of the columns of the files.
pub(super) static GENES: &[Metric] = &[
    Metric {
        unit: LOG_NORMALISED,
        better: Better::Low,
        ranks: true,
        places: &[Place::Terminal, Place::Caption, Place::Methods, Place::MultiQc, Place::Unmeasured, Place::Tissue],
        ..Metric::new("mae", "MAE", "Mean absolute error", Of::Gene(|c| c.agreement().mae))
    },
    Metric {
        unit: LOG_NORMALISED,
        better: Better::Low,
        ranks: true,
        places: &[Place::Terminal, Place::Methods, Place::MultiQc, Place::Unmeasured, Place::Tissue],
        ..Metric::new("rmse", "RMSE", "Root mean squared error", Of::Gene(|c| c.agreement().rmse))
    },
    Metric {
        better: Better::High,
        ranks: true,
        places: &[Place::Terminal, Place::Caption, Place::Methods, Place::MultiQc, Place::Unmeasured, Place::Tissue],
        ..Metric::new("pcc", "PCC", "Pearson's correlation", Of::Gene(|c| c.agreement().pcc))
    },
    Metric {
        heading: "PCC /\nceiling",
        better: Better::High,
        ranks: true,
        places: &[Place::Methods],
        ..Metric::new(
            "pcc_share",
            "PCC / ceiling",
            "PCC as a share of its ceiling",
            Of::Figures(|own| Some(own.value("pcc")? / own.value("pcc_ceiling")?)),
        )
    },
    Metric {
        better: Better::High,
        ranks: true,
        places: &[Place::Terminal, Place::Caption, Place::Methods, Place::MultiQc, Place::Unmeasured],
        ..Metric::new("ssim", "SSIM", "Structural similarity", Of::Gene(|c| c.ssim()))
    },
    Metric {
        short: "SSIM",
        region: Some(Region::Tissue),
        better: Better::High,
        ranks: true,
        places: &[Place::Tissue],
        ..Metric::new(
            "ssim_frame",
            "SSIM of the frame",
            "Structural similarity of the whole frame, 0 outside the tissue",
            Of::Gene(|c| c.comparison.similarity.as_ref().map(ssim::frame_mean)),
        )
    },
    Metric {
        unit: "dB",
        region: Some(Region::Tissue),
        better: Better::High,
        ..Metric::new(
            "psnr_frame",
            "PSNR of the frame",
            "Peak signal-to-noise ratio of the whole frame, 0 outside the tissue",
            Of::Gene(|c| c.comparison.psnr()),
        )
    },
    Metric {
        short: "predicted",
        region: Some(Region::Tissue),
        places: &[Place::Moran],
        ..Metric::new(
            "morans_i",
            "Moran's I",
            "Moran's I of the prediction",
            Of::Gene(|c| c.comparison.predicted_autocorrelation.0),
        )
    },
    Metric {
        short: "truth",
        region: Some(Region::Tissue),
        places: &[Place::Moran],
        ..Metric::new(
            "morans_i_truth",
            "Moran's I of the truth",
            "Moran's I of the truth",
            Of::Gene(|c| c.comparison.true_autocorrelation.0),
        )
    },
    Metric {
        region: Some(Region::Tissue),
        ..Metric::new(
            "morans_i_difference",
            "Moran's I difference",
            "Moran's I of the prediction less that of the truth",
            Of::Gene(|c| Some(c.comparison.predicted_autocorrelation.0? - c.comparison.true_autocorrelation.0?)),
        )
    },
    Metric {
        short: "predicted",
        region: Some(Region::Tissue),
        places: &[Place::Geary],
        ..Metric::new(
            "gearys_c",
            "Geary's C",
            "Geary's C of the prediction",
            Of::Gene(|c| c.comparison.predicted_autocorrelation.1),
        )
    },
    Metric {
        short: "truth",
        region: Some(Region::Tissue),
        places: &[Place::Geary],
        ..Metric::new(
            "gearys_c_truth",
            "Geary's C of the truth",
            "Geary's C of the truth",
            Of::Gene(|c| c.comparison.true_autocorrelation.1),
        )
    },
    Metric {
        region: Some(Region::Tissue),
        ..Metric::new(
            "gearys_c_difference",
            "Geary's C difference",
            "Geary's C of the prediction less that of the truth",
            Of::Gene(|c| Some(c.comparison.predicted_autocorrelation.1? - c.comparison.true_autocorrelation.1?)),
        )
    },
    Metric {
        region: Some(Region::Unmeasured),
        ..Metric::new(
            "reliability",
            "Reliability",
            "Share of the truth's variance that is not noise of counting",
            Of::Gene(|c| c.references.reliability),
        )
    },
    Metric {
        short: "ceiling",
        region: Some(Region::Unmeasured),
        places: &[Place::Terminal, Place::MultiQc, Place::Unmeasured],
        beside: "pcc",
        ..Metric::new(
            "pcc_ceiling",
            "PCC ceiling",
            "The PCC that a prediction without noise could reach",
            Of::Gene(|c| c.references.reliability.map(f64::sqrt)),
        )
    },
    Metric {
        heading: "MAE / {}",
        better: Better::Low,
        against: Some(Against::Baseline),
        places: &[Place::Terminal, Place::Methods, Place::Unmeasured],
        ..Metric::new(
            "mae_ratio",
            "MAE ratio",
            "MAE as a multiple of the bilinear baseline's",
            Of::Gene(|c| c.ratio(|agreement| agreement.mae)),
        )
    },
    Metric {
        heading: "RMSE / {}",
        better: Better::Low,
        against: Some(Against::Baseline),
        places: &[Place::Methods],
        ..Metric::new(
            "rmse_ratio",
            "RMSE ratio",
            "RMSE as a multiple of the bilinear baseline's",
            Of::Gene(|c| c.ratio(|agreement| agreement.rmse)),
        )
    },
    Metric {
        short: "better",
        heading: "Bins better\nthan {}",
        region: Some(Region::Unmeasured),
        better: Better::High,
        against: Some(Against::Reference),
        places: &[Place::Terminal, Place::Methods, Place::Gain],
        ..Metric::new(
            "improvement_ratio",
            "Bins better",
            "Share of the bins whose error is smaller than the reference's",
            Of::Gene(|c| Some(c.references.gain?.improved)),
        )
    },
    Metric {
        short: "same",
        region: Some(Region::Unmeasured),
        against: Some(Against::Reference),
        places: &[Place::Gain],
        ..Metric::new(
            "tie_ratio",
            "Bins the same",
            "Share of the bins whose error is exactly the reference's",
            Of::Gene(|c| Some(c.references.gain?.tied)),
        )
    },
    Metric {
        short: "worse",
        region: Some(Region::Unmeasured),
        better: Better::Low,
        against: Some(Against::Reference),
        places: &[Place::Gain],
        ..Metric::new(
            "worse_ratio",
            "Bins worse",
            "Share of the bins whose error is larger than the reference's",
            Of::Figures(|own| Some(1.0 - own.value("improvement_ratio")? - own.value("tie_ratio")?)),
        )
    },
    Metric {
        short: "mean gain",
        heading: "Mean gain\nover {}",
        unit: LOG_NORMALISED,
        region: Some(Region::Unmeasured),
        better: Better::High,
        against: Some(Against::Reference),
        places: &[Place::Terminal, Place::Methods, Place::Gain],
        ..Metric::new(
            "mean_gain",
            "Mean gain",
            "The reference's absolute error less the method's, mean over the bins",
            Of::Gene(|c| Some(c.references.gain?.mean)),
        )
    },
    Metric {
        short: "bias",
        places: &[Place::MultiQc, Place::Unmeasured],
        ..Metric::new(
            "bias",
            "Bias",
            "Mean of the prediction as a multiple of the truth's: 1 is unbiased",
            Of::Gene(|c| c.bias()),
        )
    },
    Metric {
        unit: LOG_NORMALISED,
        better: Better::Low,
        ..Metric::new(
            "mae_positive",
            "MAE where expressed",
            "Mean absolute error over the bins whose truth is above 0",
            Of::Gene(|c| c.expressed()?.mae),
        )
    },
    Metric {
        short: "RMSE if > 0",
        unit: LOG_NORMALISED,
        better: Better::Low,
        ranks: true,
        places: &[Place::Unmeasured],
        ..Metric::new(
            "rmse_positive",
            "RMSE where expressed",
            "Root mean squared error over the bins whose truth is above 0",
            Of::Gene(|c| c.expressed()?.rmse),
        )
    },
    Metric {
        region: Some(Region::Unmeasured),
        ..Metric::new(
            "coverage",
            "Coverage",
            "Share of the bins with an interval whose truth lies in it",
            Of::Gene(|c| Some(c.references.intervals?.coverage)),
        )
    },
    Metric {
        unit: LOG_NORMALISED,
        region: Some(Region::Unmeasured),
        better: Better::Low,
        ..Metric::new(
            "interval_width",
            "Interval width",
            "Mean width of the intervals",
            Of::Gene(|c| Some(c.references.intervals?.width)),
        )
    },
    Metric {
        unit: LOG_NORMALISED,
        region: Some(Region::Unmeasured),
        better: Better::Low,
        ..Metric::new(
            "interval_score",
            "Interval score",
            "Mean interval score: the width, and a penalty for every truth outside",
            Of::Gene(|c| Some(c.references.intervals?.score)),
        )
    },
];
