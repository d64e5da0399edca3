//! The stage `s2s-prep`: from the arguments to the dataset and the summary.

use super::accumulator::Accumulator;
use super::arguments::Arguments;
use super::describe::describe;
use super::detect::{Platform, Source};
use super::features::Features;
use super::frame::{Framed, frame};
use super::intake::{Collector, Tally};
use super::key::Binning;
use super::positions::{Listed, Positions};
use super::summary::summarise;
use super::xenium_cells::Cells;
use super::{anndata, detect_matrix, experiment, spatialdata, visium};
use super::{cosmx, csv, merscope, stereo_seq, xenium, xenium_csv};
use crate::cli;
use crate::compute::peak_memory_mib;
use crate::config::{PatternKind, PrepConfig};
use crate::dataset::{self, Manifest, Mode, Quantity, Settings};
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

/// What a run that writes a dataset is given.
pub(super) struct Job<'a> {
    arguments: &'a Arguments,
    pub config: PrepConfig,
    pub source: Source,
    pub output: &'a Path,
    mode: Mode,
}

/// Runs `s2s-prep`: reads `arguments.input`, writes the dataset `arguments.output`, tells stderr what it did; or, with
/// `arguments.describe`, tells stdout what that is and writes nothing.
///
/// Errors are those of the exit codes in `--help`; an error leaves nothing behind.
pub fn run(arguments: Arguments) -> Result<()> {
    let start = Instant::now();
    let config = arguments.merged()?;
    cli::threads(arguments.threads.map_or(0, NonZero::get))?;
    if let Some(path) = &arguments.describe {
        return describe(path, &arguments, config);
    }
    let (Some(input), Some(output), Some(mode)) = (&arguments.input, &arguments.output, arguments.mode) else {
        return Err(Error::Usage("expected --input, --output and --mode, or --describe".to_owned()));
    };
    let selection = arguments.genes.as_deref().map(cli::genes).transpose()?.map(BTreeSet::from_iter);
    let source = detect_matrix::detect(input, &arguments)?;
    arguments.check(&source)?;
    let config = with_units(config, source.platform)?;
    let job = Job { arguments: &arguments, config, source, output, mode };
    let binning = binning(&job)?;
    // A mistake in the output's name is told before minutes of reading, not after.
    dataset::check_output(output)?;
    let (framed, tally) = read(&job, binning, selection)?;
    let manifest = write(&job, &framed)?;
    summarise(&job, &manifest, &framed, tally)?;
    let memory = peak_memory_mib().map(|mib| format!(", peak memory {mib} MiB")).unwrap_or_default();
    eprintln!("time       {:.1} s{memory}", start.elapsed().as_secs_f64());
    Ok(())
}

/// The config with the instrument's pixel and a bin in µm where the platform and the config speak of pixels.
pub(super) fn with_units(mut config: PrepConfig, platform: Platform) -> Result<PrepConfig> {
    let instrument = match platform {
        Platform::Cosmx => cosmx::PIXEL_UM,
        Platform::StereoSeq => stereo_seq::PITCH_UM,
        _ => return Ok(config),
    };
    let pixel_um = positive(config.pixel_um.unwrap_or(instrument), "pixel-um")?;
    config.pixel_um = Some(pixel_um);
    if let (Platform::StereoSeq, Some(side)) = (platform, config.bin_dnb) {
        config.bin_um = f64::from(side) * pixel_um;
    }
    Ok(config)
}

fn positive(value: f64, name: &str) -> Result<f64> {
    let good = value.is_finite() && value > 0.0;
    good.then_some(value).ok_or_else(|| Error::Usage(format!("{name} {value}: expected a number above 0, in µm")))
}

/// The grid that the config asks for; [`Error::Usage`] for a value that makes no sense.
fn binning(job: &Job) -> Result<Binning> {
    let config = &job.config;
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
    if let Some(wrong) = config.phase.iter().find(|phase| **phase >= scale.get()) {
        return Err(Error::Usage(format!("phase {wrong}: expected a number below scale {}", scale.get())));
    }
    positive(config.csv.um_per_unit, "um-per-unit")?;
    let bin_um = positive(config.bin_um, "bin-um")?;
    let [row, col] = config.phase.map(|phase| phase as f64 * bin_um);
    let anchor_um = [config.origin_um[0] + col, config.origin_um[1] + row];
    let lattice = Lattice::new(scale);
    let mut binning = Binning { anchor_um, bin_um, lattice, positions: Positions::Lattice(lattice) };
    binning.positions = positions(job, &binning)?;
    Ok(binning)
}

