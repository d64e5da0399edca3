//! What a fit will cost, from one small step of it on this machine.

use super::config::{Crop, FitConfig, MicroBatch};
use super::learnable::measured;
use super::run::Run;
use super::settings::{FitSettings, Saving, check};
use crate::compute::{device_error, forget_peak_memory, gpu_memory, memory_mib, peak_memory_mib};
use crate::{Error, Result};
use burn::tensor::Device;
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
    /// Peak memory in MiB, of the GPU that computes or else of the process; `None` where the system does not tell.
    pub memory_mib: Option<u64>,
    /// What the GPU has free and what this process holds of it, in MiB; `None` on the CPU.
    pub gpu_mib: Option<u64>,
}

/// What one step with one example of each kind took.
struct Trial {
    parameters: usize,
    places: usize,
    /// Of the second step, which has nothing to prepare any more.
    seconds: f64,
    /// MiB held before it, and so much more while it ran.
    memory: Option<(u64, u64)>,
    /// Its output pixels.
    pixels: f64,
}

/// The cost of the fit that `settings` ask for, times `networks`.
///
/// Makes two steps with one example each. Time and memory of a step grow with its pixels, since every operation of the
/// network works pixel by pixel or window by window.
pub fn estimate(settings: &FitSettings, networks: usize) -> Result<Estimate> {
    let recipe = settings.fit;
    let gpu_mib = gpu_memory(settings.device).map(|gpu| gpu.free + gpu.ours);
    let trial = trial(settings)?;
    let work = pixels(settings, recipe, false) + looks(settings, recipe);
    let seconds_per_step = trial.seconds / trial.pixels * work;
    let epoch = trial.places.div_ceil(recipe.batch);
    let steps = if recipe.steps > 0 { recipe.steps } else { recipe.epochs * epoch };
    Ok(Estimate {
        networks,
        parameters: trial.parameters,
        patches: trial.places,
        steps,
        seconds_per_step,
        minutes: seconds_per_step * (steps * networks) as f64 / 60.0,
        memory_mib: trial.peak(pass_pixels(settings, recipe.most_at_once().unwrap_or(usize::MAX))),
        gpu_mib,
    })
}

/// The recipe with as many examples at once as the GPU's memory holds; as it is on the CPU, or where it says a number.
///
/// [`Error::Usage`] if not even one example of each kind fits.
pub(super) fn sized(settings: &FitSettings) -> Result<FitConfig> {
    let recipe = settings.fit;
    let memory = gpu_memory(settings.device).filter(|_| recipe.most_at_once().is_none());
    let Some(memory) = memory else { return Ok(recipe.clone()) };
    let (free, trial) = (memory.free + memory.ours, trial(settings)?);
    let needs = |most: usize| trial.peak(pass_pixels(settings, most)).unwrap_or(0);
    let examples = recipe.batch.max(recipe.image_batch);
    let Some(most) = fitting(examples, (free as f64 * USABLE) as u64, needs) else {
        return Err(Error::Usage(format!(
            "a step with one example at a time needs about {} MiB, and the GPU has {free} MiB free. Use a GPU with more memory, a smaller network, fit.crop: patches with a smaller prep.patch, or --device cpu",
            needs(1)
        )));
    };
    if most < examples {
        tracing::info!(
            "memory: {free} MiB are free on the GPU: at most {most} of {examples} examples at once, the gradients are added up"
        );
    }
    Ok(FitConfig { micro_batch: MicroBatch::Most(most), ..recipe.clone() })
}

/// The share of a GPU's free memory that a fit may plan with: the rest is for what grows and for what others take.
const USABLE: f64 = 0.85;

/// The most of `examples` at once whose need is within `budget`, in as few passes as possible; none if one is too much.
fn fitting(examples: usize, budget: u64, needs: impl Fn(usize) -> u64) -> Option<usize> {
    (1..=examples).map(|passes| examples.div_ceil(passes)).find(|most| needs(*most) <= budget)
}

