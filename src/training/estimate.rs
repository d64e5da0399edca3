//! What a fit will cost, from one small step of it on this machine.

use super::config::{Crop, FitConfig};
use super::fit::{FitSettings, check, measured};
use super::run::Run;
use crate::Result;
use crate::cli::{forget_peak_memory, memory_mib, peak_memory_mib};
use serde::Serialize;
use std::time::Instant;

/// What a fit will cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Networks to train, one after the other.
    pub networks: usize,
    /// Parameters of a network.
    pub parameters: usize,
    /// Patches that examples of the section are cut from, for all genes of a network; 1 per gene if it is not cut.
    pub patches: usize,
    /// Steps of a network, if the held-out bins end it no sooner.
    pub steps: usize,
    /// Seconds per step.
    pub seconds_per_step: f64,
    /// Minutes for all networks.
    pub minutes: f64,
    /// Peak memory of the process in MiB; `None` where the system does not tell.
    pub memory_mib: Option<u64>,
}

/// The cost of the fit that `settings` ask for, times `networks`.
///
/// Makes two steps with one example each. Time and memory of a step grow with its pixels, since every operation of the
/// network works pixel by pixel or window by window.
pub fn estimate(settings: &FitSettings, networks: usize) -> Result<Estimate> {
    check(settings)?;
    let recipe = settings.fit;
    let small = FitConfig { batch: 1, image_batch: 1, image_every: 1, dense_every: 1, ..recipe.clone() };
    let saving = super::fit::Saving { path: None, ..settings.saving };
    let trial = FitSettings { fit: &small, saving, ..settings.clone() };
    let (genes, image) = settings.dataset.map(|dataset| measured(&trial, dataset)).transpose()?.unzip();
    let mut run = Run::new(&trial, genes.unwrap_or_default(), image)?;
    let before = memory_mib();
    forget_peak_memory();
    run.step();
    let start = Instant::now();
    run.step();
    let seconds = start.elapsed().as_secs_f64() / pixels(settings, &small, true);
    let growth = peak_memory_mib().zip(before).map(|(peak, before)| peak.saturating_sub(before) as f64);
    let seconds_per_step = seconds * (pixels(settings, recipe, false) + looks(settings, recipe));
    let epoch = run.places().div_ceil(recipe.batch);
    let steps = if recipe.steps > 0 { recipe.steps } else { recipe.epochs * epoch };
    let more = pixels(settings, recipe, true) / pixels(settings, &small, true);
    Ok(Estimate {
        networks,
        parameters: run.parameters(),
        patches: run.places(),
        steps,
        seconds_per_step,
        minutes: seconds_per_step * (steps * networks) as f64 / 60.0,
        memory_mib: growth.zip(before).map(|(growth, before)| before + (growth * more).ceil() as u64),
    })
}

/// Output pixels of a step: of one in which every loss joins, or the mean over all steps.
fn pixels(settings: &FitSettings, recipe: &FitConfig, every_loss: bool) -> f64 {
    let block = settings.scale.get().pow(2) as f64;
    let share = |every: usize| if every_loss { 1.0 } else { 1.0 / every as f64 };
    let section = example(settings, recipe) * (1.0 / block + share(recipe.dense_every)) * recipe.batch as f64;
    let image = recipe.image_patch.pow(2) as f64 * (1.0 / block + 1.0);
    let images = if settings.images.is_some() { share(recipe.image_every) * recipe.image_batch as f64 } else { 0.0 };
    section + image * images
}

/// The same for the looks at the held-out bins: each view is about a third of a step on one phase of the sparser lattice.
fn looks(settings: &FitSettings, recipe: &FitConfig) -> f64 {
    let phases = settings.scale.get().pow(2);
    let views = if recipe.holdout > 0.0 { super::evaluation::views(settings.genes.len(), phases).len() } else { 0 };
    let view = example(settings, &FitConfig { crop: Crop::Whole, ..recipe.clone() }) / phases as f64;
    view * views as f64 / 3.0 / recipe.evaluate_every as f64
}

/// Dense pixels of an example of the section.
fn example(settings: &FitSettings, recipe: &FitConfig) -> f64 {
    settings.dataset.map_or(0.0, |dataset| match recipe.crop {
        Crop::Patches => dataset.manifest().patch.pow(2) as f64,
        Crop::Whole => (dataset.tissue().rows() * dataset.tissue().cols()) as f64,
    })
}
