//! `s2s-predict`: imputes the unmeasured bins of a dataset.

#![forbid(unsafe_code)]

use clap::{ArgGroup, Parser};
use s2s::cli;
use s2s::compute::{DeviceChoice, clean_up_on_signals};
use s2s::config::Config;
use s2s::dataset::Dataset;
use s2s::imputation::{Baseline, Expert, Job, Method, NetworkImputer, Output, PredictSettings, Source, run};
use s2s::{Error, Result, ingest};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Predict every in-tissue bin of a section: by experts, by networks that s2s-fit trained, or by interpolation.
///
/// Writes a SpatialData store (Zarr v3): the image `imputed` with a channel per gene, the labels `tissue` and `measured`, and
/// the table `bins` (AnnData). Measured bins keep exactly their values; bins outside the tissue are NaN. A share --coverage of
/// the unmeasured bins is to lie in the intervals. blend, forest, and networks beside the experts (quick and standard) also write
/// `median`, `lower` and `upper` (the interval), `detected`, `smoothed`, and half widths as `uncertainty` and
/// `smoothed_uncertainty`. Networks alone (predict.network_share 1) that held bins out write `uncertainty`: their interval is
/// imputed ± uncertainty, cut at 0.
///
/// With --into, many runs write their genes into one store at the same time; a run that was killed is run again.
#[derive(Parser)]
#[command(name = "s2s-predict", override_usage = "s2s-predict [OPTIONS] SAMPLE.s2s --method METHOD -o SAMPLE.zarr
       s2s-predict [OPTIONS] SAMPLE.s2s --model FILE|FOLDER... -o SAMPLE.zarr
       s2s-predict [OPTIONS] SAMPLE.s2s ... --into SAMPLE.zarr", group(ArgGroup::new("section").required(true).args(cli::DatasetArgument::NAMES)),
    group(ArgGroup::new("source").required(true).args(["model", "method"])),
    group(ArgGroup::new("target").required(true).args(["output", "into"])), after_help = cli::below_help("Examples:
  s2s-predict SAMPLE.s2s --method blend -o SAMPLE.zarr
  s2s-predict SAMPLE.s2s --model fits -o SAMPLE.zarr
  s2s-predict SAMPLE.s2s --method bilinear --genes ERBB2,XBP1 -o bilinear.zarr
  s2s-predict SAMPLE.s2s --method blend --counts --cells cell_boundaries.parquet -o SAMPLE.zarr
  s2s-predict SAMPLE.s2s --model ERBB2.safetensors --into SAMPLE.zarr --panel genes.txt", cli::ENDED))]
struct Args {
    #[command(flatten)]
    dataset: cli::DatasetArgument,
    /// Networks that s2s-fit wrote, one per gene or one for a panel, or folders of them
    #[arg(short, long, value_name = "FILE|FOLDER", num_args = 1..)]
    model: Vec<PathBuf>,
    /// Without networks: the experts (blend is their mean), or the interpolations to compare with
    #[arg(long, value_name = "METHOD", value_parser = cli::one_of(methods()))]
    method: Option<Method>,
    /// The genes, separated by commas, or a file with one per line; without it, or with all, all that the networks know, or with
    /// --method all of the dataset
    #[arg(short, long, value_name = "A,B|FILE|all")]
    genes: Option<String>,
    /// The share of unmeasured bins that the intervals around the prediction are to hold, from 0.5 to 0.99 [default:
    /// predict.coverage of the recipe, 0.9]
    #[arg(long, value_name = "SHARE")]
    coverage: Option<f64>,
    /// Bins of the tissue that are farther than this from every measured one get no value (NaN) [default: around holes the distance at which
    /// 5 % of the likeness of bins is left, by the variogram of the panel's first component; elsewhere none]
    #[arg(long, value_name = "µm")]
    max_distance_um: Option<f64>,
    /// Also impute the totals of bins, and write the layer expected_counts: (the mean of normalised counts) · total / target
    ///
    /// It needs --method blend or forest, or networks beside the experts. These are expectations, smooth and without the noise of counts: no test of
    /// differences may take them for observations.
    #[arg(long)]
    counts: bool,
    /// Also write the table `cells`: cells × genes, by the area that cells share with the bins
    ///
    /// Boundaries (GeoJSON, or a table with cell_id, vertex_x and vertex_y) or middles (cell_id, x_centroid and y_centroid) in µm, as Parquet or CSV.
    /// With --into, all runs give the same.
    #[arg(long, value_name = "FILE")]
    cells: Option<PathBuf>,
    /// For --cells whose coordinates are pixels: µm per pixel, or a file with the map to µm
    #[arg(long, value_name = "µm|FILE", requires = "cells")]
    cells_transform: Option<String>,
    /// The recipe: quick, standard, paper or a file, for its section predict; without it that of the first network's fit
    #[arg(short, long, value_name = "quick|standard|paper|FILE")]
    config: Option<PathBuf>,
    /// Change one key of the recipe, for example predict.turns=false; may be given more than once
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Where to compute: auto, cpu, cuda:N or vulkan:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: DeviceChoice,
    /// Threads on the CPU; 0 takes every core
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// With --output: replace the store of another run
    #[arg(long, conflicts_with = "into")]
    force: bool,
    /// The store to write, whole or not at all
    #[arg(short, long, value_name = "SAMPLE.zarr")]
    output: Option<PathBuf>,
    /// The store to write these genes into; other runs may write others at the same time. Made where there is none
    #[arg(long, value_name = "SAMPLE.zarr")]
    into: Option<PathBuf>,
    /// The genes that a store made by --into has room for, separated by commas, or a file with one per line; without it all of
    /// the dataset
    #[arg(long, value_name = "A,B|FILE", conflicts_with = "output")]
    panel: Option<String>,
}

#[global_allocator]
static MEMORY: cli::Memory = cli::Memory;

fn main() -> ExitCode {
    cli::main(option_env!("S2S_COMMIT"), execute)
}

fn execute(args: Args) -> Result<()> {
    clean_up_on_signals();
    cli::threads(args.threads, cli::Asking::Works)?;
    let dataset = Dataset::open(args.dataset.path().unwrap_or(Path::new("")))?;
    let genes = cli::chosen(args.genes.as_deref())?.unwrap_or_default();
    let source = match args.method {
        Some(method) => Source::Method(method),
        None => {
            let device = args.device.open()?;
            Source::Networks(NetworkImputer::open_all(&args.model, &dataset, &device)?)
        }
    };
    if let (Some(share), Some(method)) = (args.coverage, args.method.filter(|method| !method.tells_distribution())) {
        return Err(Error::Usage(format!(
            "--coverage {share}: {method} tells no intervals. Leave it out, or choose --method blend or forest, or networks"
        )));
    }
    let mut config = config(&args, &source)?;
    config.predict.coverage = args.coverage.unwrap_or(config.predict.coverage);
    config.predict.max_distance_um = args.max_distance_um.or(config.predict.max_distance_um);
    config.predict.counts |= args.counts;
    config.predict.check()?;
    let cells = args.cells.as_deref();
    let cells = cells.map(|path| ingest::cells(path, args.cells_transform.as_deref(), &dataset.manifest().grid));
    let cells = cells.transpose()?;
    let panel = cli::chosen(args.panel.as_deref())?;
    let output = match (&args.output, &args.into) {
        (Some(path), _) => Output::New(path),
        (None, Some(path)) => Output::Into(path, panel.as_deref()),
        (None, None) => return Err(Error::Usage("give --output or --into".to_owned())),
    };
    run(&Job {
        settings: PredictSettings { dataset: &dataset, source, genes: &genes, config: &config.predict },
        output,
        force: args.force,
        cells: cells.as_ref(),
        command: &cli::command_line(),
    })
}

/// The methods without a network, as `--method` has them.
fn methods() -> [(Method, &'static str, &'static str); 9] {
    Method::ALL.map(|method| {
        let help = match method {
            Method::Baseline(Baseline::Nearest) => "The measured bin of the same block",
            Method::Baseline(Baseline::Bilinear) => "Distance-weighted mean of the four measured bins around",
            Method::Baseline(Baseline::Bicubic) => "Cubic convolution of the sixteen measured bins around",
            Method::Baseline(Baseline::Idw) => "Inverse distance weighting: mean of the 12 nearest measured bins by 1 / distance²",
            Method::Baseline(Baseline::Kriging) => {
                "Ordinary kriging of the 16 nearest measured bins, with an exponential variogram and a nugget fitted to each gene"
            }
            Method::Expert(Expert::Smoothed) => {
                "Measured bins averaged with those most alike in expression and surroundings, then bilinear"
            }
            Method::Expert(Expert::Cokriging) => "Cokriging of the gene with the panel's first eight components",
            Method::Expert(Expert::Forest) => "Mean of a regression forest on what the surroundings say of the panel's components",
            Method::Expert(Expert::Blend) => {
                "Mean of kriging, smoothed, cokriging and forest, weighted for each gene, with the forest's median and intervals: the best without a network"
            }
        };
        (method, method.name(), help)
    })
}

/// The config that was given; without one, that of the first network's fit.
fn config(args: &Args, source: &Source) -> Result<Config> {
    let first = match source {
        Source::Networks(networks) => networks.first(),
        Source::Method(_) => None,
    };
    match (&args.config, first) {
        (None, Some(network)) => Config::of_provenance(&network.metadata().1.provenance.config).changed(&args.set),
        (given, _) => Config::load(given.as_deref(), &args.set),
    }
}
