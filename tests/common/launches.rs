//! The kernels that a training step launches.

use burn::cubecl::logging::{LaunchObservation, LaunchObserver};
use burn::tensor::{Device, Tensor, TensorData};
use s2s::compute::device_error;
use s2s::config::Config;
use s2s::network::{InputConfig, flatten, trainable};
use s2s::section::Scale;
use s2s::training::{Adam, Batch, Objective};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How often each kernel was launched.
pub type Launches = BTreeMap<&'static str, usize>;

#[derive(Default)]
struct Counts(Mutex<Launches>);

impl LaunchObserver for Counts {
    fn launched(&self, kernel: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(kernel).or_default() += 1;
    }
}

/// What `work` gives, and what it launches.
fn counted<R>(device: &Device, work: impl FnOnce() -> R) -> s2s::Result<(R, Launches)> {
    let counts = Arc::new(Counts::default());
    let watching = LaunchObservation::new(counts.clone());
    let made = work();
    // What is fused waits until it is asked for.
    device.sync().map_err(|error| device_error(&error.to_string()))?;
    drop(watching);
    let launched = std::mem::take(&mut *counts.0.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((made, launched))
}

/// Blobs of a few pixels.
fn blobs(count: usize, side: usize, device: &Device) -> Tensor<4> {
    let value = |i: usize| ((i % side) as f32 * 0.37).sin().abs() + ((i / side) as f32 * 0.23).cos().abs();
    Tensor::from_data(
        TensorData::new((0..count * side * side).map(value).collect::<Vec<_>>(), [count, 1, side, side]),
        device,
    )
}

/// The steps that are looked at.
pub struct Steps {
    /// Side in pixels of the dense images.
    pub patch: usize,
    /// Examples of the section, and as many images.
    pub examples: usize,
    /// Steps before the one that is counted: they tune the kernels and find what to fuse.
    pub warmup: usize,
    /// Of a section whose measured bins lie on no lattice.
    pub scattered: bool,
}

impl Steps {
    /// Tissue and measured bins everywhere.
    fn batch(&self, input: &InputConfig, device: &Device) -> Batch {
        let with = |values: Tensor<4>, known: usize| {
            let ones = (0..known).map(|_| values.ones_like());
            Tensor::cat(std::iter::once(values.clone()).chain(ones).collect(), 1)
        };
        // Without a lattice, masks say which bins are measured, and which are left one step sparser.
        let (masks, of_images) = if input.scattered { (1, 2) } else { (0, 0) };
        let known = 2 + input.components + input.stains * input.factor().pow(2) + masks;
        let section = with(blobs(self.examples, self.patch / input.factor(), device), known);
        let images = with(blobs(self.examples, self.patch, device), of_images);
        Batch { section: Some(section), genes: vec![0; self.examples], images: Some(images), dense: true }
    }

    /// What each phase of a step, [`PHASES`], launches by this recipe; and the loss of every step.
    pub fn count(&self, config: &Config, device: &Device) -> s2s::Result<([Launches; 2], Vec<f32>)> {
        let scale = Scale::new(config.prep.scale)?;
        let autodiff = device.clone().autodiff();
        let input = InputConfig { scattered: self.scattered, ..config.fit.input(scale) };
        let recipe = Objective { input, lambda: config.fit.lambda, distance: config.fit.loss };
        let batch = self.batch(&recipe.input, &autodiff);
        // Of two genes, if they have embeddings.
        let net = config.network.init(0, device).for_genes(&[None; 2], 0, device);
        let mut weights = flatten(&net);
        let mut adam = Adam::new(&weights);
        let (mut launched, mut seen) = (Default::default(), Vec::new());
        for made in 0..=self.warmup {
            device.sync().map_err(|error| device_error(&error.to_string()))?;
            let ((total, gradient), pass) = counted(device, || {
                let (losses, gradient) = recipe.gradient(&trainable(&net, &weights), &batch, self.examples);
                (losses.total, gradient)
            })?;
            let update = counted(device, || {
                weights
                    .inplace(|weights| adam.step(&config.fit, weights, gradient, config.fit.learning_rate, made + 1));
            })?;
            launched = [pass, update.1];
            seen.push(total.into_scalar::<f32>());
        }
        Ok((launched, seen))
    }
}

/// The phases of a training step, in order.
#[allow(dead_code, reason = "the benchmark prints them")]
pub const PHASES: [&str; 2] = ["losses and gradient", "Adam"];
