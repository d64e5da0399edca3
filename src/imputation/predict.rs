//! Predictions in memory: a gene at a time, by fitted networks, by the experts beside them, or by one method alone.

use super::baselines::baseline;
use super::choice::{Chooser, network_alone, network_weight};
use super::config::PredictConfig;
use super::finish;
use super::gene::{GenePrediction, PredictedDistribution};
use super::method::{Baseline, Expert, Method};
use super::network::{Imputed, NetworkImputer};
use super::reach::beyond;
use super::scene::Scene;
use crate::compute::Progress;
use crate::dataset::Dataset;
use crate::experts::Prediction;
use crate::section::Raster;
use crate::words::counted;
use crate::{Error, Result};
use rayon::prelude::*;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex};

/// What predicts.
#[derive(Clone)]
pub enum Source {
    /// Fitted networks, one for each gene.
    Networks(Vec<NetworkImputer>),
    /// A method that needs no network.
    Method(Method),
}

/// What is to be predicted, and by what.
#[derive(Clone)]
pub struct PredictSettings<'a> {
    /// The section.
    pub dataset: &'a Dataset,
    /// What predicts.
    pub source: Source,
    /// The genes, in this order for a method; without any, all that the networks know, or all of the dataset.
    pub genes: &'a [String],
    /// How windows are laid, what intervals hold, the network's share.
    pub config: &'a PredictConfig,
}

/// Predicts every in-tissue bin of every gene asked for, in memory.
///
/// ```no_run
/// use burn::tensor::Device;
/// use s2s::dataset::Dataset;
/// use s2s::imputation::{Baseline, Method, NetworkImputer, PredictConfig, PredictSettings, Source, predict};
/// use std::path::Path;
///
/// # fn main() -> s2s::Result<()> {
/// let dataset = Dataset::open(Path::new("lung.s2s"))?;
/// let networks = NetworkImputer::open(Path::new("ERBB2.safetensors"), &dataset, &Device::flex())?;
/// let (config, genes) = (PredictConfig::default(), ["ERBB2".to_owned()]);
/// let settings = PredictSettings { dataset: &dataset, source: Source::Networks(networks), genes: &genes, config: &config };
/// let by_network = predict(&settings)?;
/// let bilinear = predict(&PredictSettings { source: Source::Method(Method::Baseline(Baseline::Bilinear)), ..settings })?;
/// println!("{} against {}", by_network[0].imputed[(3, 5)], bilinear[0].imputed[(3, 5)]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Usage`] for a gene that the networks or the dataset do not know, two networks of one gene, or a config that makes no
/// sense; [`Error::Data`] where a network predicts what is no number.
pub fn predict(settings: &PredictSettings) -> Result<Vec<GenePrediction>> {
    settings.config.check()?;
    let predictor = Predictor::new(settings)?.prepared()?;
    let found: Vec<Mutex<Option<GenePrediction>>> = predictor.genes.iter().map(|_| Mutex::default()).collect();
    predictor.each(|index, prediction| {
        *found[index].lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(prediction);
        Ok(())
    })?;
    Ok(found.into_iter().filter_map(|one| one.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())).collect())
}

/// Predicts the genes that settings ask for.
pub(super) struct Predictor<'a> {
    dataset: &'a Dataset,
    config: &'a PredictConfig,
    pub(super) source: Source,
    pub(super) genes: Vec<String>,
    /// The networks' share in the mean.
    pub(super) share: f64,
    /// The experts, where they are asked.
    chooser: Option<Chooser>,
    /// The counts of all genes to expect of every bin, where counts are asked for.
    pub(super) totals: Option<Raster<f32>>,
    /// Bins without a value.
    beyond: Option<Raster<bool>>,
    /// The network of the last gene, and its scene: genes that share one follow one another.
    scene: Mutex<Option<(NetworkImputer, Arc<Scene<'a>>)>>,
}

