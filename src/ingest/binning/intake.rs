//! What every molecule goes through, whatever platform it comes from.

use super::accumulator::{Accumulator, Buffer};
use super::features::{Feature, FeatureCache, Features};
use super::grid::Binning;
use super::key::Key;
use crate::dataset::{Mode, Quantity};
use crate::ingest::config::PrepConfig;
use std::ops::Add;
use std::sync::{Mutex, PoisonError};

/// What became of the molecules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadStats {
    /// Molecules in the input.
    pub read: u64,
    /// Dropped: controls and unassigned codewords.
    pub control: u64,
    /// Dropped: below the lowest quality.
    pub low_quality: u64,
    /// Dropped: between the measured bins of a section to be imputed.
    pub off_lattice: u64,
    /// Dropped: without the name of a gene.
    pub unnamed: u64,
    /// Dropped: without a position.
    pub unplaced: u64,
    /// Dropped: outside the tissue by the platform's own account.
    pub outside_tissue: u64,
}

impl ReadStats {
    /// Where molecules went that were read and are in no measured bin, each with the flags that decide it; `None` if there are none.
    pub(crate) fn lost(&self) -> Option<String> {
        let lost = [
            (self.off_lattice, "in bins that are not measured (--scale, --phase, --origin, --bin-um, --measured)"),
            (self.low_quality, "below --min-qv"),
            (self.control, "controls or unassigned"),
            (self.outside_tissue, "outside the tissue, or not chosen"),
            (self.unnamed, "without the name of a gene"),
            (self.unplaced, "without a position"),
        ];
        let told = lost.iter().filter(|(number, _)| *number > 0).map(|(number, why)| format!("{number} {why}"));
        let told = told.collect::<Vec<_>>().join(", ");
        (!told.is_empty()).then(|| format!("of {} read, {told}", self.read))
    }
}

impl Add for ReadStats {
    type Output = ReadStats;

    fn add(self, other: ReadStats) -> ReadStats {
        ReadStats {
            read: self.read + other.read,
            control: self.control + other.control,
            low_quality: self.low_quality + other.low_quality,
            off_lattice: self.off_lattice + other.off_lattice,
            unnamed: self.unnamed + other.unnamed,
            unplaced: self.unplaced + other.unplaced,
            outside_tissue: self.outside_tissue + other.outside_tissue,
        }
    }
}

/// The destination of all molecules, shared by the threads that read.
#[derive(Debug)]
pub(crate) struct Collector {
    pub binning: Binning,
    pub mode: Mode,
    /// Lowest Phred-scaled quality, for files that have one.
    pub min_qv: f64,
    pub features: Features,
    pub accumulator: Accumulator,
    /// What a [`Molecule::count`] is: a count, or a value that is normalised already.
    pub quantity: Quantity,
    /// What the reader found out on its own, for the summary.
    pub notes: Mutex<Vec<String>>,
}

impl Collector {
    /// An empty one, with the filters and the quantity of `config`.
    pub(crate) fn new(binning: Binning, mode: Mode, config: &PrepConfig, features: Features) -> Self {
        Collector {
            binning,
            mode,
            min_qv: config.min_qv,
            features,
            accumulator: Accumulator::new(),
            quantity: config.quantity(),
            notes: Mutex::default(),
        }
    }

    /// Tells the user what was recognised.
    pub(crate) fn note(&self, text: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// An intake for one thread.
    pub(crate) fn intake(&self) -> Intake<'_> {
        Intake {
            collector: self,
            cache: self.features.cache(),
            buffer: self.accumulator.buffer(),
            stats: ReadStats::default(),
        }
    }
}

/// `count` molecules of one feature at one position.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Molecule {
    pub feature: Feature,
    /// µm; NaN where it is missing.
    pub x: f64,
    /// µm; NaN where it is missing.
    pub y: f64,
    /// Phred-scaled quality; infinite where the file has none, NaN where it is missing.
    pub qv: f64,
    /// How many; of values that are normalised already, the payload of [`Quantity::Values`].
    pub count: u32,
}

/// One thread's way into the [`Collector`].
#[derive(Debug)]
pub(crate) struct Intake<'a> {
    collector: &'a Collector,
    cache: FeatureCache<'a>,
    buffer: Buffer<'a>,
    stats: ReadStats,
}

impl Intake<'_> {
    /// The feature called `name`. The error says what is wrong with the name.
    pub(crate) fn feature(&mut self, name: &[u8]) -> Result<Feature, String> {
        self.cache.get(name)
    }

    /// Takes a molecule, or drops and stats it. The error says what is wrong with its position.
    // In the readers' loops, where its position stays in registers: through memory it waits for itself, a twentieth of all of s2s-prep.
    #[inline(always)]
    pub(crate) fn take(&mut self, molecule: Molecule) -> Result<(), String> {
        let Molecule { feature, x, y, qv, count } = molecule;
        let (molecules, count) = match (self.collector.quantity, feature) {
            (Quantity::Counts, _) => (u64::from(count), count),
            // Genes that were not asked for count as found, whatever their value.
            (Quantity::Values, Feature::Gene(Features::OTHER)) => (1, 1),
            (Quantity::Values, _) => (1, count),
        };
        let binning = &self.collector.binning;
        let Some(bin) = binning.bin_at(x, y) else {
            if !(x.is_nan() || y.is_nan()) {
                return Err(bad_position(binning, x, y));
            }
            self.stats.read += molecules;
            self.stats.unplaced += molecules;
            return Ok(());
        };
        self.stats.read += molecules;
        let number = match feature {
            Feature::Gene(number) => number,
            Feature::Control => {
                self.stats.control += molecules;
                return Ok(());
            }
            Feature::Unnamed => {
                self.stats.unnamed += molecules;
                return Ok(());
            }
        };
        // A quality that is no number is no good quality.
        if qv.is_nan() || qv < self.collector.min_qv {
            self.stats.low_quality += molecules;
        } else if self.collector.mode == Mode::Impute && !binning.measures(bin) {
            self.stats.off_lattice += molecules;
        } else if count > 0 {
            self.buffer.add(Key::new(number, bin), count);
        }
        Ok(())
    }

    /// Hands everything over.
    pub(crate) fn finish(mut self) -> ReadStats {
        self.buffer.flush();
        self.stats
    }
}

#[cold]
fn bad_position(binning: &Binning, x: f64, y: f64) -> String {
    if x.is_finite() && y.is_finite() {
        let reach = binning.reach_um();
        return format!(
            "position ({x}, {y}), expected coordinates within {reach} µm of the origin. Check the unit (--um-per-unit), --origin and --bin-um"
        );
    }
    format!("position ({x}, {y}), expected finite coordinates in µm. Remove the row or give its position")
}
