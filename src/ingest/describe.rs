//! What the files of a request are, and which bins their counts allow.

use super::binning::{AbsoluteBin, Accumulator, Binning, Collector, Features, MeasuredBins, ReadStats};
use super::config::PrepConfig;
use super::detect::detect;
use super::request::Request;
use super::section::{collect, quantity};
use crate::dataset::Mode;
use crate::section::{Lattice, Scale};
use crate::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Mutex;

/// Side in µm of the bins that are counted, where the files or the instrument have no own; the others are multiples of it.
const FINE_UM: f64 = 5.0;
const MULTIPLES: [i32; 11] = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 40];

/// Counts that half of the tissue bins should have. The noise of counting is then some 7 % of a bin's total; with far
/// fewer, the bins of a gene differ by noise more than by place, and imputing them cannot be told from their mean.
const ENOUGH: u64 = 200;

/// What files are, and which bins their counts allow. Its text is what `s2s-prep --describe` prints.
#[derive(Debug)]
pub struct Description {
    /// The name of the platform whose files were read.
    pub platform: &'static str,
    /// The file or folder that was read.
    pub path: PathBuf,
    /// The config in force.
    pub config: PrepConfig,
    /// How many molecules were read and dropped, and why.
    pub molecules: ReadStats,
    /// Different genes.
    pub genes: usize,
    /// x and y in µm of the corner of the bins that hold anything.
    pub origin_um: [f64; 2],
    /// Extent of these bins along x and y in mm.
    pub size_mm: [f64; 2],
    /// The section in bins of several sizes, finest first.
    pub sizes: Vec<BinSize>,
    /// What the positions are counted in.
    unit: String,
    /// The flag that asks for the recommended size.
    flag: String,
}

/// Tells what the files of `request` are, from all of their molecules. Its genes, mode and measured bins do not matter.
///
/// # Errors
/// Those of [`read()`](super::read()) about the files.
pub fn describe(request: &Request) -> Result<Description> {
    let source = detect(request)?;
    let config = source.reader.with_units(request.config.clone())?;
    let fine_um = source.reader.finest_um(&source.path, &config).unwrap_or(FINE_UM);
    let lattice = Lattice::new(Scale::new(2)?);
    let anchor_um = config.origin_um;
    let binning = Binning { anchor_um, bin_um: fine_um, lattice, measured: MeasuredBins::Lattice(lattice) };
    let collector = Collector {
        binning,
        mode: Mode::Benchmark,
        min_qv: config.min_qv,
        // No gene is told apart: what is kept in memory is a number per bin.
        features: Features::new(Some(BTreeSet::new())),
        accumulator: Accumulator::new(),
        quantity: quantity(&config),
        notes: Mutex::default(),
    };
    let (reader, path) = (source.reader, source.path.clone());
    let molecules = collect(source, &PrepConfig { bin_um: fine_um, ..config.clone() }, &collector)?;
    let Collector { features, accumulator, .. } = collector;
    let (_, names) = features.into_parts();
    let runs = accumulator.into_runs();
    let counts: Vec<(AbsoluteBin, u64)> =
        runs.iter().flat_map(|run| run.iter()).map(|(key, count)| (key.bin(), u64::from(count))).collect();
    let extent = Extent::of(&counts).ok_or_else(|| {
        Error::data(&path, "no transcript of a gene in it. Check --min-qv, and that the names are gene names")
    })?;
    let sizes = MULTIPLES.map(|multiple| BinSize::of(&counts, multiple, fine_um, config.min_counts)).to_vec();
    let corner = |axis: usize, [first, _]: [i32; 2]| config.origin_um[axis] + f64::from(first) * fine_um;
    let mm = |[first, last]: [i32; 2]| f64::from(last - first + 1) * fine_um / 1000.0;
    let size = recommended(&sizes);
    Ok(Description {
        platform: reader.platform().name,
        molecules,
        genes: names.number(),
        origin_um: [corner(0, extent.cols), corner(1, extent.rows)],
        size_mm: [mm(extent.cols), mm(extent.rows)],
        unit: reader.unit(&config),
        flag: size.map_or_else(String::new, |size| reader.bin_flag(size.um, &config)),
        path,
        config,
        sizes,
    })
}

/// The smallest bins with enough counts, else the largest.
fn recommended(sizes: &[BinSize]) -> Option<&BinSize> {
    sizes.iter().find(|size| size.has_enough()).or(sizes.last())
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BinSize {
    /// Side of a bin in µm.
    pub um: f64,
    /// Bins that hold the fewest counts of a tissue bin or more.
    pub tissue: usize,
    /// The counts that half of the tissue bins hold at least.
    pub median: u64,
    /// Rows of the grid around all bins that hold anything.
    pub rows: i32,
    /// Its columns.
    pub cols: i32,
}

impl BinSize {
    /// Whether half of the tissue bins hold enough counts for the noise of counting not to hide what is between them.
    pub fn has_enough(&self) -> bool {
        self.median >= ENOUGH && self.tissue > 0
    }

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

impl Description {
    /// The smallest bins with enough counts, else the largest; `None` without any size.
    pub fn recommended(&self) -> Option<&BinSize> {
        recommended(&self.sizes)
    }

    /// What was read.
    fn heading(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let ReadStats { read, control, low_quality, .. } = self.molecules;
        writeln!(f, "platform   {} ({}), {}", self.platform, self.path.display(), self.unit)?;
        writeln!(
            f,
            "size       {:.2} × {:.2} mm (along y × along x): y from {} µm, x from {} µm",
            self.size_mm[1], self.size_mm[0], self.origin_um[1], self.origin_um[0]
        )?;
        writeln!(
            f,
            "molecules  {read} read, {control} of controls, {low_quality} below quality {}, {} kept",
            self.config.min_qv,
            read - control - low_quality
        )?;
        writeln!(f, "genes      {}", self.genes)
    }

    /// The table of bin sizes.
    fn table(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(
            f,
            "\n  bin µm  rows × columns  tissue bins (≥ {} counts)  counts in half of them, at least",
            self.config.min_counts
        )?;
        self.sizes.iter().try_for_each(|size| {
            let grid = format!("{} × {}", size.rows, size.cols);
            writeln!(f, "{:>8} {grid:>15} {:>26} {:>33}", size.um, size.tissue, size.median)
        })
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.heading(f)?;
        self.table(f)?;
        let Some(size) = self.recommended() else { return Ok(()) };
        let flag = &self.flag;
        if size.has_enough() {
            writeln!(
                f,
                "\nrecommended {flag}: the smallest at which half of the tissue bins hold {ENOUGH} counts or more. In smaller ones the noise of counting hides what is between the bins; larger ones only lose resolution."
            )?;
        } else {
            writeln!(
                f,
                "\nrecommended {flag}, with doubt: even there, half of the tissue bins hold {} counts or fewer, and {ENOUGH} are needed for the noise of counting not to hide what is between the bins.",
                size.median
            )?;
        }
        if (size.rows.min(size.cols) as usize) < self.config.patch {
            writeln!(
                f,
                "Its grid is smaller than the training patch of {} bins: train with fit.crop: whole.",
                self.config.patch
            )?;
        }
        Ok(())
    }
}