impl<'a> Predictor<'a> {
    /// Checks the genes.
    pub(super) fn new(settings: &PredictSettings<'a>) -> Result<Self> {
        let PredictSettings { dataset, ref source, genes, config } = *settings;
        let mut source = source.clone();
        let genes = match &mut source {
            Source::Networks(networks) => {
                asked_for(networks, genes)?;
                if !config.network_guides {
                    say_without_guides(networks);
                }
                networks.iter().map(|network| network.gene().to_owned()).collect()
            }
            Source::Method(_) => of_dataset(dataset, genes)?,
        };
        let share = match source {
            Source::Networks(_) => network_share(dataset, config),
            Source::Method(_) => 0.0,
        };
        let beyond = beyond(dataset, config)?;
        Ok(Predictor {
            dataset,
            config,
            source,
            genes,
            share,
            chooser: None,
            totals: None,
            beyond,
            scene: Mutex::default(),
        })
    }

    /// Prepares what the genes share: the experts, and the totals to expect. It may take a minute.
    pub(super) fn prepared(mut self) -> Result<Self> {
        if !matches!(self.source, Source::Method(Method::Baseline(_))) && self.share < 1.0 {
            self.chooser = Some(Chooser::new(self.dataset)?);
        }
        if self.config.counts {
            self.totals = Some(self.expected_totals()?);
        }
        Ok(self)
    }

    /// The counts of all genes to expect of every bin [rows, cols]: those of measured bins, and of the others as those of a gene with the
    /// values ln(1 + total).
    fn expected_totals(&self) -> Result<Raster<f32>> {
        let dataset = self.dataset;
        let Some(experts) = self.chooser.as_ref().filter(|_| self.tells_distribution()) else {
            return Err(Error::Usage(
                "--counts: needs to know what else a bin may hold. Choose --method blend or forest, or give the experts a part beside networks: --set predict.network_share=0.25".to_owned(),
            ));
        };
        if dataset.manifest().target.is_none() {
            return Err(Error::Usage("--counts: the section came normalised, without counts".to_owned()));
        }
        let totals = dataset.totals();
        let (found, _) =
            experts.choose(dataset, None, &totals.map(|total| (*total as f32).ln_1p()), None, self.config.coverage)?;
        Ok(Raster::from_fn(totals.rows(), totals.cols(), |row, col| {
            let at = (row, col);
            if dataset.sampling().measures(row, col) {
                totals[at] as f32
            } else {
                found.mean[at].exp_m1() * found.smearing[at]
            }
        }))
    }

    /// Whether it says what else values may be.
    pub(super) fn tells_distribution(&self) -> bool {
        match self.source {
            Source::Networks(_) => self.share < 1.0,
            Source::Method(method) => method.tells_distribution(),
        }
    }

    /// Gives every gene's prediction, with its index, to `take`: one after the other, but interpolations on all threads.
    pub(super) fn each(&self, take: impl Fn(usize, GenePrediction) -> Result<()> + Sync) -> Result<()> {
        let take = |index: usize, prediction: GenePrediction| match &self.beyond {
            Some(beyond) => take(index, prediction.without(beyond)),
            None => take(index, prediction),
        };
        match (&self.source, &self.chooser) {
            (Source::Method(Method::Baseline(method)), _) => self.interpolated(*method, take),
            (Source::Method(Method::Expert(expert)), Some(experts)) => {
                self.in_turn(|_, gene| self.by_expert(gene, *expert, experts), take)
            }
            (Source::Method(method), None) => Err(Error::bug(format!("{method}: no experts"))),
            (Source::Networks(networks), experts) => {
                self.in_turn(|index, _| self.by_network(&networks[index], experts.as_ref()), take)
            }
        }
    }

    fn in_turn(
        &self,
        predict: impl Fn(usize, &str) -> Result<GenePrediction>,
        take: impl Fn(usize, GenePrediction) -> Result<()>,
    ) -> Result<()> {
        let mut progress = Progress::new("predict", "genes", self.genes.len() as u64);
        for (index, gene) in self.genes.iter().enumerate() {
            take(index, predict(index, gene)?)?;
            progress.at(index as u64 + 1, || gene.clone());
        }
        Ok(())
    }

