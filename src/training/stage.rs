//! `s2s-fit`, apart from its arguments: one network or many, each resumed, skipped or failing on its own.

use super::config::FitConfig;
use super::estimate::{Estimate, estimate, sized};
use super::fit::fit;
use super::fitted::Fit;
use super::identity::Identity;
use super::metadata::ModelMetadata;
use super::output::{done, make, named, snapshots};
use super::settings::{FitSettings, Init, Saving};
use crate::compute::StopFlag;
use crate::dataset::Dataset;
use crate::files::{Lock, check_outside, companion, fingerprint, remove};
use crate::images::Bank;
use crate::network::{CdcinConfig, weights};
use crate::section::Scale;
use crate::words::counted;
use crate::{Error, Result};
use burn::tensor::Device;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name of a panel's network in its folder.
const JOINT: &str = "joint";

/// What to fit, and where to write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// One gene, into this file.
    Gene(String, PathBuf),
    /// A network for each gene, as `GENE.safetensors` into this folder.
    Genes(Vec<String>, PathBuf),
    /// One network for all genes, as `joint.safetensors` into this folder; then, with steps to spend, one for each gene
    /// that starts from it.
    Joint(Vec<String>, PathBuf, Option<usize>),
    /// A network that knows natural images alone, into this file.
    Images(PathBuf),
}

/// A run of `s2s-fit`.
#[derive(Clone)]
pub struct Job<'a> {
    /// The section; none for [`Task::Images`].
    pub dataset: Option<&'a Dataset>,
    /// S: that of the section, where there is one.
    pub scale: Scale,
    /// The network's shape.
    pub network: &'a CdcinConfig,
    /// The recipe.
    pub fit: &'a FitConfig,
    /// The whole config in force, for the provenance; its section `fit` becomes the recipe that was taken.
    pub config: serde_json::Value,
    /// Who asks for it, for the provenance: a command line, or the name of a program.
    pub command: &'a [String],
    /// Natural images, where the recipe asks for them.
    pub images: Option<&'a Bank>,
    /// A network whose weights to start from.
    pub init: Option<&'a Path>,
    /// Decides the first weights and every draw.
    pub seed: u64,
    /// Where to compute.
    pub device: &'a Device,
    /// Stop each network after this many minutes, if at all.
    pub max_minutes: Option<f64>,
    /// Time between two savings.
    pub save_every: Duration,
    /// A folder for the weights at every look at the held-out bins.
    pub snapshots: Option<&'a Path>,
    /// Start over where there is a checkpoint or a result, of whatever run.
    pub restart: bool,
    /// Replace the results of other runs.
    pub force: bool,
    /// Set by a signal.
    pub stop: &'a StopFlag,
}

/// Fits everything that `task` names and that is not done yet.
///
/// A gene that fails does not keep the others from being fitted; the error then lists all that failed and is of the kind
/// of the first.
pub fn run(job: &Job, task: &Task) -> Result<()> {
    let init = job.init.map(|path| open_init(path, job.network, job.device)).transpose()?;
    let init = init.as_ref();
    let network = &job.network_of(task, init);
    let job = &Job { network, ..job.clone() };
    job.check(task, init)?;
    let recipe = &job.recipe(task, init)?;
    let own = |genes| Part { genes, recipe, init, but: &[] };
    match task {
        Task::Gene(gene, output) => job.one(own(std::slice::from_ref(gene)), output),
        Task::Images(output) => job.one(own(&[]), output),
        Task::Genes(genes, folder) => job.each(own(genes), folder),
        Task::Joint(genes, folder, finetune) => {
            let panel = named(folder, JOINT);
            job.one(own(genes), &panel)?;
            let Some(steps) = *finetune else { return Ok(()) };
            let init = open_init(&panel, job.network, job.device)?;
            job.each(Part { genes, recipe: &finetuning(recipe, steps), init: Some(&init), but: TUNED }, folder)
        }
    }
}

/// What to learn, and from which start.
#[derive(Clone, Copy)]
struct Part<'a> {
    genes: &'a [String],
    recipe: &'a FitConfig,
    init: Option<&'a Init>,
    /// Keys of its identity that may be others in a network that it replaces.
    but: &'static [&'static str],
}

impl<'a> Part<'a> {
    /// A part for each of its genes.
    fn parts(self) -> impl Iterator<Item = Part<'a>> {
        self.genes.iter().map(move |gene| Part { genes: std::slice::from_ref(gene), ..self })
    }
}

/// A network that starts from its panel's is of the same run where that was fitted anew.
const TUNED: &[&str] = &["init"];

