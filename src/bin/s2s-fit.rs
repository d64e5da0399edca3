//! `s2s-fit`: trains the network on one gene of a dataset.

use clap::Parser;
use s2s::Result;
use s2s::cli::{self, DeviceChoice};
use s2s::config::Config;
use s2s::dataset::Dataset;
use s2s::images::Images;
use s2s::training::{Checkpoint, FitSettings, fit};
use std::path::PathBuf;
use std::process::ExitCode;

/// Train the network on one gene: from the measured bins of this one section, helped by natural images.
///
/// Writes GENE.safetensors (weights, in PyTorch layouts, with everything needed to use them) and GENE.fit.parquet (the
/// losses step by step). The same seed, threads and machine give the same weights.
#[derive(Parser)]
#[command(
    version,
    after_help = "Example:\n  s2s-fit --dataset SAMPLE.s2s --gene ERBB2 --config configs/quick.yaml --output ERBB2.safetensors"
)]
struct Args {
    /// The dataset that s2s-prep wrote
    #[arg(long, value_name = "SAMPLE.s2s")]
    dataset: PathBuf,
    /// The gene to learn
    #[arg(long, value_name = "NAME")]
    gene: String,
    /// The recipe; without one, that of the paper (made for a GPU)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Change one key of the recipe, for example fit.images=false; may be given more than once
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// A folder of photographs (png, jpg, tiff, webp); without one, pictures of dead leaves are made in memory
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// Where to compute: auto, cpu or cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: DeviceChoice,
    /// Number of optimiser steps; overrides the config
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Stop after this many minutes with the best weights so far
    #[arg(long, value_name = "N")]
    max_minutes: Option<f64>,
    /// Decides the first weights and every random draw
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Threads on the CPU; 0 takes every core
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// The weights; without it, GENE.safetensors in the current folder
    #[arg(long, value_name = "FILE.safetensors")]
    output: Option<PathBuf>,
}

fn main() -> ExitCode {
    cli::main(execute)
}

fn execute(args: Args) -> Result<()> {
    let mut config = Config::load(args.config.as_deref(), &args.set)?;
    config.fit.steps = args.steps.unwrap_or(config.fit.steps);
    let output = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{}.safetensors", args.gene)));
    cli::writable(&output)?;
    cli::threads(args.threads)?;
    let dataset = Dataset::open(&args.dataset)?;
    dataset.manifest().gene(&args.gene)?;
    let device = args.device.open()?;
    let images = config.fit.images.then(|| natural_images(&args)).transpose()?;
    let settings = FitSettings {
        dataset: &dataset,
        gene: &args.gene,
        network: &config.network,
        fit: &config.fit,
        images: images.as_ref(),
        seed: args.seed,
        device: &device,
        max_minutes: args.max_minutes,
    };
    let fitted = fit(&settings)?;
    Checkpoint::of(&settings, &fitted, config.to_json()?).save(&fitted, &output)
}

/// The pictures of the folder, or dead leaves where there is none.
fn natural_images(args: &Args) -> Result<Images> {
    match &args.images {
        Some(folder) => Images::from_folder(folder),
        None => Ok(Images::dead_leaves(args.seed, 24, 512)),
    }
}
