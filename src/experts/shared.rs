//! What the genes of a section share, and what is known of one of them before anything is learned.

use super::covariances::{Lag, Standard, covariances};
use super::forest::{Distribution, Features, Forest, Settings};
use super::guided::{Change, Guidance, Guided, Guides};
use super::kriging::Cokriging;
use super::sites::{Neighbours, Sites};
use super::{Context, Graph, Known, Panel};
use crate::section::{Holes, Interpolation, Raster, Sampling};

/// Components that cokriging reads beside the gene.
const COKRIGED: usize = 8;

/// Components that the forest learns from. Bins alike are sought by all of them: the later ones know rare cell types.
const LEARNED: usize = 12;

/// What the genes of a section share.
pub struct Experts {
    sampling: Sampling,
    pub(super) tissue: Raster<bool>,
    pub(super) sites: Sites,
    pub(super) at_targets: Neighbours,
    at_sites: Neighbours,
    components: Vec<Standard>,
    variances: Vec<f64>,
    contexts: Vec<Context>,
    graph: Graph,
    lags: Vec<Lag>,
    guides: Option<Guides>,
    in_holes: Option<InHoles>,
}

/// What measured bins are learned from where the unmeasured ones are holes between them.
struct InHoles {
    /// Neighbours of the measured bins, as far away as those of the unmeasured ones are.
    likes: Neighbours,
    /// The components at the measured bins, from their own neighbours: [component][site].
    beside: Vec<Vec<f64>>,
    /// How far away the nearest neighbour is: of the likes, and of the unmeasured bins.
    distances: [Vec<f64>; 2],
}

/// What is known of a gene: log-normalised values, one after the other.
pub(super) struct Gene {
    /// At the measured bins.
    pub(super) own: Vec<f64>,
    standard: Standard,
    /// Averages of the measured bins alike, the bin itself left out.
    without_own: Standard,
    /// Kriging of the gene, and of those averages.
    between: [Vec<f64>; 2],
    /// The same at the measured bins, from the others.
    beside: [Vec<f64>; 2],
    /// The same as if they lay in holes.
    in_holes: Option<[Vec<f64>; 2]>,
    /// Guides of the gene alone.
    guides: Option<Guides>,
}

/// What the forest has learned of a gene, and what it is asked at the unmeasured bins.
pub(super) struct Learned {
    /// Without guides.
    pub(super) forest: Forest,
    pub(super) asked: Features,
    /// The same at the measured bins, if they are not asked what was learned from.
    pub(super) pictured: Option<Features>,
    /// With them, and what they change.
    pub(super) guided: Option<(Guided, Guidance)>,
    /// The gene's values in the measured bins, and their distribution.
    pub(super) targets: Vec<f32>,
    pub(super) whole: Distribution,
}

/// The means of bilinear interpolation, kriging, the smoothed gene and cokriging at some bins.
pub(super) type Linear = [Vec<f64>; 4];

/// What the experts expect of the unmeasured bins.
pub(super) struct Means<'a> {
    /// (row, col) of each.
    pub(super) bins: &'a [(usize, usize)],
    /// The experts of each, in the order of [`Weights::EXPERTS`](super::Weights::EXPERTS).
    pub(super) experts: Vec<[f64; 5]>,
}

/// The experts at a `bin`, in the order of [`Weights::EXPERTS`](super::Weights::EXPERTS). Those that read the panel read the guides, too, and
/// interpolation reads neither.
pub(super) fn at_bin(linear: &Linear, forest: f64, change: Option<&Change>, bin: usize) -> [f64; 5] {
    let [bilinear, kriging, smoothed, cokriging] = linear;
    let moved = |value: f64| change.map_or(value, |change| change.moved(value));
    let forest = change.map_or(forest, Change::forest);
    [bilinear[bin], kriging[bin], moved(smoothed[bin]), moved(cokriging[bin]), forest]
}

