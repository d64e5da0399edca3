//! `s2s-simulate`: makes a synthetic section.

#![forbid(unsafe_code)]

use clap::Parser;
use s2s::cli;
use s2s::compute::clean_up_on_signals;
use s2s::files::check_outside;
use s2s::simulate::{Plan, write};
use s2s::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Make a synthetic section in the layout of a Xenium bundle: a tissue with ducts, layers and islands, whose true rates are known.
///
/// Writes DIR/transcripts.parquet and DIR/experiment.xenium, and DIR/rates.parquet with the expected count of each gene in
/// each bin. The same seed gives the same section.
#[derive(Parser)]
#[command(
    name = "s2s-simulate",
    after_help = cli::below_help("Example:\n  s2s-simulate --rows 96 --cols 96 --genes 12 --seed 1 -o section", cli::ENDED)
)]
struct Args {
    /// Rows of bins
    #[arg(long, value_name = "R")]
    rows: usize,
    /// Columns of bins
    #[arg(long, value_name = "C")]
    cols: usize,
    /// Number of genes; their names tell their patterns
    #[arg(long, value_name = "N")]
    genes: usize,
    /// Decides the tissue and every molecule
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Side of a bin in µm: with it, rows and columns give the size of the section
    #[arg(long, value_name = "UM", default_value_t = 30.0, allow_negative_numbers = true)]
    bin_um: f64,
    /// Also write DIR/morphology_mip.ome.tif: a DAPI stain of nuclei that follow the tissue, for s2s-prep --image auto
    #[arg(long)]
    stain: bool,
    /// Threads on the CPU; 0 takes every core
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Replace a section that was made otherwise
    #[arg(long)]
    force: bool,
    /// Cut so many sections from one block, into DIR/section_1, section_2, …: one below the other in one frame, for s2s-prep --section
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    sections: Option<u32>,
    /// Distance of a section from the one above it in µm
    #[arg(long, value_name = "UM", default_value_t = 10.0, requires = "sections", allow_negative_numbers = true)]
    distance_um: f64,
    /// The folder to write
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

#[global_allocator]
static MEMORY: cli::Memory = cli::Memory;

fn main() -> ExitCode {
    cli::main(option_env!("S2S_COMMIT"), execute)
}

fn execute(args: Args) -> Result<()> {
    clean_up_on_signals();
    let Args { rows, cols, genes, seed, bin_um, stain, sections, distance_um, threads, force, output } = args;
    cli::threads(threads, cli::Asking::Waits)?;
    let one = |depth_um: f64, output: &Path| {
        write(&Plan { rows, cols, bin_um, genes, seed, depth_um }, output, stain, force, &cli::command_line())
    };
    let Some(sections) = sections else { return one(0.0, &output) };
    check_outside(&output)?;
    std::fs::create_dir_all(&output).map_err(|e| Error::io(&output, "create", e))?;
    (0..sections)
        .try_for_each(|number| one(f64::from(number) * distance_um, &output.join(format!("section_{}", number + 1))))
}
