//! The experts of one gene, and what they say together.

use super::covariances::{Lag, Standard, covariances};
use super::forest::{Distribution, Features, Forest, Settings};
use super::kriging::{Cokriging, Kriged};
use super::sites::{Neighbours, Sites};
use super::{Context, Graph, Panel};
use crate::section::{Interpolation, Raster, Sampling};

/// Components that cokriging reads beside the gene.
const COKRIGED: usize = 8;

/// Components that the forest learns from. Bins alike are sought by all of them: the later ones know rare cell types.
const LEARNED: usize = 12;

/// Measured bins that intervals are calibrated on, at most.
const MOST_CALIBRATED: usize = 4096;

/// Shares of the distributions' weight that are tried for intervals.
const LEVELS: std::ops::RangeInclusive<usize> = 40..=99;

/// Fewer measured bins than this tell no interval from another.
const LEAST_CALIBRATED: usize = 50;

/// What the genes of a section share.
pub struct Experts<'a> {
    sampling: &'a Sampling,
    tissue: &'a Raster<bool>,
    sites: Sites,
    at_targets: Neighbours,
    at_sites: Neighbours,
    components: Vec<Standard>,
    variances: Vec<f64>,
    contexts: Vec<Context>,
    graph: Graph,
    lags: Vec<Lag>,
}

/// What is predicted of a gene; maps are [rows, cols], NaN outside the tissue, in log-normalised units.
pub struct Prediction {
    /// Measured bins averaged with those alike, then interpolated.
    pub smoothed: Raster<f32>,
    /// Cokriging of the gene with the panel's components.
    pub cokriging: Raster<f32>,
    /// The mean of the forest's distributions.
    pub forest: Raster<f32>,
    /// The mean of these three: what to expect of a bin. At measured bins, what is expected without their own count of the gene.
    pub mean: Raster<f32>,
    /// The median of what a bin may hold.
    pub median: Raster<f32>,
    /// The lower and the upper end of the shortest interval that holds a bin with the probability asked for.
    pub interval: [Raster<f32>; 2],
    /// Standard deviation of what a bin may hold.
    pub deviation: Raster<f32>,
    /// The probability that a bin holds any count of the gene.
    pub detected: Raster<f32>,
    /// How many deviations from the mean hold a measured bin with the probability asked for; `None` with too few of them.
    pub reach: Option<f64>,
}

/// What the forest says of a bin.
struct Said {
    mean: f64,
    median: f32,
    interval: (f32, f32),
    deviation: f64,
    detected: f64,
}

impl Said {
    fn of(distribution: &Distribution, level: f64) -> Self {
        let mean = distribution.mean();
        let square: f64 = distribution.pairs().map(|(value, weight)| f64::from(value).powi(2) * weight).sum();
        Said {
            mean,
            median: distribution.quantile(0.5),
            interval: distribution.shortest(level),
            deviation: (square - mean * mean).max(0.0).sqrt(),
            detected: distribution.share_above(0.0),
        }
    }
}

/// Log-normalised values of the experts at some bins, one after the other.
struct Estimates {
    smoothed: Vec<f64>,
    cokriging: Vec<f64>,
    forest: Vec<Said>,
}

impl<'a> Experts<'a> {
    /// Prepares what the genes share: the neighbours, the components between the bins, and the bins alike.
    pub fn new(panel: Panel<'a>) -> Self {
        let Panel { sampling, tissue, components, variances } = panel;
        let sites = Sites::new(sampling, tissue);
        let (rows, cols) = tissue.shape();
        let bins = (0..rows * cols).map(|i| (i / cols, i % cols));
        let unmeasured: Vec<(usize, usize)> =
            bins.filter(|bin| tissue[*bin] && !sampling.measures(bin.0, bin.1)).collect();
        let (at_targets, at_sites) = (sites.around(&unmeasured), sites.around(&sites.at));
        let scores = |map: &Raster<f32>| sites.at.iter().map(|bin| f64::from(map[*bin])).collect::<Vec<f64>>();
        let scores: Vec<Vec<f64>> = components.iter().map(scores).collect();
        let components: Vec<Standard> = scores.iter().map(|score| Standard::of(score)).collect();
        let deviations: Vec<f64> = variances.iter().map(|variance| variance.sqrt()).collect();
        let graph = Graph::new(&sites, &at_sites, &scores, &deviations);
        let contexts =
            components.iter().take(LEARNED).map(|score| Context::of(&sites, score, &at_targets, &at_sites)).collect();
        let fields: Vec<&[f64]> = components.iter().take(COKRIGED).map(|score| score.values.as_slice()).collect();
        let lags = if fields.is_empty() { Vec::new() } else { covariances(&sites, &fields, None) };
        Experts { sampling, tissue, sites, at_targets, at_sites, components, variances, contexts, graph, lags }
    }

