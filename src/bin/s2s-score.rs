//! `s2s-score`: how good the predictions are, in figures and in pictures.

#![forbid(unsafe_code)]

use clap::{ArgGroup, Parser};
use s2s::cli;
use s2s::compute::{Progress, clean_up_on_signals};
use s2s::dataset::Mode;
use s2s::scoring;
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLE: &str = "Example:\n  s2s-score lung.s2s lung.zarr bilinear.zarr -o scores";

/// Scores predictions against the bins that a benchmark withheld, and shows them.
///
/// Writes scores.json, scores.csv and scores.parquet (MAE, RMSE, PCC and its noise ceiling, SSIM, Moran's I, Geary's C per gene
/// and method, over unmeasured and over all in-tissue bins), profiles.csv (errors by distance from the border and from measured bins, and by true value),
/// *_mqc.json for MultiQC, report.html, one file with truth, input, every prediction and its error as pictures, and of more than 12 genes genes.html, a viewer
/// of all of them. A panel of ten genes and more is also asked for its spatially variable genes, its gene–gene correlations and its clusters. A dataset prepared to impute has no truth: the report then holds maps, and
/// which genes may be used by what hidden measured bins say.
#[derive(Parser)]
#[command(name = "s2s-score", override_usage = "s2s-score [OPTIONS] SAMPLE.s2s X.zarr... -o DIR", max_term_width = 120, after_help = cli::below_help(EXAMPLE, cli::ENDED), group(ArgGroup::new("section").required(true).multiple(true).args(["paths", "dataset"])))]
struct Arguments {
    /// The dataset that s2s-prep wrote, unless --dataset gives it, and one or more predictions that s2s-predict made of it, to be
    /// shown side by side
    #[arg(value_name = "SAMPLE.s2s X.zarr")]
    paths: Vec<PathBuf>,
    /// The dataset, by a flag
    #[arg(short, long, value_name = "SAMPLE.s2s")]
    dataset: Option<PathBuf>,
    /// Predictions, by a flag
    #[arg(short, long, value_name = "X.zarr", num_args = 1..)]
    prediction: Vec<PathBuf>,
    /// What to call the predictions, in their order [default: their methods]
    #[arg(long, value_name = "NAME", num_args = 1..)]
    label: Vec<String>,
    /// The prediction, by its label, that the others are compared with bin by bin [default: bilinear, else the last one]
    ///
    /// Of every other prediction: the share of the unmeasured bins where its error is smaller (improvement_ratio) or exactly
    /// the same (tie_ratio), the mean of the differences of the errors (mean_gain), and a map of them.
    #[arg(long, value_name = "NAME")]
    reference: Option<String>,
    /// The folder to write, which appears as a whole; that of the same run is replaced
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Threads on the CPU; 0 takes every core
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Replace the scores and plots of another run
    #[arg(long)]
    force: bool,
    /// Write the plots as files, too, into this folder: a figure of every gene and the charts as SVG, the maps as PNG
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
}

#[global_allocator]
static MEMORY: cli::Memory = cli::Memory;

fn main() -> ExitCode {
    cli::main(option_env!("S2S_COMMIT"), run)
}

/// The dataset and the predictions, each by its place or by its flag.
fn what(arguments: &Arguments) -> s2s::Result<(PathBuf, Vec<PathBuf>)> {
    let mut places = arguments.paths.iter().cloned();
    let dataset = arguments.dataset.clone().or_else(|| places.next());
    let predictions: Vec<PathBuf> = places.chain(arguments.prediction.iter().cloned()).collect();
    match dataset {
        Some(dataset) if !predictions.is_empty() => Ok((dataset, predictions)),
        _ => Err(s2s::Error::Usage(
            "expected a dataset and a prediction of it: s2s-score SAMPLE.s2s X.zarr --output DIR".to_owned(),
        )),
    }
}

fn run(arguments: Arguments) -> s2s::Result<()> {
    clean_up_on_signals();
    cli::threads(arguments.threads, cli::Asking::Works)?;
    let (dataset, prediction) = what(&arguments)?;
    let Arguments { label, reference, output, plots, force, .. } = arguments;
    let names = scoring::Names { labels: &label, reference: reference.as_deref() };
    let job = scoring::Job {
        dataset: &dataset,
        predictions: &prediction,
        names,
        output: scoring::Target { folder: &output, plots: plots.as_deref() },
        force,
        command: &cli::command_line(),
    };
    let mut bar = None;
    let progress = |done: usize, all: usize, gene: &str| {
        bar.get_or_insert_with(|| Progress::new("s2s-score", "genes", all as u64)).at(done as u64, || gene.to_owned());
    };
    let outcome = scoring::run(&job, progress)?;
    if let Some(bar) = bar {
        bar.finish(&format!("wrote {}", output.join("report.html").display()));
    }
    match outcome.mode {
        Mode::Benchmark => tracing::info!("{}", scoring::text(&outcome).trim_end()),
        Mode::Impute => {
            let told = "No truth: the dataset was prepared to impute, so the report holds maps, what to expect of genes, and no scores.";
            tracing::info!("{}\n{told}", scoring::verdicts(&outcome).join("\n"));
        }
    }
    for warning in &outcome.warnings {
        tracing::warn!("{warning}");
    }
    Ok(())
}