    fn interpolated(&self, method: Baseline, take: impl Fn(usize, GenePrediction) -> Result<()> + Sync) -> Result<()> {
        let progress = Mutex::new((Progress::new("predict", "genes", self.genes.len() as u64), 0));
        self.genes.par_iter().enumerate().try_for_each(|(index, gene)| {
            let imputed = baseline(self.dataset, gene, method)?;
            take(
                index,
                GenePrediction { gene: gene.clone(), imputed, uncertainty: None, distribution: None, choice: None },
            )?;
            let mut progress = progress.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            progress.1 += 1;
            let done = progress.1;
            progress.0.at(done, || gene.clone());
            Ok(())
        })
    }

    fn by_network_alone(&self, network: &NetworkImputer) -> Result<Imputed> {
        let mut last = self.scene.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let scene = match &*last {
            Some((of, scene)) if of.shares_network(network) => scene.clone(),
            _ => {
                let scene = Arc::new(network.scene(self.dataset, self.config, self.genes.len())?);
                *last = Some((network.clone(), scene.clone()));
                scene
            }
        };
        drop(last);
        network.impute_in(&scene)
    }

    /// By a network, with or without the experts beside it.
    fn by_network(&self, network: &NetworkImputer, experts: Option<&Chooser>) -> Result<GenePrediction> {
        let gene = network.gene();
        let Some(experts) = experts else {
            let Imputed { values, uncertainty } = self.by_network_alone(network)?;
            let choice = Some(network_alone(network));
            return Ok(GenePrediction {
                gene: gene.to_owned(),
                imputed: values,
                uncertainty,
                distribution: None,
                choice,
            });
        };
        let measured = self.dataset.measured_values(gene)?;
        let (found, choice) =
            experts.choose(self.dataset, Some(gene), &measured, Some((network, self.share)), self.config.coverage)?;
        let share = network_weight(&choice);
        let own = (share > 0.0).then(|| self.by_network_alone(network)).transpose()?;
        let own = own.map(|own| found.moved(&own.values));
        let mixed = self.mixed(gene, &measured, &found, own.as_ref().map(|own| (own, share)));
        Ok(GenePrediction { choice: Some(choice), ..mixed })
    }

    /// By one of the experts, or by all of them as measured bins say.
    fn by_expert(&self, gene: &str, method: Expert, experts: &Chooser) -> Result<GenePrediction> {
        let measured = self.dataset.measured_values(gene)?;
        if method == Expert::Blend {
            let (found, choice) = experts.choose(self.dataset, Some(gene), &measured, None, self.config.coverage)?;
            return Ok(GenePrediction { choice: Some(choice), ..self.mixed(gene, &measured, &found, None) });
        }
        let found = experts.equal(self.dataset, gene, &measured, self.config.coverage)?;
        let expert = match method {
            Expert::Smoothed => &found.smoothed,
            Expert::Cokriging => &found.cokriging,
            Expert::Forest | Expert::Blend => &found.forest,
        };
        let prediction = self.mixed(gene, &measured, &found, Some((expert, 1.0)));
        Ok(match self.tells_distribution() {
            true => prediction,
            false => GenePrediction { uncertainty: None, distribution: None, ..prediction },
        })
    }

    /// The experts' prediction, with another one that has a share of the mean; measured bins are put back.
    fn mixed(
        &self,
        gene: &str,
        measured: &Raster<f32>,
        found: &Prediction,
        other: Option<(&Raster<f32>, f64)>,
    ) -> GenePrediction {
        let dataset = self.dataset;
        let back = |map: Raster<f32>| finish(map, measured, dataset.sampling(), dataset.tissue());
        let mean = Raster::from_fn(found.mean.rows(), found.mean.cols(), |row, col| {
            let experts = f64::from(found.mean[(row, col)]);
            let mixed =
                |(map, share): (&Raster<f32>, f64)| (1.0 - share) * experts + share * f64::from(map[(row, col)]);
            other.map_or(experts, mixed) as f32
        });
        let nothing = found.mean.map(|_| 0.0);
        let half = found.half_width.clone();
        let uncertainty = finish(half.clone(), &nothing, dataset.sampling(), dataset.tissue());
        let [lower, upper] = found.interval.clone().map(back);
        let median = back(found.median.clone());
        let (detected, smoothed) = (found.detected.clone(), found.mean.clone());
        let expected_counts = self.totals.as_ref().map(|totals| self.expected_counts(&mean, found, measured, totals));
        GenePrediction {
            gene: gene.to_owned(),
            imputed: back(mean),
            uncertainty: Some(uncertainty),
            distribution: Some(PredictedDistribution {
                median,
                lower,
                upper,
                detected,
                smoothed,
                smoothed_uncertainty: half,
                expected_counts,
            }),
            choice: None,
        }
    }

