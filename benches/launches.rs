//! What a training step asks of a GPU: the kernels that it launches, by name, for losses and gradient, and for Adam.
//!
//!     cargo bench --features vulkan --bench launches -- --device vulkan:0 [--config FILE] [--guides 0] [--patch 16] [--examples 1] [--scattered] [--plain]
//!
//! Counts and times nothing, so that a software adapter tells what a GPU of the same runtime would. By burn's operations
//! (`--plain`) a convolution or a product of matrices may be one kernel or several, as tuning found fastest;
//! BURN_FUSION_MAX_EXPLORATIONS=0 counts without fusion.

#[path = "../tests/common/launches.rs"]
mod launches;

use burn::cubecl::config::{TypeNameFormatLevel, type_name_format};
use clap::Parser;
use launches::{PHASES, Steps};
use s2s::cli;
use s2s::compute::DeviceChoice;
use s2s::config::Config;
use s2s::kernels::ops;
use s2s::{Error, Result};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

/// Count the kernels that a training step launches.
#[derive(Parser)]
struct Args {
    /// Where to compute: cuda:N or vulkan:N
    #[arg(long)]
    device: DeviceChoice,
    /// The recipe; without one, the paper's
    #[arg(long)]
    config: Option<PathBuf>,
    /// The network of a panel whose section has so many guides of images
    #[arg(long, default_value_t = 0)]
    guides: usize,
    /// Side in pixels of the dense images
    #[arg(long, default_value_t = 16)]
    patch: usize,
    /// Examples of the section, and as many images
    #[arg(long, default_value_t = 1)]
    examples: usize,
    /// Steps before the one that is counted: they tune the kernels and find what to fuse
    #[arg(long, default_value_t = 3)]
    warmup: usize,
    /// Of a section whose measured bins lie on no lattice
    #[arg(long)]
    scattered: bool,
    /// By burn's operations instead of our kernels
    #[arg(long)]
    plain: bool,
    /// Written by `cargo bench`; of no use here
    #[arg(long, hide = true)]
    bench: bool,
}

fn count(args: Args) -> Result<()> {
    if matches!(args.device, DeviceChoice::Cpu | DeviceChoice::Auto) {
        return Err(Error::Usage("--device: expected cuda:N or vulkan:N: the CPU launches no kernels".to_owned()));
    }
    let config = Config::load(args.config.as_deref(), &[])?;
    let config = if args.guides > 0 { config.guided(args.guides) } else { config };
    let steps = Steps { patch: args.patch, examples: args.examples, warmup: args.warmup, scattered: args.scattered };
    let device = args.device.open()?;
    let counted = || steps.count(&config, &device);
    let (phases, _) = if args.plain { ops::without(counted) } else { counted() }?;
    let mut names: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for (phase, launched) in phases.iter().enumerate() {
        for (name, times) in launched {
            names.entry(type_name_format(name, TypeNameFormatLevel::Short)).or_default()[phase] += times;
        }
    }
    let mut rows: Vec<_> = names.into_iter().collect();
    rows.sort_by_key(|(_, times)| std::cmp::Reverse(times.iter().sum::<usize>()));
    let total = |phase: usize| rows.iter().map(|(_, times)| times[phase]).sum::<usize>();
    println!("| kernel | {} |\n|---|---|---|", PHASES.join(" | "));
    println!("| all | {} | {} |", total(0), total(1));
    rows.iter().for_each(|(name, [gradient, adam])| println!("| {name} | {gradient} | {adam} |"));
    Ok(())
}

fn main() -> ExitCode {
    cli::main(None, count)
}
