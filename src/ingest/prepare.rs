//! The stage `s2s-prep`: from the arguments to the dataset and the summary.

use super::accumulator::Accumulator;
use super::arguments::Arguments;
use super::detect::{Platform, Source, detect};
use super::features::Features;
use super::frame::{Framed, frame};
use super::intake::{Collector, Tally};
use super::key::Binning;
use super::{csv, xenium};
use crate::cli::{self, peak_memory_mib};
use crate::config::PrepConfig;
use crate::dataset::{self, Dataset, Manifest, Mode, Settings};
use crate::files;
use crate::provenance::{Input, Provenance};
use crate::section::{Lattice, Scale};
use crate::{Error, Result};
use std::collections::BTreeSet;
use std::num::NonZero;
use std::time::Instant;

/// The largest S. Beyond it, less than one bin in a thousand would be measured.
const MAX_SCALE: usize = 32;

/// Runs `s2s-prep`: reads `arguments.input`, writes the dataset `arguments.output`, tells stderr what it did.
///
/// Errors are those of the exit codes in `--help`; an error leaves nothing behind.
pub fn run(arguments: Arguments) -> Result<()> {
    let start = Instant::now();
    let config = arguments.merged()?;
    let binning = binning(&config)?;
    let selection = arguments.genes.as_deref().map(cli::genes).transpose()?.map(BTreeSet::from_iter);
    let source = detect(&arguments.input, arguments.platform.platform())?;
    if let (Platform::Xenium, [flag, ..]) = (source.platform, arguments.csv_flags().as_slice()) {
        return Err(Error::Usage(format!(
            "{flag}: only for plain tables, but {} is read as {}. Leave it out, or say --platform csv",
            source.path.display(),
            source.platform.name()
        )));
    }
    // A mistake in the output's name is told before minutes of reading, not after.
    dataset::check_output(&arguments.output)?;
    cli::threads(arguments.threads.map_or(0, NonZero::get))?;
    let (framed, tally) = read(&source, &config, binning, arguments.mode, selection)?;
    let manifest = write(&arguments, &config, &source, binning.lattice, &framed)?;
    summarise(&arguments, &config, &source, &manifest, &framed, tally)?;
    let memory = peak_memory_mib().map(|mib| format!(", peak memory {mib} MiB")).unwrap_or_default();
    eprintln!("time       {:.1} s{memory}", start.elapsed().as_secs_f64());
    Ok(())
}

/// The grid that the config asks for; [`Error::Usage`] for a value that makes no sense.
fn binning(config: &PrepConfig) -> Result<Binning> {
    let positive = |value: f64, name: &str| {
        let good = value.is_finite() && value > 0.0;
        good.then_some(value).ok_or_else(|| Error::Usage(format!("{name} {value}: expected a number above 0, in µm")))
    };
    if config.scale > MAX_SCALE {
        return Err(Error::Usage(format!("scale {}: expected {MAX_SCALE} or less", config.scale)));
    }
    let scale = Scale::new(config.scale)?;
    if config.patch == 0 || !config.patch.is_multiple_of(scale.get().pow(2)) {
        return Err(Error::Usage(format!(
            "patch {}: expected a multiple of scale² = {}, so that it can be subsampled twice",
            config.patch,
            scale.get().pow(2)
        )));
    }
    if config.min_qv.is_nan() {
        return Err(Error::Usage("min-qv NaN: expected a number".to_owned()));
    }
    positive(config.csv.um_per_unit, "um-per-unit")?;
    let bin_um = positive(config.bin_um, "bin-um")?;
    Ok(Binning { anchor_um: config.origin_um, bin_um, lattice: Lattice::new(scale) })
}

fn read(
    source: &Source,
    config: &PrepConfig,
    binning: Binning,
    mode: Mode,
    selection: Option<BTreeSet<String>>,
) -> Result<(Framed, Tally)> {
    let collector = Collector {
        binning,
        mode,
        min_qv: config.min_qv,
        features: Features::new(selection),
        accumulator: Accumulator::new(),
    };
    let tally = match source.platform {
        Platform::Xenium => xenium::read(&source.path, &collector)?,
        Platform::Csv => csv::read(&source.path, &config.csv, &collector)?,
    };
    if tally.read == 0 {
        return Err(Error::data(&source.path, "no transcripts in it: the table is empty. Is this the right file?"));
    }
    let Collector { features, accumulator, .. } = collector;
    let (selection, names) = features.into_parts();
    let framed = frame(accumulator, binning, selection.as_ref(), &names, &source.path)?;
    Ok((framed, tally))
}

fn write(
    arguments: &Arguments,
    config: &PrepConfig,
    source: &Source,
    lattice: Lattice,
    framed: &Framed,
) -> Result<Manifest> {
    let input = Input { path: source.path.display().to_string(), sha256: files::fingerprint(&source.path)? };
    let config_value = serde_json::to_value(config).map_err(|e| Error::Bug(format!("config: {e}")))?;
    let settings = Settings {
        mode: arguments.mode,
        lattice,
        min_counts: config.min_counts,
        patch: config.patch,
        platform: source.platform.name().to_owned(),
    };
    let provenance = Provenance::new("s2s-prep", config_value, None, vec![input]);
    dataset::write(&arguments.output, &framed.section, &settings, provenance)
}

/// Tells stderr what was read, what was dropped and why, and what the dataset holds.
fn summarise(
    arguments: &Arguments,
    config: &PrepConfig,
    source: &Source,
    manifest: &Manifest,
    framed: &Framed,
    tally: Tally,
) -> Result<()> {
    let dataset = Dataset::open(&arguments.output)?;
    let grid = manifest.grid;
    let mm = |bins: usize| bins as f64 * grid.bin_um / 1000.0;
    let in_tissue = |flags: &[bool]| flags.iter().filter(|flag| **flag).count();
    let measured = dataset.measured_tissue();
    eprintln!("input      {} ({})", source.path.display(), source.platform.name());
    eprintln!("molecules  {} read, {} kept", tally.read, framed.kept);
    let dropped = [
        (tally.control, "controls or unassigned".to_owned()),
        (tally.low_quality, format!("below quality {}", config.min_qv)),
        (tally.off_lattice, "between the measured bins (the section was sampled sparsely)".to_owned()),
        (framed.outside, "outside the frame of the measured bins".to_owned()),
    ];
    for (number, why) in dropped.iter().filter(|(number, _)| *number > 0) {
        eprintln!("dropped    {number} {why}");
    }
    eprintln!(
        "grid       {} × {} bins of {} µm = {:.2} × {:.2} mm (rows × columns)",
        grid.rows,
        grid.cols,
        grid.bin_um,
        mm(grid.rows),
        mm(grid.cols)
    );
    eprintln!(
        "tissue     {} of {} measured bins, {} of {} bins",
        in_tissue(measured.values()),
        measured.values().len(),
        in_tissue(dataset.tissue().values()),
        grid.rows * grid.cols
    );
    eprintln!("target     {} counts per bin", manifest.target);
    let left_out = match framed.unmeasured_genes {
        0 => String::new(),
        n => format!(", {n} left out (no count in any measured bin)"),
    };
    eprintln!("genes      {}{left_out}", manifest.genes.len());
    eprintln!("output     {} ({})", arguments.output.display(), mode_name(manifest.mode));
    Ok(())
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Benchmark => "benchmark: the other bins are withheld in truth.parquet",
        Mode::Impute => "to be imputed",
    }
}