    /// Predicts a gene from its log-normalised values [rows, cols], of which only those of measured tissue bins are read. The intervals
    /// hold an unmeasured bin with a probability of `coverage`. `None` where no bin is measured in the tissue.
    pub fn predict(&self, values: &Raster<f32>, coverage: f64, seed: u64) -> Option<Prediction> {
        if self.sites.at.is_empty() {
            return None;
        }
        let own: Vec<f64> = self.sites.at.iter().map(|bin| f64::from(values[*bin])).collect();
        let gene = Standard::of(&own);
        let kriging = Cokriging::new(&self.sites, &gene, &[], None);
        let left_out = kriging.at(&self.at_sites).mean;
        let without_own = Standard::of(&self.graph.average_of_others(&own, gene.mean));
        let smooth = Cokriging::new(&self.sites, &without_own, &[], None);
        let between = [kriging.at(&self.at_targets).mean, smooth.at(&self.at_targets).mean];
        let beside = [left_out, smooth.at(&self.at_sites).mean];
        let learned = self.features(&self.at_sites_of(&own, &beside[0]), &beside);
        let asked = self.features(&self.contexts.iter().map(|c| c.targets.clone()).collect::<Vec<_>>(), &between);
        let targets: Vec<f32> = own.iter().map(|value| *value as f32).collect();
        let forest = Forest::grow(&learned, &targets, &Settings::default(), seed);
        let (level, reach) = calibrated(&forest, &targets, coverage);
        let said = forest.each(&asked, |_, distribution| Said::of(distribution, level));
        // A bin that every tree drew is told what all bins are.
        let whole = Distribution::of(targets.iter().map(|target| (*target, 1.0)));
        let of_others = forest.each_out_of_bag(|_, found| found.or(whole.as_ref()).map(|found| Said::of(found, level)));

        let with = &self.components[..self.components.len().min(COKRIGED)];
        let cokriging =
            Cokriging::new(&self.sites, &gene, with, (!self.lags.is_empty()).then_some(self.lags.as_slice()));
        let averages = self.graph.average(&own);
        let dense = self.sampling.interpolate(Interpolation::Bilinear, &self.sites.map(&averages), self.tissue);
        let unmeasured = Estimates {
            smoothed: self.at_targets.bins.iter().map(|bin| f64::from(dense[*bin])).collect(),
            cokriging: cokriging.at(&self.at_targets).mean,
            forest: said,
        };
        let Kriged { mean, .. } = cokriging.at(&self.at_sites);
        let measured = Estimates {
            smoothed: without_own.values.iter().map(|v| without_own.mean + without_own.deviation * v).collect(),
            cokriging: mean,
            forest: of_others.into_iter().collect::<Option<_>>()?,
        };
        Some(self.maps(&unmeasured, &measured, reach))
    }

