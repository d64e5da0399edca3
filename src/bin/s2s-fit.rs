//! `s2s-fit`: trains the network on genes of a dataset.

#![forbid(unsafe_code)]

use clap::{ArgGroup, Parser};
use s2s::cli;
use s2s::compute::{DeviceChoice, StopFlag};
use s2s::config::{Config, RECIPES, Recipe};
use s2s::dataset::Dataset;
use s2s::images::{Bank, Images};
use s2s::section::Scale;
use s2s::training::Estimate;
use s2s::training::stage::{self, Job, Task};
use s2s::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Train the network on genes: from the measured bins of this one section, helped by natural images.
///
/// Writes GENE.safetensors (weights, in PyTorch layouts, with everything needed to use them) and GENE.fit.parquet (the
/// losses step by step). The same seed, threads and machine give the same weights.
///
/// While it runs, GENE.ckpt is kept beside them. SIGTERM, SIGINT and SIGUSR1 make it save and exit with 75: run the same
/// command again, and it goes on where it stopped, with the same result as if it never had. What is done is skipped.
#[derive(Parser)]
#[command(
    name = "s2s-fit",
    override_usage = "s2s-fit [OPTIONS] SAMPLE.s2s --gene NAME
       s2s-fit [OPTIONS] SAMPLE.s2s --genes A,B|FILE|all
       s2s-fit [OPTIONS] --images-only",
    group(ArgGroup::new("section").required(true).args([&cli::DatasetArgument::NAMES[..], &["images_only"]].concat())),
    group(ArgGroup::new("what").required(true).args(["gene", "genes", "images_only"])),
    after_help = cli::below_help("Examples:
  s2s-fit SAMPLE.s2s --gene ERBB2 -o ERBB2.safetensors
  s2s-fit SAMPLE.s2s --genes panel.txt -o fits
  s2s-fit SAMPLE.s2s --genes all --joint --finetune 200 -o fits
  s2s-fit SAMPLE.s2s --gene ERBB2 --config paper --device cuda:0 -o ERBB2.safetensors
  s2s-fit --images-only --images photographs -o prior.safetensors", cli::SAVED)
)]
struct Args {
    #[command(flatten)]
    dataset: cli::DatasetArgument,
    /// The gene to learn
    #[arg(long, value_name = "NAME")]
    gene: Option<String>,
    /// The genes to learn: separated by commas, a file with one per line, or all of the dataset
    #[arg(short, long, value_name = "A,B|FILE|all")]
    genes: Option<String>,
    /// Learn from natural images alone: a network for --init
    #[arg(long)]
    images_only: bool,
    /// One network for all of --genes, written as joint.safetensors; by quick and standard it sees the images of the section
    #[arg(long, requires = "genes")]
    joint: bool,
    /// After --joint, a network for each gene that starts from it and is trained for so many steps; 0 as in --steps
    #[arg(long, value_name = "STEPS", requires = "joint")]
    finetune: Option<usize>,
    /// Start from the weights of this network instead of random ones
    #[arg(long, value_name = "FILE.safetensors")]
    init: Option<PathBuf>,
    /// The recipe: quick, standard, paper (made for a GPU) or a file; auto is standard for --joint, else quick
    #[arg(short, long, value_name = "auto|quick|standard|paper|FILE", default_value = AUTO)]
    config: PathBuf,
    /// Print a recipe, to change it in a file, and do nothing else
    #[arg(long, value_name = "NAME", exclusive = true, value_parser = cli::one_of(recipes()))]
    print_config: Option<&'static Recipe>,
    /// Change one key of the recipe, for example fit.images=false; may be given more than once
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// A folder of photographs (png, jpg, tiff, webp); without one, pictures of dead leaves are made in memory
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// Where to compute: auto, cpu, cuda:N or vulkan:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: DeviceChoice,
    /// Number of optimiser steps; overrides the recipe. 0 goes over all patches as often as fit.epochs says
    #[arg(long, visible_alias = "steps", value_name = "N")]
    max_steps: Option<usize>,
    /// Stop each network after this many minutes with the best weights so far
    #[arg(long, value_name = "N")]
    max_minutes: Option<f64>,
    /// Stop after this many steps without a lower held-out error, 0 never; overrides the recipe
    #[arg(long, value_name = "N")]
    patience: Option<usize>,
    /// Decides the first weights and every random draw
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Threads on the CPU; 0 takes every core
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Minutes between two writings of the checkpoint
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    checkpoint_minutes: f64,
    /// Start over where there is a checkpoint or a result, of this run or of another
    #[arg(long)]
    restart: bool,
    /// Replace the results of runs with other settings; what is done is still skipped
    #[arg(long)]
    force: bool,
    /// Write the weights at every look at the held-out bins into this folder, to study when to stop
    #[arg(long, value_name = "DIR", conflicts_with = "genes")]
    snapshots: Option<PathBuf>,
    /// Only say what it would cost: parameters, patches, memory, time
    #[arg(long)]
    dry_run: bool,
    /// With --dry-run: as JSON
    #[arg(long, requires = "dry_run")]
    json: bool,
    /// With --gene or --images-only the weights, by default GENE.safetensors or prior.safetensors; with --genes a folder, by
    /// default the current one
    #[arg(short, long, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
}