/// The measured bins that the config and the arguments ask for.
fn positions(job: &Job, binning: &Binning) -> Result<Positions> {
    let config = &job.config;
    if let Some(path) = &job.arguments.measured {
        return Ok(Positions::Listed(Listed::read(path, |x, y| binning.bin_at(x, y))?));
    }
    match config.pattern {
        PatternKind::Lattice => Ok(Positions::Lattice(binning.lattice)),
        PatternKind::Random if job.mode == Mode::Impute => Err(Error::Usage(
            "--pattern random: only for benchmarks. Give the positions that were sequenced with --measured FILE"
                .to_owned(),
        )),
        PatternKind::Random if config.rate > 0.0 && config.rate < 1.0 => {
            Ok(Positions::Random { rate: config.rate, seed: config.seed })
        }
        PatternKind::Random => Err(Error::Usage(format!("rate {}: expected a number between 0 and 1", config.rate))),
    }
}

/// Reads all of `source` into `collector`, which bins it.
pub(super) fn collect(source: &Source, config: &PrepConfig, collector: &Collector) -> Result<Tally> {
    if let Some(bundle) = bundle(source).map(experiment::describe).transpose()?.flatten() {
        collector.note(bundle);
    }
    let matrix = anndata::Options { matrix: &config.matrix, um_per_unit: config.csv.um_per_unit };
    let tally = match source.platform {
        Platform::XeniumCells => Cells::find(&source.path)?.read(collector)?,
        Platform::Visium => visium::read(&source.path, collector)?,
        Platform::VisiumHd => visium::read_hd(&source.path, collector)?,
        Platform::Anndata => anndata::read(&source.path, &matrix, collector)?,
        Platform::SpatialData => spatialdata::read(&source.path, config.matrix.element.as_deref(), &matrix, collector)?,
        Platform::Xenium if source.is_text() => xenium_csv::read(&source.path, collector)?,
        Platform::Xenium => xenium::read(&source.path, collector)?,
        Platform::Merscope => merscope::read(&source.path, collector)?,
        Platform::Cosmx => cosmx::read(&source.path, config.pixel_um.unwrap_or(cosmx::PIXEL_UM), collector)?,
        Platform::StereoSeq => {
            let pitch = config.pixel_um.unwrap_or(stereo_seq::PITCH_UM);
            stereo_seq::read(&source.path, pitch, config.bin_um, collector)?
        }
        Platform::Csv => csv::read(&source.path, &config.csv, collector)?,
    };
    if tally.read == 0 {
        return Err(Error::data(
            &source.path,
            "no transcripts in it: it is empty, or nothing was counted. Is this the right file?",
        ));
    }
    Ok(tally)
}

fn read(job: &Job, binning: Binning, selection: Option<BTreeSet<String>>) -> Result<(Framed, Tally)> {
    let collector = Collector {
        binning,
        mode: job.mode,
        min_qv: job.config.min_qv,
        features: Features::new(selection),
        accumulator: Accumulator::new(),
        quantity: quantity(&job.config),
        notes: Mutex::default(),
    };
    let tally = collect(&job.source, &job.config, &collector)?;
    let Collector { binning, features, accumulator, quantity, notes, .. } = collector;
    notes.into_inner().unwrap_or_default().iter().for_each(|note| eprintln!("note       {note}"));
    let (selection, names) = features.into_parts();
    let framed = frame(accumulator, &binning, quantity, selection.as_ref(), &names, &job.source.path)?;
    Ok((framed, tally))
}

/// What the entries of the input are.
pub(super) fn quantity(config: &PrepConfig) -> Quantity {
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

fn write(job: &Job, framed: &Framed) -> Result<Manifest> {
    let (config, source) = (&job.config, &job.source);
    let input = |path: &PathBuf| {
        let sha256 = if path.is_dir() { files::folder_fingerprint(path) } else { files::fingerprint(path) };
        Ok(Input { path: path.display().to_string(), sha256: sha256? })
    };
    let inputs = detect_matrix::files(source, config)?.iter().map(input).collect::<Result<_>>()?;
    let config_value = serde_json::to_value(config).map_err(|e| Error::Bug(format!("config: {e}")))?;
    let settings = Settings {
        mode: job.mode,
        sampling: framed.sampling.clone(),
        min_counts: config.min_counts,
        patch: config.patch,
        platform: source.platform.name().to_owned(),
    };
    let provenance = Provenance::new("s2s-prep", config_value, None, inputs);
    dataset::write_as(quantity(config), job.output, &framed.section, &settings, provenance)
}
