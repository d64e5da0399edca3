//! What is known of a gene's prediction without any truth: a quarter of the measured bins, predicted from the others.
//!
//! Neighbours are farther away than in the section itself, and all errors larger. Their ratios hardly change, though: over
//! the genes of the sections of docs/appendix/bench.md the ratio here and the one at the unmeasured bins differ by [`SPREAD`] (docs/experts.md).

use super::views::View;
use super::{Experts, Known, Panel, Weights};
use crate::section::{Raster, pearson};

/// Fewer measured bins than this are no evidence.
const LEAST_MEASURED: usize = 100;

/// Standard deviation of the logarithm of a ratio at the unmeasured bins around that of the evidence, beside the evidence's own error.
const SPREAD: f64 = 0.024;

/// Standard deviations on each side that hold nine of ten.
const NINE_OF_TEN: f64 = 1.645;

/// Blocks along a side of the section, each left out in turn to see how sure a ratio is.
const BLOCKS: usize = 4;

/// The views of a section, each with its experts.
pub struct Trials {
    views: Vec<(View, Experts)>,
}

/// What the trials say of a gene.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// What is to predict it.
    pub weights: Weights,
    /// Whether interpolation is better than the experts' mean beyond doubt, so that `weights` are those of interpolation.
    pub interpolated: bool,
    /// Root mean squared error of the chosen mean, as a share of that of the better one of bilinear interpolation and kriging.
    pub ratio: f64,
    /// Where that share lies at the unmeasured bins, nine times of ten.
    pub between: [f64; 2],
    /// Pearson correlation of the chosen mean with the measured bins; `None` where one of them is constant.
    pub correlation: Option<f64>,
    /// Predictions of measured bins that this rests on.
    pub bins: usize,
}

/// A hidden measured bin.
struct Case {
    block: usize,
    truth: f64,
    /// In the order of [`Weights::EXPERTS`].
    experts: [f64; 5],
}

impl Trials {
    /// Those of a section; `None` where too few bins are measured for any evidence.
    pub fn new(panel: &Panel) -> Option<Self> {
        let measured = panel.tissue.values().iter().zip(panel.sampling.measured().values());
        if measured.filter(|(inside, measured)| **inside && **measured).count() < LEAST_MEASURED {
            return None;
        }
        let views = View::all(panel).into_iter().map(|view| {
            let experts = Experts::new(view.panel.clone());
            (view, experts)
        });
        Some(Trials { views: views.collect() })
    }

    /// The evidence on a gene, from what is known of it. `None` where nothing could be predicted.
    pub fn evidence<'a>(&self, known: impl Into<Known<'a>>, seed: u64) -> Option<Evidence> {
        let Known { values, guides } = known.into();
        let of = |(view, experts): &(View, Experts)| {
            let guides: Vec<Raster<f32>> = guides.iter().map(|map| view.of(map)).collect();
            cases(experts, Known { values: &view.of(values), guides: &guides }, seed)
        };
        let cases: Vec<Case> = self.views.iter().filter_map(of).flatten().collect();
        (!cases.is_empty()).then(|| judge(&cases))
    }
}

/// The hidden bins of a view, predicted.
fn cases(experts: &Experts, known: Known, seed: u64) -> Option<Vec<Case>> {
    let means = experts.means(known, seed)?;
    let values = known.values;
    let (rows, cols) = values.shape();
    let case = |(index, bin): (usize, &(usize, usize))| Case {
        block: bin.0 * BLOCKS / rows * BLOCKS + bin.1 * BLOCKS / cols,
        truth: f64::from(values[*bin]),
        experts: means.experts[index],
    };
    Some(means.bins.iter().enumerate().map(case).collect())
}

fn judge(cases: &[Case]) -> Evidence {
    let error = |weights: &Weights, left_out: Option<usize>| {
        let cases = cases.iter().filter(|case| Some(case.block) != left_out);
        cases.map(|case| (weights.mean(case.experts) - case.truth).powi(2)).sum::<f64>()
    };
    let [bilinear, kriging] = [Weights::bilinear(), Weights::kriging()];
    let interpolation = if error(&bilinear, None) < error(&kriging, None) { bilinear } else { kriging };
    let ratio = |weights: &Weights, left_out: Option<usize>| {
        let (ours, theirs) = (error(weights, left_out), error(&interpolation, left_out));
        // A gene without any error, or any count, is predicted as well by both.
        if theirs > 0.0 { (ours / theirs).sqrt() } else { 1.0 }
    };
    let told = |weights: &Weights| {
        let left_out = (0..BLOCKS * BLOCKS).filter(|block| cases.iter().any(|case| case.block == *block));
        let left_out: Vec<f64> = left_out.map(|block| ratio(weights, Some(block)).max(1e-9).ln()).collect();
        let (found, deviation) = (ratio(weights, None), jackknife(&left_out).hypot(SPREAD) * NINE_OF_TEN);
        (found, [found * (-deviation).exp(), found * deviation.exp()])
    };
    let best = Weights::best(&products(cases));
    // Of the bench's genes that lost by a little here, each one gained at the unmeasured bins.
    let interpolated = told(&best).1[0] > 1.0;
    let weights = if interpolated { interpolation } else { best };
    let (found, between) = told(&weights);
    let pairs = cases.iter().map(|case| (weights.mean(case.experts), case.truth));
    Evidence { weights, interpolated, ratio: found, between, correlation: pearson(pairs), bins: cases.len() }
}

/// The mean products of the errors of all experts but bilinear interpolation.
fn products(cases: &[Case]) -> [[f64; 4]; 4] {
    let mut products = [[0.0; 4]; 4];
    for case in cases {
        let errors: [f64; 4] = std::array::from_fn(|expert| case.experts[expert + 1] - case.truth);
        (0..16).for_each(|k| products[k / 4][k % 4] += errors[k / 4] * errors[k % 4] / cases.len() as f64);
    }
    products
}

/// The standard error of a figure that is this much with each of its parts left out (Efron & Stein 1981).
fn jackknife(left_out: &[f64]) -> f64 {
    let count = left_out.len() as f64;
    let mean = left_out.iter().sum::<f64>() / count;
    let squares = left_out.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    (squares * (count - 1.0) / count).sqrt()
}