#[global_allocator]
static MEMORY: cli::Memory = cli::Memory;

fn main() -> ExitCode {
    cli::main(option_env!("S2S_COMMIT"), execute)
}

/// The value of `--config` that leaves the choice to us.
const AUTO: &str = "auto";

fn execute(args: Args) -> Result<()> {
    if let Some(recipe) = args.print_config {
        return cli::print(recipe.text);
    }
    // Before anything that takes time: a signal while data are read then ends as one during training does.
    let stop = StopFlag::watch()?;
    cli::threads(args.threads, cli::Asking::Works)?;
    let dataset = args.dataset.path().map(Dataset::open).transpose()?;
    let config = config(&args, dataset.as_ref())?;
    let task = task(&args, dataset.as_ref())?;
    let scale = match &dataset {
        Some(dataset) => dataset.lattice().scale,
        None => Scale::new(config.prep.scale)?,
    };
    // Before images are laid out for it.
    config.network.check()?;
    config.fit.check(scale)?;
    let device = args.device.open()?;
    let images = config.fit.images.then(|| natural_images(&args)).transpose()?;
    let command = cli::command_line();
    let images = images.map(|images| Bank::new(images, config.fit.image_patch, &device)).transpose()?;
    let job = Job {
        dataset: dataset.as_ref(),
        scale,
        network: &config.network,
        fit: &config.fit,
        config: config.to_json()?,
        command: &command,
        images: images.as_ref(),
        init: args.init.as_deref(),
        seed: args.seed,
        device: &device,
        max_minutes: args.max_minutes,
        save_every: Duration::try_from_secs_f64(args.checkpoint_minutes * 60.0).map_err(|_| {
            Error::Usage(format!("--checkpoint-minutes {}: expected minutes, 0 or more", args.checkpoint_minutes))
        })?,
        snapshots: args.snapshots.as_deref(),
        restart: args.restart,
        force: args.force,
        stop: &stop,
    };
    if args.dry_run { tell(&stage::cost(&job, &task)?, args.json) } else { stage::run(&job, &task) }
}

fn config(args: &Args, dataset: Option<&Dataset>) -> Result<Config> {
    let recipe = recipe(args);
    let config = Config::load(Some(&recipe), &[])?;
    let config = match guides(args, &recipe, dataset) {
        0 => config,
        count => {
            tracing::info!("guides: the network sees the {count} of the images. --set fit.stains=0 leaves them out");
            config.guided(count)
        }
    };
    let mut config = config.changed(&args.set)?;
    config.fit.steps = args.max_steps.unwrap_or(config.fit.steps);
    if args.max_minutes.is_some_and(|minutes| minutes.is_nan() || minutes <= 0.0) {
        return Err(Error::Usage("--max-minutes: expected minutes above 0".to_owned()));
    }
    config.fit.patience = args.patience.unwrap_or(config.fit.patience);
    if let Some(dataset) = dataset.filter(|_| config.fit.images && !set(args, "fit.image_patch")) {
        config.fit.image_patch = subsampled_twice(config.fit.image_patch, dataset.lattice().scale);
    }
    Ok(config)
}

/// Whether a key was set by hand.
fn set(args: &Args, key: &str) -> bool {
    args.set.iter().any(|change| change.split('=').next().is_some_and(|set| set.trim() == key))
}

/// The side of natural images that a recipe has, for whatever section: less where it cannot be subsampled twice.
fn subsampled_twice(side: usize, scale: Scale) -> usize {
    let block = scale.get().pow(2);
    if side == 0 || side.is_multiple_of(block) {
        return side;
    }
    let fitting = block.max(side / block * block);
    tracing::info!("fit.image_patch: {fitting} for {side}, which is no multiple of scale² = {block}");
    fitting
}

