//! `s2s-prep --describe`: what the files are, and which bins their counts allow, without writing anything.

use super::accumulator::Accumulator;
use super::arguments::Arguments;
use super::detect::{Platform, Source, detect};
use super::features::Features;
use super::intake::{Collector, Tally};
use super::key::{AbsoluteBin, Binning};
use super::positions::Positions;
use super::prepare::{collect, with_units};
use crate::config::PrepConfig;
use crate::dataset::Mode;
use crate::section::{Lattice, Scale};
use crate::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// Side in µm, and in DNBs of Stereo-seq, of the bins that are counted; the others are multiples of it.
const FINE_UM: f64 = 5.0;
const FINE_DNB: f64 = 10.0;
const MULTIPLES: [i32; 11] = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 40];

/// Counts that half of the tissue bins should have. The noise of counting is then some 7 % of a bin's total; with far
/// fewer, the bins of a gene differ by noise more than by place, and imputing them cannot be told from their mean.
const ENOUGH: u64 = 200;

/// Tells stdout what `path` is.
pub(super) fn describe(path: &Path, arguments: &Arguments, config: PrepConfig) -> Result<()> {
    let source = detect(path, arguments.platform.platform())?;
    arguments.check(&source)?;
    let config = with_units(config, source.platform)?;
    let fine_um = match (source.platform, config.pixel_um) {
        (Platform::StereoSeq, Some(pitch)) => pitch * FINE_DNB,
        _ => FINE_UM,
    };
    let lattice = Lattice::new(Scale::new(2)?);
    let anchor_um = config.origin_um;
    let binning = Binning { anchor_um, bin_um: fine_um, lattice, positions: Positions::Lattice(lattice) };
    let collector = Collector {
        binning,
        mode: Mode::Benchmark,
        min_qv: config.min_qv,
        // No gene is told apart: what is kept in memory is a number per bin.
        features: Features::new(Some(BTreeSet::new())),
        accumulator: Accumulator::new(),
    };
    let tally = collect(&source, &PrepConfig { bin_um: fine_um, ..config.clone() }, &collector)?;
    let Collector { features, accumulator, .. } = collector;
    let (_, names) = features.into_parts();
    let runs = accumulator.into_runs();
    let counts: Vec<(AbsoluteBin, u64)> =
        runs.iter().flat_map(|run| run.iter()).map(|(key, count)| (key.bin(), u64::from(count))).collect();
    let extent = Extent::of(&counts).ok_or_else(|| {
        Error::data(&source.path, "no transcript of a gene in it. Check --min-qv, and that the names are gene names")
    })?;
    let sizes = MULTIPLES.map(|multiple| BinSize::of(&counts, multiple, fine_um, config.min_counts));
    print!(
        "{}{}",
        heading(&source, &config, tally, names.number(), &extent, fine_um),
        advice(&sizes, &source, &config)
    );
    Ok(())
}

/// The fine bins that hold anything.
struct Extent {
    rows: [i32; 2],
    cols: [i32; 2],
}

impl Extent {
    fn of(counts: &[(AbsoluteBin, u64)]) -> Option<Self> {
        let range = |of: fn(&AbsoluteBin) -> i32| {
            let values = || counts.iter().map(|(bin, _)| of(bin));
            Some([values().min()?, values().max()?])
        };
        Some(Extent { rows: range(|bin| bin.row)?, cols: range(|bin| bin.col)? })
    }
}

/// The section in bins of one size.
struct BinSize {
    um: f64,
    /// Bins that hold the fewest counts of a tissue bin or more.
    tissue: usize,
    /// Of the tissue bins.
    median: u64,
    rows: i32,
    cols: i32,
}

impl BinSize {
    fn of(counts: &[(AbsoluteBin, u64)], multiple: i32, fine_um: f64, min_counts: u64) -> Self {
        let mut bins: BTreeMap<(i32, i32), u64> = BTreeMap::new();
        for (bin, count) in counts {
            *bins.entry((bin.row.div_euclid(multiple), bin.col.div_euclid(multiple))).or_default() += count;
        }
        let range = |of: fn(&(i32, i32)) -> i32| {
            let values = || bins.keys().map(of);
            values().max().zip(values().min()).map_or(0, |(max, min)| max - min + 1)
        };
        let mut totals: Vec<u64> = bins.values().copied().filter(|total| *total >= min_counts.max(1)).collect();
        totals.sort_unstable();
        BinSize {
            um: fine_um * f64::from(multiple),
            tissue: totals.len(),
            median: totals.get(totals.len() / 2).copied().unwrap_or(0),
            rows: range(|bin| bin.0),
            cols: range(|bin| bin.1),
        }
    }
}

fn heading(source: &Source, config: &PrepConfig, tally: Tally, genes: usize, extent: &Extent, fine_um: f64) -> String {
    let um = |axis: usize, bin: i32| config.origin_um[axis] + f64::from(bin) * fine_um;
    let mm = |[first, last]: [i32; 2]| f64::from(last - first + 1) * fine_um / 1000.0;
    let unit = match (source.platform, config.pixel_um) {
        (Platform::Csv, _) => format!("positions in units of {} µm (--um-per-unit)", config.csv.um_per_unit),
        (_, Some(pixel_um)) => format!("positions in units of {pixel_um} µm (--pixel-um)"),
        _ => "positions in µm".to_owned(),
    };
    let kept = tally.read - tally.control - tally.low_quality;
    format!(
        "platform   {} ({}), {unit}\n\
         size       {:.2} × {:.2} mm (along y × along x): y from {} µm, x from {} µm\n\
         molecules  {} read, {} of controls, {} below quality {}, {kept} kept\n\
         genes      {genes}\n",
        source.platform.name(),
        source.path.display(),
        mm(extent.rows),
        mm(extent.cols),
        um(1, extent.rows[0]),
        um(0, extent.cols[0]),
        tally.read,
        tally.control,
        tally.low_quality,
        config.min_qv
    )
}

/// The table of bin sizes, and the one to take.
fn advice(sizes: &[BinSize], source: &Source, config: &PrepConfig) -> String {
    let mut text = format!(
        "\n  bin µm  rows × columns  tissue bins (≥ {} counts)  counts in half of them, at least\n",
        config.min_counts
    );
    for size in sizes {
        let grid = format!("{} × {}", size.rows, size.cols);
        let _ = writeln!(text, "{:>8} {grid:>15} {:>26} {:>33}", size.um, size.tissue, size.median);
    }
    let flag = |size: &BinSize| match (source.platform, config.pixel_um) {
        (Platform::StereoSeq, Some(pitch)) => format!("--bin-dnb {}", (size.um / pitch).round()),
        _ => format!("--bin-um {}", size.um),
    };
    let enough = sizes.iter().find(|size| size.median >= ENOUGH && size.tissue > 0);
    let Some(size) = enough.or(sizes.last()) else { return text };
    let _ = match enough {
        Some(_) => writeln!(
            text,
            "\nrecommended {}: the smallest at which half of the tissue bins hold {ENOUGH} counts or more. In smaller ones the noise of counting hides what is between the bins; larger ones only lose resolution.",
            flag(size)
        ),
        None => writeln!(
            text,
            "\nrecommended {}, with doubt: even there, half of the tissue bins hold {} counts or fewer, and {ENOUGH} are needed for the noise of counting not to hide what is between the bins.",
            flag(size),
            size.median
        ),
    };
    let side = size.rows.min(size.cols);
    if (side as usize) < config.patch {
        let _ = writeln!(
            text,
            "Its grid is smaller than the training patch of {} bins: train with fit.crop: whole.",
            config.patch
        );
    }
    text
}