    /// The count to expect of a gene in every bin: the mean of what it may be after normalisation, (eᵐ − 1) · smearing of its `mean` m, times
    /// the bin's total over the target. At measured bins the count itself.
    fn expected_counts(
        &self,
        mean: &Raster<f32>,
        found: &Prediction,
        measured: &Raster<f32>,
        totals: &Raster<f32>,
    ) -> Raster<f32> {
        let dataset = self.dataset;
        let target = dataset.manifest().target.unwrap_or(f64::NAN) as f32;
        Raster::from_fn(mean.rows(), mean.cols(), |row, col| {
            let at = (row, col);
            let counts = |normalised: f32| normalised * totals[at] / target;
            match (dataset.tissue()[at], dataset.sampling().measures(row, col)) {
                (false, _) => f32::NAN,
                // Whole, which normalising and back left it only nearly.
                (true, true) => counts(measured[at].exp_m1()).round(),
                (true, false) => counts(mean[at].exp_m1() * found.smearing[at]),
            }
        })
    }
}

/// Leaves the networks of the genes that are `wanted`, all without any.
fn asked_for(networks: &mut Vec<NetworkImputer>, wanted: &[String]) -> Result<()> {
    let known: HashSet<&str> = networks.iter().map(NetworkImputer::gene).collect();
    if let Some(unknown) = wanted.iter().find(|gene| !known.contains(gene.as_str())) {
        let files: BTreeSet<_> = networks.iter().map(|network| network.metadata().0).collect();
        return Err(Error::Usage(format!("--genes: {unknown} was not fitted by any of the {} networks", files.len())));
    }
    let wanted: HashSet<&str> = wanted.iter().map(String::as_str).collect();
    networks.retain(|network| wanted.is_empty() || wanted.contains(network.gene()));
    let mut once = HashSet::new();
    match networks.iter().map(NetworkImputer::gene).find(|gene| !once.insert(*gene)) {
        Some(gene) => Err(Error::Usage(format!("--model: two networks of gene {gene}. Give one network per gene"))),
        None => Ok(()),
    }
}

/// The genes that are `wanted` of the dataset, all without any.
fn of_dataset(dataset: &Dataset, wanted: &[String]) -> Result<Vec<String>> {
    let manifest = dataset.manifest();
    if wanted.is_empty() {
        return Ok(manifest.genes.iter().map(|gene| gene.name.clone()).collect());
    }
    wanted.iter().try_for_each(|gene| manifest.gene(gene).map(drop))?;
    Ok(wanted.to_vec())
}

/// Tells of networks that are to do without guides and never learned to.
fn say_without_guides(networks: &[NetworkImputer]) {
    let lost = networks.iter().filter(|network| network.has_guides() && !network.can_do_without_guides()).count();
    if lost > 0 {
        tracing::warn!(
            "predict: without guides (predict.network_guides), as asked for, but {} saw them in every example of training, and may do worse now than one that never had any. Fit with fit.guide_dropout",
            counted(lost, "network")
        );
    }
}

/// Measured bins below which no network has a part beside the experts: on sections with fewer, it made the mean worse (docs/experts.md).
const LEAST_MEASURED: usize = 1000;

/// The networks' share, said where it is not the config's.
fn network_share(dataset: &Dataset, config: &PredictConfig) -> f64 {
    let share = config.network_share;
    let measured = dataset.measured_tissue().values().iter().filter(|inside| **inside).count();
    if share > 0.0 && share < 1.0 && dataset.sampling().is_dense() {
        tracing::info!(
            "predict: the experts alone; in holes a network beside them adds nothing (docs/holes.md). --set predict.network_share=1 takes it alone"
        );
        return 0.0;
    }
    if share == 0.0 || share == 1.0 || measured >= LEAST_MEASURED {
        return share;
    }
    tracing::info!(
        "predict: the experts alone; beside them a network helps from about {LEAST_MEASURED} measured bins on, and here are {measured}"
    );
    0.0
}
