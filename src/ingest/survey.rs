//! A section in bins of several sizes: how many counts they hold, and which size to take.

use super::binning::{AbsoluteBin, Accumulator, Binning, Collector, Features, MeasuredBins, ReadStats};
use super::config::PrepConfig;
use super::detect::Source;
use crate::dataset::Mode;
use crate::section::{Lattice, Scale};
use crate::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Side in µm of the bins that are counted, where the files or the instrument have no own; the others are multiples of it.
const FINE_UM: f64 = 5.0;
const MULTIPLES: [i32; 11] = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 40];

/// Counts that half of the tissue bins should have. The noise of counting is then some 7 % of a bin's total; with far
/// fewer, the bins of a gene differ by noise more than by place, and imputing them cannot be told from their mean.
const ENOUGH: u64 = 200;

/// Measured bins that a fit should have: what it learns from.
pub(crate) const MANY: usize = 300;

/// What all molecules of some files come to.
#[derive(Debug)]
pub struct Survey {
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
    /// Which of them to take.
    pub recommendation: Recommendation,
}

impl Survey {
    /// Counts all molecules of `source`, whatever genes they are of. The config is that of [`with_units`](super::reader::Reader::with_units).
    pub(crate) fn of(source: Source, config: &PrepConfig) -> Result<Survey> {
        let own_um = source.reader.spot_um(&source.path, config);
        let fine_um = own_um.or_else(|| source.reader.finest_um(&source.path, config)).unwrap_or(FINE_UM);
        let lattice = Lattice::new(Scale::new(2)?);
        let anchor_um = source.anchor_um(config, Mode::Benchmark, fine_um)?;
        let binning = Binning { anchor_um, bin_um: fine_um, lattice, measured: MeasuredBins::Lattice(lattice) };
        // No gene is told apart: what is kept in memory is a number per bin.
        let features = Features::new(Some(BTreeSet::new()));
        let collector = Collector::new(binning, Mode::Benchmark, config, features);
        let path = source.path.clone();
        let molecules = source.read(&PrepConfig { bin_um: Some(fine_um), ..config.clone() }, &collector)?;
        let Collector { features, accumulator, .. } = collector;
        let (_, names) = features.into_parts();
        let counts = totals(accumulator);
        let extent = Extent::of(&counts).ok_or_else(|| {
            Error::data(&path, "no transcript of a gene in it. Check --min-qv, and that the names are gene names")
        })?;
        let sizes = MULTIPLES.map(|multiple| BinSize::of(&counts, multiple, fine_um, config.min_counts)).to_vec();
        let corner = |axis: usize, [first, _]: [i32; 2]| anchor_um[axis] + f64::from(first) * fine_um;
        let mm = |[first, last]: [i32; 2]| f64::from(last - first + 1) * fine_um / 1000.0;
        Ok(Survey {
            molecules,
            genes: names.number(),
            origin_um: [corner(0, extent.cols), corner(1, extent.rows)],
            size_mm: [mm(extent.cols), mm(extent.rows)],
            recommendation: Recommendation::of(&sizes, own_um, config.scale),
            sizes,
        })
    }
}

fn totals(accumulator: Accumulator) -> Vec<(AbsoluteBin, u64)> {
    let runs = accumulator.into_runs();
    runs.iter().flat_map(|run| run.iter()).map(|(key, count)| (key.bin(), u64::from(count))).collect()
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

    /// How many tissue bins are measured where one in `scale`² is.
    pub fn measured(&self, scale: usize) -> usize {
        self.tissue / scale.pow(2).max(1)
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

/// The size of bins to take, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recommendation {
    /// Side of a bin in µm.
    pub um: f64,
    /// What speaks for it.
    pub why: Why,
}

/// What speaks for a size of bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A bin is a spot of the instrument, or an observation of the matrix.
    OneSpot,
    /// The smallest with enough counts.
    Enough,
    /// No size has both enough counts and enough bins: the largest with enough bins, of which half hold this many counts.
    FewCounts(u64),
    /// No size has enough bins: the one with the most, of which this many are measured.
    FewBins(usize),
}

impl Recommendation {
    /// Of `sizes`, finest first, the one to take where one bin in `scale`² is measured; `own_um` is the distance of the instrument's
    /// spots, which no sum of them improves.
    fn of(sizes: &[BinSize], own_um: Option<f64>, scale: usize) -> Recommendation {
        if let Some(um) = own_um {
            return Recommendation { um, why: Why::OneSpot };
        }
        let many = || sizes.iter().filter(|size| size.measured(scale) >= MANY);
        if let Some(size) = many().find(|size| size.has_enough()) {
            return Recommendation { um: size.um, why: Why::Enough };
        }
        if let Some(size) = many().next_back() {
            return Recommendation { um: size.um, why: Why::FewCounts(size.median) };
        }
        // Of sizes with as many bins, the finest.
        let most = sizes.iter().rev().max_by_key(|size| size.tissue);
        most.map_or(Recommendation { um: FINE_UM, why: Why::FewBins(0) }, |size| Recommendation {
            um: size.um,
            why: Why::FewBins(size.measured(scale)),
        })
    }

    /// Whether it is good enough to be taken without a second thought.
    pub fn is_sound(&self) -> bool {
        matches!(self.why, Why::OneSpot | Why::Enough)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Why::OneSpot => write!(f, "a bin for every spot"),
            Why::Enough => write!(
                f,
                "the smallest at which half of the tissue bins hold {ENOUGH} counts or more. In smaller ones the noise of counting hides what is between the bins; larger ones only lose resolution"
            ),
            Why::FewCounts(median) => write!(
                f,
                "with doubt: half of the tissue bins hold {median} counts or fewer, and {ENOUGH} are needed for the noise of counting not to hide what is between the bins. Larger ones would leave fewer than {MANY} measured bins to learn from"
            ),
            Why::FewBins(measured) => write!(
                f,
                "with doubt: about {measured} measured bins are in the tissue, and {MANY} are needed to learn from. At other sizes there are fewer"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(of: &[(f64, usize, u64)]) -> Vec<BinSize> {
        of.iter().map(|&(um, tissue, median)| BinSize { um, tissue, median, rows: 100, cols: 100 }).collect()
    }

    #[test]
    fn bins_have_enough_counts_and_there_are_enough_of_them() {
        let found = |of: &[(f64, usize, u64)], own| {
            let Recommendation { um, why } = Recommendation::of(&sizes(of), own, 2);
            (um, why)
        };
        let large = [(5.0, 90_000, 6), (20.0, 5600, 90), (30.0, 2500, 210), (40.0, 1400, 370)];
        assert_eq!(found(&large, None), (30.0, Why::Enough));
        assert_eq!(found(&large, Some(100.0)), (100.0, Why::OneSpot));
        let thin = [(5.0, 90_000, 2), (20.0, 5600, 30), (30.0, 2500, 70), (100.0, 250, 800)];
        assert_eq!(found(&thin, None), (30.0, Why::FewCounts(70)));
        let small = [(5.0, 20, 11), (10.0, 100, 20), (30.0, 100, 150), (100.0, 12, 1800)];
        assert_eq!(found(&small, None), (10.0, Why::FewBins(25)));
    }
}