/// How many guides the network of a panel sees without being asked: those of images, by recipes of ours that have them, unless first weights
/// or `--set` say what goes in.
fn guides(args: &Args, recipe: &Path, dataset: Option<&Dataset>) -> usize {
    let named = recipe.to_str().and_then(Recipe::named);
    let by_hand = args.init.is_some() || set(args, "fit.stains") || set(args, "network.input_channels");
    let guided = args.joint && !by_hand && named.is_some_and(|recipe| recipe.guided);
    dataset.filter(|_| guided).map_or(0, |dataset| dataset.manifest().image_guides())
}

/// The recipe that was given. By default the one whose price a laptop can pay, for what is fitted: the paper's, hours a gene without
/// a GPU, has to be asked for.
fn recipe(args: &Args) -> PathBuf {
    if args.config.as_os_str() != AUTO {
        return args.config.clone();
    }
    let name = if args.joint { "standard" } else { "quick" };
    tracing::info!("recipe: {name}. --config chooses another, --print-config {name} shows it");
    PathBuf::from(name)
}

/// The recipes, as `--print-config` has them.
fn recipes() -> [(&'static Recipe, &'static str, &'static str); 3] {
    RECIPES.each_ref().map(|recipe| (recipe, recipe.name, recipe.about))
}

fn task(args: &Args, dataset: Option<&Dataset>) -> Result<Task> {
    let output = |default: String| args.output.clone().unwrap_or_else(|| PathBuf::from(default));
    let Some(dataset) = dataset else { return Ok(Task::Images(output("prior.safetensors".to_owned()))) };
    let known = |gene: &String| dataset.manifest().gene(gene).map(drop);
    if let Some(gene) = &args.gene {
        known(gene).map_err(|error| match gene.contains(',') {
            true => Error::Usage(format!("--gene {gene}: is one gene. Several are --genes {gene}, into a folder")),
            false => error,
        })?;
        return Ok(Task::Gene(gene.clone(), output(format!("{}.safetensors", s2s::files::file_name(gene)))));
    }
    let genes = match args.genes.as_deref() {
        Some("all") | None => dataset.manifest().genes.iter().map(|gene| gene.name.clone()).collect(),
        Some(given) => cli::genes(given)?,
    };
    genes.iter().try_for_each(known)?;
    let folder = output(".".to_owned());
    if folder.extension().is_some_and(|extension| extension == "safetensors") && !folder.is_dir() {
        let given = folder.display();
        return Err(Error::Usage(format!(
            "--output {given}: --genes writes a file for each gene. Give a folder, or --gene"
        )));
    }
    Ok(if args.joint { Task::Joint(genes, folder, args.finetune) } else { Task::Genes(genes, folder) })
}

/// Says what a fit would cost on stdout: a table, or as JSON one object.
fn tell(costs: &[Estimate], json: bool) -> Result<()> {
    if json {
        let whole = serde_json::json!({
            "parameters": costs.first().map(|cost| cost.parameters),
            "memory_mib": costs.iter().filter_map(|cost| cost.memory_mib).max(),
            "minutes": costs.iter().map(|cost| cost.minutes).sum::<f64>(),
            "parts": costs,
        });
        return cli::print(&format!("{whole}\n"));
    }
    cli::print(&costs.iter().map(table).collect::<String>())
}

fn table(cost: &Estimate) -> String {
    let memory = cost.memory_mib.map_or("unknown".to_owned(), |mib| format!("about {mib} MiB"));
    let memory = cost.gpu_mib.map_or(memory.clone(), |free| format!("{memory} of {free} MiB free on the GPU"));
    format!(
        "networks    {} of {} parameters
patches     {}
steps       {} at most, about {:.3} s each on this machine
time        about {}, less if the held-out bins end it sooner
memory      {memory}\n",
        cost.networks,
        cost.parameters,
        cost.patches,
        cost.steps,
        cost.seconds_per_step,
        duration(cost.minutes)
    )
}

/// So many minutes, as hours or days where they are many.
fn duration(minutes: f64) -> String {
    match minutes {
        ..=120.0 => format!("{minutes:.1} minutes"),
        ..=2880.0 => format!("{:.1} hours", minutes / 60.0),
        _ => format!("{:.1} days", minutes / 1440.0),
    }
}

/// The pictures of the folder, or dead leaves where there is none.
fn natural_images(args: &Args) -> Result<Images> {
    match &args.images {
        Some(folder) => Images::from_folder(folder),
        None => Ok(Images::dead_leaves(args.seed, 24, 512)),
    }
}
