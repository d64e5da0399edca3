//! The stage `s2s-prep`: from the arguments to the dataset and the summary.

use super::accumulator::Accumulator;
use super::arguments::Arguments;
use super::detect::{Platform, Source, by_name, detect};
use super::features::Features;
use super::frame::{Framed, frame};
use super::intake::{Collector, Tally};
use super::key::Binning;
use super::xenium_cells::Cells;
use super::{anndata, csv, detect_matrix, experiment, spatialdata, visium, xenium};
use crate::cli::{self, peak_memory_mib};
use crate::config::PrepConfig;
use crate::dataset::{self, Dataset, Manifest, Mode, Quantity, Settings};
use crate::files;
use crate::provenance::{Input, Provenance};
use crate::section::{Lattice, Scale};
use crate::{Error, Result};
use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
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
    let platform = arguments.platform.platform();
    let source = match detect_matrix::detect(&arguments.input, platform, arguments.xenium_cells)? {
        Some(source) => source,
        None => detect(&arguments.input, platform)?,
    };
    if let Some((flag, known)) = arguments.strange_flag(source.platform) {
        return Err(Error::Usage(format!(
            "{flag}: only for {known}, but {} is read as {}. Leave it out, or say what it is with --platform",
            source.path.display(),
            source.platform.name()
        )));
    }
    // A mistake in the output's name is told before minutes of reading, not after.
    dataset::check_output(&arguments.output)?;
    cli::threads(arguments.threads.map_or(0, NonZero::get))?;
    let (framed, tally, notes) = read(&source, &config, binning, arguments.mode, selection)?;
    let manifest = write(&arguments, &config, &source, binning.lattice, &framed)?;
    notes.iter().for_each(|note| eprintln!("note       {note}"));
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
) -> Result<(Framed, Tally, Vec<String>)> {
    let collector = Collector {
        binning,
        mode,
        min_qv: config.min_qv,
        features: Features::new(selection),
        accumulator: Accumulator::new(),
        quantity: quantity(config),
        notes: Mutex::default(),
    };
    if let Some(bundle) = bundle(source).map(experiment::describe).transpose()?.flatten() {
        collector.note(bundle);
    }
    let matrix = anndata::Options { matrix: &config.matrix, um_per_unit: config.csv.um_per_unit };
    let tally = match source.platform {
        // Bundles of version 1 may hold the same table as CSV.
        Platform::Xenium if by_name(&source.path) == Some(Platform::Csv) => {
            csv::read(&source.path, &config.csv, &collector)?
        }
        Platform::Xenium => xenium::read(&source.path, &collector)?,
        Platform::XeniumCells => Cells::find(&source.path)?.read(&collector)?,
        Platform::Visium => visium::read(&source.path, &collector)?,
        Platform::VisiumHd => visium::read_hd(&source.path, &collector)?,
        Platform::Anndata => anndata::read(&source.path, &matrix, &collector)?,
        Platform::SpatialData => {
            spatialdata::read(&source.path, config.matrix.element.as_deref(), &matrix, &collector)?
        }
        Platform::Csv => csv::read(&source.path, &config.csv, &collector)?,
    };
    if tally.read == 0 {
        return Err(Error::data(
            &source.path,
            "no transcripts in it: it is empty, or nothing was counted. Is this the right file?",
        ));
    }
    let Collector { features, accumulator, quantity, notes, .. } = collector;
    let (selection, names) = features.into_parts();
    let framed = frame(accumulator, binning, quantity, selection.as_ref(), &names, &source.path)?;
    Ok((framed, tally, notes.into_inner().unwrap_or_default()))
}

fn quantity(config: &PrepConfig) -> Quantity {
    if config.matrix.already_normalised { Quantity::Values } else { Quantity::Counts }
}

/// The folder of the Xenium bundle that is read.
fn bundle(source: &Source) -> Option<&Path> {
    match source.platform {
        Platform::Xenium => source.path.parent(),
        Platform::XeniumCells => Some(&source.path),
        _ => None,
    }
}

fn write(
    arguments: &Arguments,
    config: &PrepConfig,
    source: &Source,
    lattice: Lattice,
    framed: &Framed,
) -> Result<Manifest> {
    let input = |path: &PathBuf| {
        let sha256 = if path.is_dir() { files::folder_fingerprint(path) } else { files::fingerprint(path) };
        Ok(Input { path: path.display().to_string(), sha256: sha256? })
    };
    let inputs = detect_matrix::files(source, config)?.iter().map(input).collect::<Result<_>>()?;
    let config_value = serde_json::to_value(config).map_err(|e| Error::Bug(format!("config: {e}")))?;
    let settings = Settings {
        mode: arguments.mode,
        lattice,
        min_counts: config.min_counts,
        patch: config.patch,
        platform: source.platform.name().to_owned(),
    };
    let provenance = Provenance::new("s2s-prep", config_value, None, inputs);
    dataset::write_as(quantity(config), &arguments.output, &framed.section, &settings, provenance)
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
        (tally.outside_tissue, "outside the tissue, as the platform says".to_owned()),
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
    match manifest.target {
        Some(target) => eprintln!("target     {target} counts per bin"),
        None => eprintln!("target     none: the values were normalised already, and are stored as they are"),
    }
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
