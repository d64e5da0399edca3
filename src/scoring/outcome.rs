//! What a scoring run found out: the content of `scores.json`.

use super::expectations::Expectation;
use super::metric::{Against, Metric};
use super::panel_scores::PanelScores;
use super::profiles::ProfileRow;
use super::regions::{Region, Regions};
use super::score::{IntervalScore, Score};
use super::summary::MethodSummary;
use crate::dataset::{Dataset, Mode};
use crate::provenance::Provenance;
use crate::section::Pattern;
use serde::Serialize;

/// The version of the format of `scores.json`.
pub const FORMAT: u32 = 1;

/// The content of `scores.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// [`FORMAT`].
    pub format: u32,
    /// How this output came to be.
    pub provenance: Provenance,
    /// The sample's name.
    pub sample: String,
    /// The platform it was measured on.
    pub platform: String,
    /// Whether there is a truth to score against.
    pub mode: Mode,
    /// Side of a bin in µm.
    pub bin_um: f64,
    /// S: one bin in S² is measured.
    pub scale: usize,
    /// How the measured bins were chosen; `scale` says nothing where that is no lattice.
    pub pattern: Pattern,
    /// Numbers of bins.
    pub bins: BinCounts,
    /// How well the inferred tissue mask meets the true one; only with a truth.
    pub mask: Option<MaskAgreement>,
    /// The predictions, in the order in which they were given.
    pub methods: Vec<Method>,
    /// The label of the bilinear baseline that ratios refer to, if it is among the predictions.
    pub baseline: Option<String>,
    /// The label of the prediction that improvement ratios and gains refer to, if there are others to compare with it.
    pub reference: Option<String>,
    /// What deserves the reader's attention.
    pub warnings: Vec<String>,
    /// What measured bins say of the predictions that they chose, with a truth or without.
    pub expectations: Vec<Expectation>,
    /// Medians per method; empty without a truth.
    pub summary: Vec<MethodSummary>,
    /// What the predictions of a panel are good for; with a truth and at least ten genes that every method predicted.
    pub panel: Option<PanelScores>,
    /// Where errors are made; empty without a truth.
    pub profiles: Vec<ProfileRow>,
    /// Whether intervals hold what they promise; empty without a truth, or where no prediction says how sure it is.
    pub intervals: Vec<IntervalScore>,
    /// All scores; empty without a truth.
    pub scores: Vec<Score>,
}

impl Outcome {
    /// What `metric` is called above a column, in up to two lines; `None` where there is nobody that it could compare with.
    pub(super) fn heading(&self, metric: &Metric) -> Option<String> {
        match metric.against {
            None => Some(metric.heading("")),
            Some(Against::Baseline) => self.baseline.as_ref().map(|label| metric.heading(label)),
            Some(Against::Reference) => self.reference.as_ref().map(|label| metric.heading(label)),
        }
    }
}

/// One of the predictions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Method {
    /// What it is called in the tables.
    pub label: String,
    /// The method that made it, as its store says.
    pub method: String,
    /// The path of its store as it was given.
    pub path: String,
    /// Number of genes it holds.
    pub genes: usize,
}

/// Numbers of bins: of the truth's own tissue where there is a truth, of the inferred tissue otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BinCounts {
    /// Rows of the grid.
    pub rows: usize,
    /// Columns of the grid.
    pub cols: usize,
    /// Bins in tissue.
    pub tissue: usize,
    /// Those that were measured.
    pub measured: usize,
    /// Those that were not.
    pub unmeasured: usize,
}

/// The inferred tissue mask against the true one, over unmeasured bins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MaskAgreement {
    /// True tissue bins that the inferred mask leaves out: compared as predicted 0.
    pub missed: usize,
    /// Their share of the unmeasured true tissue bins.
    pub missed_share: f64,
    /// Bins of the inferred mask outside the true tissue: predicted, but not scored.
    pub extra: usize,
    /// Their share of the unmeasured bins of the inferred mask.
    pub extra_share: f64,
}

impl BinCounts {
    /// The numbers of bins of `regions`.
    pub fn new(regions: &Regions) -> Self {
        let count = |region| regions.bins(region).values().iter().filter(|inside| **inside).count();
        let (rows, cols) = regions.bins(Region::Tissue).shape();
        let (tissue, unmeasured) = (count(Region::Tissue), count(Region::Unmeasured));
        BinCounts { rows, cols, tissue, measured: tissue - unmeasured, unmeasured }
    }
}

impl MaskAgreement {
    /// Compares the tissue that `dataset` inferred with the true one.
    pub fn new(dataset: &Dataset, truth: &Regions) -> Self {
        let inferred = Regions::new(dataset.tissue().clone(), dataset.sampling());
        let pairs = || {
            let both = inferred.bins(Region::Unmeasured).values().iter().zip(truth.bins(Region::Unmeasured).values());
            both.map(|(inferred, truth)| (*inferred, *truth))
        };
        let count = |of: fn((bool, bool)) -> bool| pairs().filter(|pair| of(*pair)).count();
        let (missed, extra) = (count(|(inferred, truth)| truth && !inferred), count(|(i, t)| i && !t));
        let share = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        MaskAgreement {
            missed,
            missed_share: share(missed, count(|(_, truth)| truth)),
            extra,
            extra_share: share(extra, count(|(inferred, _)| inferred)),
        }
    }
}
