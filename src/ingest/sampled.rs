//! How a section was sampled, as a request says: whether that makes sense, the grid, and which of its bins are measured.

use super::areas::read_listed;
use super::binning::{AbsoluteBin, BinSet, Binning, Framed, MeasuredBins, ReadStats};
use super::config::{PatternKind, PrepConfig};
use super::detect::Source;
use super::reader::positive;
use super::request::Request;
use super::text::TextTable;
use crate::dataset::Mode;
use crate::files::content_fingerprint;
use crate::section::{Lattice, Scale};
use crate::{Error, Result};
use std::path::Path;

/// The largest S. Beyond it, less than one bin in a thousand would be measured.
const MAX_SCALE: usize = 32;

/// Molecules between the measured bins as a share of all, from which on they are told of: ambient ones are fewer.
const AMBIENT: f64 = 0.05;

/// Warns where many molecules lie where nothing was measured, though the section was sampled sparsely: then it was not sampled as the config says.
pub(super) fn elsewhere(molecules: &ReadStats, framed: &Framed, config: &PrepConfig) {
    let (dropped, all) = (molecules.off_lattice, molecules.off_lattice + framed.kept + framed.outside);
    if dropped as f64 <= AMBIENT * all as f64 {
        return;
    }
    let flags = match config.pattern {
        PatternKind::Lattice => "--scale, --phase, --origin and --bin-um",
        _ => "--measured, --origin and --bin-um",
    };
    tracing::warn!(
        "{dropped} of {all} molecules ({:.0} %) lie in bins that are not measured, and were dropped: a section that was sampled so has next to none there. Check {flags}, or choose --mode benchmark for a dense section",
        100.0 * dropped as f64 / all as f64
    );
}

/// The config with a patch that can be subsampled twice, where its own is the default and cannot; and what to say of it.
pub(super) fn fitting_patch(config: PrepConfig) -> (PrepConfig, Option<String>) {
    let (block, default) = (config.scale.saturating_pow(2), PrepConfig::default().patch);
    if config.patch != default || block == 0 || default.is_multiple_of(block) {
        return (config, None);
    }
    let patch = block.max(default / block * block);
    let note = format!("--patch {patch} was taken: {default} is no multiple of scale² = {block}");
    (PrepConfig { patch, ..config }, Some(note))
}

/// [`Error::Usage`] for a value of the config that makes no sense.
pub(super) fn check(request: &Request, config: &PrepConfig) -> Result<()> {
    if config.scale > MAX_SCALE {
        return Err(Error::Usage(format!("scale {}: expected {MAX_SCALE} or less", config.scale)));
    }
    let scale = Scale::new(config.scale)?;
    let block = scale.get().pow(2);
    if config.patch == 0 || !config.patch.is_multiple_of(block) {
        let below = (config.patch / block * block).max(block);
        return Err(Error::Usage(format!(
            "patch {}: expected a multiple of scale² = {block}, so that it can be subsampled twice. Give --patch {below} or {}",
            config.patch,
            below + block
        )));
    }
    if config.min_qv.is_nan() {
        return Err(Error::Usage("min-qv NaN: expected a number".to_owned()));
    }
    if let Some(wrong) = config.phase.iter().find(|phase| **phase >= scale.get()) {
        return Err(Error::Usage(format!("phase {wrong}: expected a number below scale {}", scale.get())));
    }
    if request.measured.is_some() && config.phase != [0, 0] {
        return Err(Error::Usage(
            "--phase: says which bin of a block is measured, but --measured lists the measured bins. Leave one out"
                .to_owned(),
        ));
    }
    if let Some(bin_um) = config.bin_um {
        positive(bin_um, "bin-um")?;
    }
    if let Some(pitch_um) = config.matrix.pitch_um {
        positive(pitch_um, "pitch-um")?;
    }
    positive(config.csv.unit_um(), "um-per-unit").map(drop)
}

/// The grid that the config asks for, in bins of `bin_um`.
pub(super) fn binning(request: &Request, source: &Source, config: &PrepConfig, bin_um: f64) -> Result<Binning> {
    let lattice = Lattice::new(Scale::new(config.scale)?);
    let [x, y] = source.anchor_um(config, request.mode, bin_um)?;
    let [row, col] = config.phase.map(|phase| phase as f64 * bin_um);
    let mut binning =
        Binning { anchor_um: [x + col, y + row], bin_um, lattice, measured: MeasuredBins::Lattice(lattice) };
    binning.measured = measured(request.measured.as_deref(), request.mode, config, &binning)?;
    Ok(binning)
}

/// The bins that hold a spot of `source`'s instrument.
pub(super) fn spots(source: &Source, config: &PrepConfig, binning: &Binning) -> Result<MeasuredBins> {
    let spots = source.reader.spots(&source.path, config)?;
    let mut bins: Vec<AbsoluteBin> = spots.iter().filter_map(|[x, y]| binning.bin_at(*x, *y)).collect();
    bins.sort_unstable_by_key(|bin| (bin.row, bin.col));
    if let Some(shared) = bins.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::Usage(format!(
            "--pattern spots: two spots lie in bin ({}, {}) of {} µm, expected bins between them. Give a smaller --bin-um",
            shared[0].row, shared[0].col, binning.bin_um
        )));
    }
    let list: String = bins.iter().map(|bin| format!("{},{}\n", bin.row, bin.col)).collect();
    let bins = BinSet::of(&bins).map_err(|what| Error::data(&source.path, what))?;
    Ok(MeasuredBins::Listed { bins, sha256: content_fingerprint(list.as_bytes()) })
}

/// The bins that the config, or the table `listed`, says are measured.
fn measured(listed: Option<&Path>, mode: Mode, config: &PrepConfig, binning: &Binning) -> Result<MeasuredBins> {
    if let Some(path) = listed {
        let (bins, sha256) = read_listed(TextTable::open(path)?, "--measured", |x, y| binning.bin_at(x, y))?;
        return Ok(MeasuredBins::Listed { bins, sha256 });
    }
    match config.pattern {
        PatternKind::Spots if mode == Mode::Benchmark => Err(Error::Usage(
            "--pattern spots: only for sections to be imputed, for between spots there is no truth. A benchmark of the spots themselves needs no pattern"
                .to_owned(),
        )),
        // Spots are listed once the files are known.
        PatternKind::Lattice | PatternKind::Spots => Ok(MeasuredBins::Lattice(binning.lattice)),
        PatternKind::All => Ok(MeasuredBins::All),
        PatternKind::Random if mode == Mode::Impute => Err(Error::Usage(
            "--pattern random: only for benchmarks. Give the positions that were sequenced with --measured FILE"
                .to_owned(),
        )),
        PatternKind::Random if config.rate > 0.0 && config.rate < 1.0 => {
            Ok(MeasuredBins::Random { rate: config.rate, seed: config.seed })
        }
        PatternKind::Random => Err(Error::Usage(format!("rate {}: expected a number above 0 and below 1", config.rate))),
    }
}