/// What each part of `task` would cost. Nothing is written.
pub fn cost(job: &Job, task: &Task) -> Result<Vec<Estimate>> {
    let init = job.init.map(|path| open_init(path, job.network, job.device)).transpose()?;
    let network = &job.network_of(task, init.as_ref());
    let job = &Job { network, ..job.clone() };
    let of = |genes: &[String], recipe: &FitConfig, networks: usize| {
        estimate(&job.settings(genes, recipe, init.as_ref(), None), networks)
    };
    let recipe = job.fit;
    Ok(match task {
        Task::Gene(gene, _) => vec![of(std::slice::from_ref(gene), recipe, 1)?],
        Task::Genes(genes, _) => vec![of(&job.heard(genes)[..1], recipe, genes.len())?],
        Task::Images(_) => vec![of(&[], recipe, 1)?],
        Task::Joint(genes, _, finetune) => {
            let tuned = finetune
                .map(|steps| of(&job.heard(genes)[..1], &finetuning(recipe, steps), genes.len()))
                .transpose()?;
            [Some(of(genes, recipe, 1)?), tuned].into_iter().flatten().collect()
        }
    })
}

/// The recipe for a gene that starts from its panel's network.
fn finetuning(recipe: &FitConfig, steps: usize) -> FitConfig {
    let learning_rate = recipe.learning_rate * recipe.finetune_rate;
    FitConfig { steps, learning_rate, ..recipe.clone() }
}

impl<'a> Job<'a> {
    /// The network's shape: genes have embeddings where they share a network, and where the first weights have them.
    fn network_of(&self, task: &Task, init: Option<&Init>) -> CdcinConfig {
        let shared = matches!(task, Task::Joint(genes, ..) if genes.len() > 1);
        let first = init.map_or(0, |init| init.net.config().gene_embedding);
        let gene_embedding = if shared && first == 0 { self.network.gene_embedding } else { first };
        CdcinConfig { gene_embedding, ..self.network.clone() }
    }

    /// Tells before the first step what of `task` must not be replaced, or is being made by another process.
    fn check(&self, task: &Task, init: Option<&Init>) -> Result<()> {
        if self.snapshots.is_some() && self.fit.holdout == 0.0 {
            return Err(Error::Usage(
                "--snapshots: the weights are written at every look at the held-out bins, but fit.holdout is 0: there are none"
                    .to_owned(),
            ));
        }
        let own = |genes| Part { genes, recipe: self.fit, init, but: &[] };
        let free = |part: Part, output: &Path| {
            let _lock = Lock::take(output)?;
            self.done(part, output)?;
            self.snapshots.map_or(Ok(()), |folder| snapshots(folder, &self.identity(part)?, self.force || self.restart))
        };
        let each =
            |part: Part, folder: &Path| part.parts().try_for_each(|part| free(part, &named(folder, &part.genes[0])));
        // Before any folder is made.
        self.snapshots.map_or(Ok(()), |folder| check_outside(&folder.join("step")))?;
        if let Task::Genes(genes, folder) | Task::Joint(genes, folder, _) = task {
            check_outside(&named(folder, JOINT))?;
            make(folder, genes)?;
        }
        match task {
            Task::Gene(gene, output) => free(own(std::slice::from_ref(gene)), output),
            Task::Images(output) => free(own(&[]), output),
            Task::Genes(genes, folder) => each(own(genes), folder),
            Task::Joint(genes, folder, finetune) => {
                free(own(genes), &named(folder, JOINT))?;
                let Some(steps) = *finetune else { return Ok(()) };
                each(Part { recipe: &finetuning(self.fit, steps), but: TUNED, ..own(genes) }, folder)
            }
        }
    }

    /// Whether `output` holds the network of `part` already; an error if it holds what must not be replaced.
    fn done(&self, part: Part, output: &Path) -> Result<bool> {
        done(output, &self.identity(part)?, part.but, self.force || self.restart)
    }

    /// What decides the weights of `part`.
    fn identity(&self, part: Part) -> Result<Identity> {
        Identity::of(&self.settings(part.genes, part.recipe, part.init, None))
    }

    /// The recipe, fitted to the memory of a GPU by a trial with a gene of `task`: which one makes no difference.
    fn recipe(&self, task: &Task, init: Option<&Init>) -> Result<FitConfig> {
        let of = |genes: &[String]| sized(&self.settings(genes, self.fit, init, None));
        let genes = match task {
            Task::Images(_) => return of(&[]),
            Task::Gene(gene, _) => std::slice::from_ref(gene),
            Task::Genes(genes, _) | Task::Joint(genes, ..) => genes,
        };
        // One without counts cannot be tried, and is told of when its turn comes.
        let tried = genes.iter().map(|gene| of(std::slice::from_ref(gene)));
        let first = tried.into_iter().find(|tried| !matches!(tried, Err(Error::Data(_))));
        first.unwrap_or_else(|| Ok(self.fit.clone()))
    }

