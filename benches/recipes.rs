//! What a recipe's steps cost on the CPU kernels, beside burn's plain operations.
//!
//!     cargo bench --bench recipes -- --dataset SAMPLE.s2s --gene NAME [--steps 64] [--rounds 3]
//!
//! Whole runs of `s2s-fit`'s training by configs/quick.yaml and configs/standard.yaml, shortened to a few steps, in turns:
//! natural images, looks at the held-out bins and the dense loss join as often as the recipe says.

use burn::tensor::Device;
use clap::Parser;
use s2s::config::Config;
use s2s::dataset::Dataset;
use s2s::images::{Bank, Images};
use s2s::kernels::ops;
use s2s::section::median;
use s2s::training::{FitSettings, Saving, fit};
use std::path::{Path, PathBuf};

#[derive(Parser)]
struct Arguments {
    /// The dataset that s2s-prep wrote.
    #[arg(long)]
    dataset: PathBuf,
    /// The gene to train.
    #[arg(long)]
    gene: String,
    /// Steps of a turn.
    #[arg(long, default_value_t = 64)]
    steps: usize,
    /// Turns that each side takes.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Seconds of a run.
fn seconds(config: &Config, dataset: &Dataset, gene: &str, images: &Bank) -> f64 {
    let fitted = fit(&FitSettings {
        dataset: Some(dataset),
        genes: &[gene.to_owned()],
        scale: dataset.lattice().scale,
        network: &config.network,
        fit: &config.fit,
        images: Some(images),
        init: None,
        seed: 1,
        device: &Device::flex(),
        max_minutes: None,
        saving: Saving::default(),
    });
    fitted.unwrap_or_else(|e| panic!("{e}")).seconds
}

fn main() {
    let arguments = Arguments::parse();
    let dataset = Dataset::open(&arguments.dataset).unwrap_or_else(|e| panic!("{e}"));
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    println!("{} threads, {} steps, {} rounds", rayon::current_num_threads(), arguments.steps, arguments.rounds);
    println!("recipe         kernels            burn   kernels / burn");
    for name in ["quick.yaml", "standard.yaml"] {
        let set = [format!("fit.steps={}", arguments.steps), "fit.patience=0".to_owned()];
        let config = Config::load(Some(&configs.join(name)), &set).unwrap_or_else(|e| panic!("{e}"));
        let images =
            Bank::new(Images::dead_leaves(0, 8, 256), config.fit.image_patch, &Device::flex()).expect("few images");
        let run = || seconds(&config, &dataset, &arguments.gene, &images) / arguments.steps as f64 * 1e3;
        let (mut ours, mut plain) = (Vec::new(), Vec::new());
        for _ in 0..arguments.rounds {
            ours.push(run());
            plain.push(ops::without(run));
        }
        let [ours, plain] = [ours, plain].map(|times| median(times).unwrap_or(f64::NAN));
        println!("{name:<13} {ours:6.1} ms/step {plain:7.1} ms/step {:6.2}", ours / plain);
    }
}