impl Experts {
    /// Prepares what the genes share: the neighbours, the components between the bins, and the bins alike.
    pub fn new(panel: Panel) -> Self {
        let Panel { sampling, tissue, components, variances, guides } = panel;
        let sites = Sites::new(&sampling, &tissue);
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
        let learned = || components.iter().take(LEARNED);
        let in_holes = Holes::of(&sampling, &tissue).map(|_| {
            let likes = sites.like(&at_targets, &at_sites);
            let beside = |score| Cokriging::new(&sites, score, &[], None).at(&at_sites).mean;
            let distances = [&likes, &at_targets].map(Neighbours::distances);
            InHoles { likes, beside: learned().map(beside).collect(), distances }
        });
        let context = |score| match &in_holes {
            Some(InHoles { likes, .. }) => Context::in_holes(&sites, score, &at_targets, likes),
            None => Context::of(&sites, score, &at_targets, &at_sites),
        };
        let contexts = learned().map(context).collect();
        let fields: Vec<&[f64]> = components.iter().take(COKRIGED).map(|score| score.values.as_slice()).collect();
        let lags = if fields.is_empty() { Vec::new() } else { covariances(&sites, &fields, None) };
        let guides = Guides::new(&guides, &sites, &at_targets, &at_sites);
        Experts {
            sampling,
            tissue,
            sites,
            at_targets,
            at_sites,
            components,
            variances,
            contexts,
            graph,
            lags,
            guides,
            in_holes,
        }
    }

    /// Around holes: how far away the nearest neighbour is of what is learned from, and of the unmeasured bins.
    pub(super) fn distances(&self) -> Option<[&[f64]; 2]> {
        self.in_holes.as_ref().map(|holes| holes.distances.each_ref().map(Vec::as_slice))
    }