    /// Fits a network for each gene of `all`.
    fn each(&self, all: Part, folder: &Path) -> Result<()> {
        let genes = all.genes;
        let mut failed: Vec<(&String, Error)> = Vec::new();
        for (gene, part) in genes.iter().zip(all.parts()) {
            if self.silent(gene) {
                tracing::info!("note: gene {gene}: no counts in the measured tissue, so it is left out");
                continue;
            }
            match self.one(part, &named(folder, gene)) {
                Ok(()) => {}
                Err(stopped @ Error::Stopped(_)) => return Err(stopped),
                Err(error) => {
                    tracing::warn!("{gene} failed: {error}");
                    failed.push((gene, error));
                }
            }
        }
        let list = failed.iter().map(|(gene, error)| format!("\n  {gene}: {error}")).collect::<String>();
        let count = failed.len();
        match failed.into_iter().next() {
            None => Ok(()),
            Some((_, first)) => Err(first.retold(format!(
                "{count} of {} failed, the others are in {}:{list}",
                counted(genes.len(), "gene"),
                folder.display()
            ))),
        }
    }

    /// Whether nothing of a gene was found in the measured bins.
    fn silent(&self, gene: &str) -> bool {
        self.dataset.and_then(|dataset| dataset.manifest().gene(gene).ok()).is_some_and(|entry| entry.bins == 0)
    }

    /// The genes from the first on that can be tried: with nothing but silent ones, all.
    fn heard<'g>(&self, genes: &'g [String]) -> &'g [String] {
        &genes[genes.iter().position(|gene| !self.silent(gene)).unwrap_or(0)..]
    }

    /// Fits one network and writes it to `output`, unless that is what the file there holds already.
    fn one(&self, part: Part, output: &Path) -> Result<()> {
        let _lock = Lock::take(output)?;
        let done = self.done(part, output)?;
        let checkpoint = companion(output, "ckpt");
        if self.restart {
            remove(&checkpoint)?;
        } else if done {
            tracing::info!("{}: done already; --restart fits it again", output.display());
            return remove(&checkpoint);
        }
        if self.stop.is_set() {
            return Err(Error::Stopped("stopped by a signal. Run the same command again to go on".to_owned()));
        }
        let settings = self.settings(part.genes, part.recipe, part.init, Some(&checkpoint));
        let fitted = fit(&settings)?;
        self.metadata(&settings, &fitted)?.save(&fitted, output)?;
        remove(&checkpoint)
    }

    fn metadata(&self, settings: &FitSettings, fitted: &Fit) -> Result<ModelMetadata> {
        let mut config = self.config.clone();
        if let Some(recipe) = config.get_mut("fit") {
            *recipe = serde_json::to_value(settings.fit).map_err(|e| Error::bug(format!("config: {e}")))?;
        }
        ModelMetadata::of(settings, fitted, config, self.command)
    }

    fn settings<'s>(
        &'s self,
        genes: &'s [String],
        fit: &'s FitConfig,
        init: Option<&'s Init>,
        checkpoint: Option<&'s Path>,
    ) -> FitSettings<'s> {
        FitSettings {
            dataset: self.dataset,
            genes,
            scale: self.scale,
            network: self.network,
            fit,
            images: self.images,
            init,
            seed: self.seed,
            device: self.device,
            max_minutes: self.max_minutes,
            saving: Saving { path: checkpoint, every: self.save_every, stop: self.stop, snapshots: self.snapshots },
        }
    }
}

/// Keys of the network in which first weights may differ.
const FREE: [&str; 2] = ["zero_reconstruct", "gene_embedding"];

/// Weights to start from: of a network of the same shape, with or without embeddings of genes.
fn open_init(path: &Path, network: &CdcinConfig, device: &Device) -> Result<Init> {
    let (net, found, _) = weights::open(path, device)?;
    let embedded = (found.gene_embedding > 0).then(|| ModelMetadata::open(path, device)).transpose()?;
    let genes = embedded.map_or_else(Vec::new, |(_, model)| model.genes.into_iter().map(|gene| gene.name).collect());
    let of = |config: &CdcinConfig| serde_json::to_value(config).map_err(|e| Error::bug(e));
    let (found, expected) = (of(&found)?, of(network)?);
    let keys = expected.as_object().into_iter().flatten();
    let differences: Vec<String> = keys
        .filter(|(key, value)| !FREE.contains(&key.as_str()) && found.get(*key) != Some(*value))
        .map(|(key, value)| format!("network.{key} is {} there, {value} in the config", found[key]))
        .collect();
    if differences.is_empty() {
        return Ok(Init { net, genes, fingerprint: fingerprint(path)? });
    }
    Err(Error::data(
        path,
        format!("a network of another shape: {}. Give its config, or other weights to --init", differences.join("; ")),
    ))
}