    /// The components at the measured bins as uncertain as at the unmeasured ones, the gene's own count taken out:
    /// [component][site].
    fn at_sites_of(&self, own: &[f64], left_out: &[f64]) -> Vec<Vec<f64>> {
        let mean = own.iter().sum::<f64>() / own.len() as f64;
        let surprise: Vec<f64> = own.iter().zip(left_out).map(|(own, expected)| own - expected).collect();
        let with = self.contexts.iter().zip(&self.components).zip(&self.variances);
        with.map(|((context, score), variance)| {
            let raw = |site: usize| score.mean + score.deviation * score.values[site];
            let covariance =
                own.iter().enumerate().map(|(site, own)| (own - mean) * raw(site)).sum::<f64>() / own.len() as f64;
            // A score is Σ loading · value / √variance over the genes, and a loading is covariance / √variance.
            let part = if *variance > 0.0 { covariance / variance } else { 0.0 };
            context.at_sites((0..own.len()).map(|site| raw(site) - part * surprise[site])).collect()
        })
        .collect()
    }

    /// Rows of bins from columns of components and further estimates.
    fn features(&self, components: &[Vec<f64>], further: &[Vec<f64>; 2]) -> Features {
        let columns = components.len() + further.len();
        let rows = further[0].len();
        let all: Vec<&Vec<f64>> = components.iter().chain(further).collect();
        Features::new(columns, (0..rows).flat_map(|row| all.iter().map(move |column| column[row] as f32)).collect())
    }

    fn maps(&self, unmeasured: &Estimates, measured: &Estimates, reach: Option<f64>) -> Prediction {
        let map = |of: &dyn Fn(&Estimates, usize) -> f64| {
            let mut map = self.tissue.map(|_| f32::NAN);
            for (bins, estimates) in [(&self.at_targets.bins, unmeasured), (&self.sites.at, measured)] {
                bins.iter().enumerate().for_each(|(i, bin)| map[*bin] = of(estimates, i) as f32);
            }
            map
        };
        let mean = |e: &Estimates, i: usize| ((e.smoothed[i] + e.cokriging[i] + e.forest[i].mean) / 3.0).max(0.0);
        Prediction {
            smoothed: map(&|e, i| e.smoothed[i]),
            cokriging: map(&|e, i| e.cokriging[i].max(0.0)),
            forest: map(&|e, i| e.forest[i].mean),
            mean: map(&mean),
            median: map(&|e, i| f64::from(e.forest[i].median)),
            interval: [map(&|e, i| f64::from(e.forest[i].interval.0)), map(&|e, i| f64::from(e.forest[i].interval.1))],
            deviation: map(&|e, i| e.forest[i].deviation),
            detected: map(&|e, i| e.forest[i].detected),
            reach,
        }
    }
}

/// The share of the distributions' weight whose shortest intervals hold `coverage` of the measured bins, out of bag; and how many
/// deviations from the mean do.
///
/// By the rank of split conformal prediction (Vovk et al., 2005): out of bag a bin is as new to its distribution as an unmeasured one.
fn calibrated(forest: &Forest, targets: &[f32], coverage: f64) -> (f64, Option<f64>) {
    let every = targets.len().div_ceil(MOST_CALIBRATED).max(1);
    let needed = |index: usize, found: &Distribution| {
        let holds = |percent: &usize| {
            let (lower, upper) = found.shortest(*percent as f64 / 100.0);
            (lower..=upper).contains(&targets[index])
        };
        let said = Said::of(found, coverage);
        let deviations = (f64::from(targets[index]) - said.mean).abs() / said.deviation.max(1e-6);
        (LEVELS.clone().find(holds).unwrap_or(100) as f64 / 100.0, deviations)
    };
    let found = forest.each_out_of_bag(|index, found| {
        found.filter(|_| index.is_multiple_of(every)).map(|found| needed(index, found))
    });
    let (mut levels, mut reaches): (Vec<f64>, Vec<f64>) = found.into_iter().flatten().unzip();
    if levels.len() < LEAST_CALIBRATED {
        return (coverage, None);
    }
    levels.sort_by(f64::total_cmp);
    reaches.sort_by(f64::total_cmp);
    let rank = ((levels.len() + 1) as f64 * coverage).ceil() as usize;
    let rank = rank.clamp(1, levels.len()) - 1;
    (levels[rank].min(0.999), Some(reaches[rank]))
}