    /// The means at the unmeasured bins. `None` where no bin is measured in the tissue.
    pub(super) fn means(&self, known: Known, seed: u64) -> Option<Means<'_>> {
        let gene = self.gene(known)?;
        let found = self.learn(&gene, seed)?;
        let changes = found.guided.map(|(_, guidance)| guidance.unmeasured);
        let forest = match changes {
            Some(_) => vec![f64::NAN; self.at_targets.bins.len()],
            None => found.forest.each(&found.asked, |_, distribution| distribution.mean()),
        };
        let (linear, _) = self.linear(&gene);
        let change = |bin: usize| changes.as_ref().map(|changes| &changes[bin]);
        let experts = forest.iter().enumerate().map(|(bin, forest)| at_bin(&linear, *forest, change(bin), bin));
        Some(Means { bins: &self.at_targets.bins, experts: experts.collect() })
    }

    /// What is known of a gene; `None` where no bin is measured in the tissue.
    pub(super) fn gene(&self, Known { values, guides }: Known) -> Option<Gene> {
        let own: Vec<f64> = self.sites.at.iter().map(|bin| f64::from(values[*bin])).collect();
        if own.is_empty() {
            return None;
        }
        let standard = Standard::of(&own);
        let without_own = Standard::of(&self.graph.average_of_others(&own, standard.mean));
        let [kriging, smooth] = [&standard, &without_own].map(|field| Cokriging::new(&self.sites, field, &[], None));
        let at = |neighbours: &Neighbours| [&kriging, &smooth].map(|field| field.at(neighbours).mean);
        let (between, beside) = (at(&self.at_targets), at(&self.at_sites));
        let in_holes = self.in_holes.as_ref().map(|holes| at(&holes.likes));
        let guides = Guides::new(guides, &self.sites, &self.at_targets, &self.at_sites);
        Some(Gene { own, standard, without_own, between, beside, in_holes, guides })
    }

    /// The means at the unmeasured bins, and at the measured ones without their own value; there kriging stands for bilinear
    /// interpolation, too.
    pub(super) fn linear(&self, gene: &Gene) -> (Linear, Linear) {
        let with = &self.components[..self.components.len().min(COKRIGED)];
        let known = (!self.lags.is_empty()).then_some(self.lags.as_slice());
        let cokriging = Cokriging::new(&self.sites, &gene.standard, with, known);
        let bilinear = |values: &[f64]| {
            let dense = self.sampling.interpolate(Interpolation::Bilinear, &self.sites.map(values), &self.tissue);
            self.at_targets.bins.iter().map(|bin| f64::from(dense[*bin])).collect()
        };
        let Standard { mean, deviation, ref values } = gene.without_own;
        let of_others = values.iter().map(|value| mean + deviation * value).collect();
        (
            [
                bilinear(&gene.own),
                gene.between[0].clone(),
                bilinear(&self.graph.average(&gene.own)),
                cokriging.at(&self.at_targets).mean,
            ],
            [gene.beside[0].clone(), gene.beside[0].clone(), of_others, cokriging.at(&self.at_sites).mean],
        )
    }

    /// What the forest learns of a gene from what the measured bins' surroundings say, and guides if there are any.
    pub(super) fn learn(&self, gene: &Gene, seed: u64) -> Option<Learned> {
        let targets: Vec<f32> = gene.own.iter().map(|value| *value as f32).collect();
        let known = self.at_sites_of(&gene.own, &gene.beside[0]);
        let grow = |learned: &Features| Forest::grow(learned, &targets, &Settings::default(), seed);
        let Rows { learned, asked, pictured } = self.rows(gene, &known, [&[], &[]]);
        let forest = grow(&learned);
        let whole = Distribution::of(targets.iter().map(|target| (*target, 1.0)))?;
        let guides: Vec<&Guides> = self.guides.iter().chain(&gene.guides).collect();
        let guided = (!guides.is_empty()).then(|| {
            let all =
                |columns: fn(&Guides) -> &[Vec<f64>]| guides.iter().flat_map(move |guides| columns(guides)).cloned();
            let columns = [Guides::at_sites, Guides::at_targets].map(|columns| all(columns).collect::<Vec<_>>());
            let Rows { learned, asked, pictured } = self.rows(gene, &known, columns.each_ref().map(Vec::as_slice));
            Guided { forest: grow(&learned), asked, pictured }
        });
        let guided = guided.map(|guided| {
            let guidance = guided.beside((&forest, &asked, pictured.as_ref()), &whole, &targets);
            (guided, guidance)
        });
        Some(Learned { forest, asked, pictured, guided, targets, whole })
    }

    /// What a forest learns from and is asked, given the components `known` at the measured bins and the columns of guides at these and
    /// at the unmeasured ones.
    fn rows(&self, gene: &Gene, known: &[Vec<f64>], [at_sites, at_targets]: [&[Vec<f64>]; 2]) -> Rows {
        let wanted: Vec<&Vec<f64>> = self.contexts.iter().map(|context| &context.targets).collect();
        let wanted = || wanted.iter().copied().chain(at_targets).chain(&gene.between);
        let Some(holes) = &self.in_holes else {
            let learned = features(known.iter().chain(at_sites).chain(&gene.beside));
            return Rows { learned, asked: features(wanted()), pictured: None };
        };
        let [near, far] = &holes.distances;
        let likes = gene.in_holes.iter().flatten();
        let own = self.at_sites.distances();
        Rows {
            learned: features(known.iter().chain(at_sites).chain(likes).chain([near])),
            asked: features(wanted().chain([far])),
            pictured: Some(features(holes.beside.iter().chain(at_sites).chain(&gene.beside).chain([&own]))),
        }
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
}

/// What a forest learns from, and what it is asked.
struct Rows {
    /// At the measured bins.
    learned: Features,
    /// At the unmeasured bins.
    asked: Features,
    /// At the measured bins, if not what was learned.
    pictured: Option<Features>,
}

/// Rows of bins from columns of numbers [column][bin], one at least.
fn features<'a>(columns: impl Iterator<Item = &'a Vec<f64>>) -> Features {
    let columns: Vec<&Vec<f64>> = columns.collect();
    let rows = (0..columns[0].len()).flat_map(|row| columns.iter().map(move |column| column[row] as f32));
    Features::new(columns.len(), rows.collect())
}
