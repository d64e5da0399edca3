//! What a training step asks of a GPU: the kernels that it launches, by name, in the forward pass, the backward pass and Adam.
//!
//!     cargo bench --features vulkan --bench launches -- --device vulkan:0 [--config FILE] [--patch 16] [--examples 1]
//!
//! Counts and times nothing, so that a software adapter tells what a GPU of the same runtime would. A convolution or a
//! product of matrices may be one kernel or several, as tuning found fastest. BURN_FUSION_MAX_EXPLORATIONS=0 counts without fusion.

use burn::cubecl::config::{TypeNameFormatLevel, type_name_format};
use burn::cubecl::logging::{LaunchObservation, LaunchObserver};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use clap::Parser;
use s2s::cli;
use s2s::compute::{DeviceChoice, device_error};
use s2s::config::Config;
use s2s::network::{InputConfig, flatten, flatten_gradients, unflatten};
use s2s::section::Scale;
use s2s::training::{Adam, Batch, Objective};
use s2s::{Error, Result};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// Count the kernels that a training step launches.
#[derive(Parser)]
struct Args {
    /// Where to compute: cuda:N or vulkan:N
    #[arg(long)]
    device: DeviceChoice,
    /// The recipe; without one, the paper's
    #[arg(long)]
    config: Option<PathBuf>,
    /// Side in pixels of the dense images
    #[arg(long, default_value_t = 16)]
    patch: usize,
    /// Examples of the section, and as many images
    #[arg(long, default_value_t = 1)]
    examples: usize,
    /// Steps before the one that is counted: they tune the kernels and find what to fuse
    #[arg(long, default_value_t = 3)]
    warmup: usize,
    /// Written by `cargo bench`; of no use here
    #[arg(long, hide = true)]
    bench: bool,
}

/// How often each kernel was launched.
#[derive(Default)]
struct Counts(Mutex<BTreeMap<&'static str, usize>>);

impl LaunchObserver for Counts {
    fn launched(&self, kernel: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(kernel).or_default() += 1;
    }
}

/// What `work` gives, and what it launches.
fn counted<R>(device: &Device, work: impl FnOnce() -> R) -> Result<(R, BTreeMap<&'static str, usize>)> {
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

/// Tissue and measured bins everywhere.
fn batch(args: &Args, input: &InputConfig, device: &Device) -> Batch {
    let values = blobs(args.examples, args.patch / input.scale, device);
    let ones = (0..2 + input.components).map(|_| values.ones_like());
    let section = Tensor::cat(std::iter::once(values.clone()).chain(ones).collect(), 1);
    Batch { section: Some(section), images: Some(blobs(args.examples, args.patch, device)), dense: true }
}

/// The phases of a training step, in order.
const PHASES: [&str; 3] = ["forward", "backward", "Adam"];

/// What each phase of a step launches, once the steps before it have tuned and fused.
fn step(args: &Args, config: &Config, device: &Device) -> Result<[BTreeMap<&'static str, usize>; 3]> {
    let scale = Scale::new(config.prep.scale)?;
    let autodiff = device.clone().autodiff();
    let recipe = Objective { input: config.fit.input(scale), lambda: config.fit.lambda, distance: config.fit.loss };
    let batch = batch(args, &recipe.input, &autodiff);
    let mut net = config.network.init(0, &autodiff);
    let mut weights = flatten(&net);
    let mut adam = Adam::new(&weights);
    let mut launched = Default::default();
    for made in 0..=args.warmup {
        device.sync().map_err(|error| device_error(&error.to_string()))?;
        let (losses, forward) = counted(device, || recipe.losses(&net, batch.clone()))?;
        let (gradient, backward) =
            counted(device, || flatten_gradients(&net, GradientsParams::from_grads(losses.total.backward(), &net)))?;
        let (after, update) = counted(device, || {
            let after = adam.step(&config.fit, weights.clone(), gradient, config.fit.learning_rate, made + 1);
            (unflatten(&net, &after, true), after)
        })?;
        (net, weights) = after;
        launched = [forward, backward, update];
    }
    Ok(launched)
}

fn count(args: Args) -> Result<()> {
    if matches!(args.device, DeviceChoice::Cpu | DeviceChoice::Auto) {
        return Err(Error::Usage("--device: expected cuda:N or vulkan:N: the CPU launches no kernels".to_owned()));
    }
    let config = Config::load(args.config.as_deref(), &[])?;
    let phases = step(&args, &config, &args.device.open()?)?;
    let mut names: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    for (phase, launched) in phases.iter().enumerate() {
        for (name, times) in launched {
            names.entry(type_name_format(name, TypeNameFormatLevel::Short)).or_default()[phase] += times;
        }
    }
    let mut rows: Vec<_> = names.into_iter().collect();
    rows.sort_by_key(|(_, times)| std::cmp::Reverse(times.iter().sum::<usize>()));
    let total = |phase: usize| rows.iter().map(|(_, times)| times[phase]).sum::<usize>();
    println!("| kernel | {} |\n|---|---|---|---|", PHASES.join(" | "));
    println!("| all | {} | {} | {} |", total(0), total(1), total(2));
    rows.iter().for_each(|(name, [forward, backward, adam])| println!("| {name} | {forward} | {backward} | {adam} |"));
    Ok(())
}

fn main() -> ExitCode {
    cli::main(None, count)
}