fn trial(settings: &FitSettings) -> Result<Trial> {
    check(settings)?;
    let one = MicroBatch::Most(1);
    let small = FitConfig {
        batch: 1,
        image_batch: 1,
        image_every: 1,
        dense_every: 1,
        micro_batch: one,
        ..settings.fit.clone()
    };
    let saving = Saving { path: None, ..settings.saving };
    let trial = FitSettings { fit: &small, saving, ..settings.clone() };
    let (genes, image) = settings.dataset.map(|dataset| measured(&trial, dataset)).transpose()?.unzip();
    let mut run = Run::new(&trial, genes.unwrap_or_default(), image)?;
    let before = held(settings.device, memory_mib);
    forget_peak_memory();
    step(&mut run, settings.device)?;
    let seconds = step(&mut run, settings.device)?;
    let peak = held(settings.device, peak_memory_mib);
    Ok(Trial {
        parameters: run.parameters(),
        places: run.places(),
        seconds,
        memory: before.zip(peak).map(|(before, peak)| (before, peak.saturating_sub(before))),
        pixels: pixels(settings, &small, true),
    })
}

/// The MiB that the GPU holds for this process, or on the CPU what `process` says.
fn held(device: &Device, process: fn() -> Option<u64>) -> Option<u64> {
    gpu_memory(device).map(|gpu| gpu.ours).or_else(process)
}

/// The seconds of one step, to its end on the device.
fn step(run: &mut Run, device: &Device) -> Result<f64> {
    let start = Instant::now();
    run.step();
    device.sync().map_err(|e| device_error(&e.to_string()))?;
    Ok(start.elapsed().as_secs_f64())
}

/// Copies of the weights that a step makes whatever its pixels: the network's, the gradient's parts and the whole gradient, and the next ones.
const COPIES: u64 = 4;

impl Trial {
    /// MiB held during a pass with so many output pixels.
    fn peak(&self, pixels: f64) -> Option<u64> {
        self.memory.map(|(before, growth)| {
            let copies = ((COPIES * 4 * self.parameters as u64) >> 20).min(growth / 2);
            before + copies + ((growth - copies) as f64 * pixels / self.pixels).ceil() as u64
        })
    }
}

/// Output pixels of the largest pass of a step, with at most `most` examples of a kind.
fn pass_pixels(settings: &FitSettings, most: usize) -> f64 {
    let recipe = settings.fit;
    // As many passes for both kinds, so that neither exceeds `most`.
    let passes = recipe.batch.max(recipe.image_batch).div_ceil(most);
    let (batch, image_batch) = (recipe.batch.div_ceil(passes), recipe.image_batch.div_ceil(passes));
    pixels(settings, &FitConfig { batch, image_batch, ..recipe.clone() }, true)
}

/// Output pixels of a step: of one in which every loss joins, or the mean over all steps.
fn pixels(settings: &FitSettings, recipe: &FitConfig, every_loss: bool) -> f64 {
    let block = settings.input().factor().pow(2) as f64;
    let share = |every: usize| if every_loss { 1.0 } else { 1.0 / every as f64 };
    let section = example(settings, recipe) * (1.0 / block + share(recipe.dense_every)) * recipe.batch as f64;
    let image = recipe.image_patch.pow(2) as f64 * (1.0 / block + 1.0);
    let images = if settings.images.is_some() { share(recipe.image_every) * recipe.image_batch as f64 } else { 0.0 };
    section + image * images
}

/// The same for the looks at the held-out bins: each view is about a third of a step on one phase of the sparser lattice.
fn looks(settings: &FitSettings, recipe: &FitConfig) -> f64 {
    let block = settings.input().factor().pow(2);
    let phases = if settings.rate().is_some() { super::thinning::DRAWS as usize } else { block };
    let views = if recipe.holdout > 0.0 { super::evaluation::views(settings.genes.len(), phases).len() } else { 0 };
    let view = example(settings, &FitConfig { crop: Crop::Whole, ..recipe.clone() }) / block as f64;
    view * views as f64 / 3.0 / recipe.evaluate_every as f64
}

/// Dense pixels of an example of the section.
fn example(settings: &FitSettings, recipe: &FitConfig) -> f64 {
    settings.dataset.map_or(0.0, |dataset| match recipe.crop {
        Crop::Patches => dataset.manifest().patch.pow(2) as f64,
        Crop::Whole => (dataset.tissue().rows() * dataset.tissue().cols()) as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn a_batch_is_cut_into_as_few_passes_as_fit() {
        // 100 MiB for the weights, 50 for each example.
        let needs = |most: usize| 100 + 50 * most as u64;
        assert_eq!(fitting(16, 900, needs), Some(16));
        assert_eq!(fitting(16, 899, needs), Some(8));
        assert_eq!(fitting(16, 410, needs), Some(6));
        assert_eq!(fitting(16, 150, needs), Some(1));
        assert_eq!(fitting(16, 149, needs), None);
    }
}
