//! Where a count goes: a gene and a bin, packed into one sortable number.

use super::measured::MeasuredBins;
use crate::section::Lattice;

/// Bits of a row or a column; half of the range is on each side of the anchor.
const AXIS_BITS: u32 = 22;
const AXIS_HALF: i32 = 1 << (AXIS_BITS - 1);
const AXIS_MASK: u64 = (1 << AXIS_BITS) - 1;
/// Bits of a feature's number.
const FEATURE_BITS: u32 = 64 - 2 * AXIS_BITS;
/// The largest number of features that keys can tell apart.
pub(crate) const MAX_FEATURES: usize = 1 << FEATURE_BITS;
/// Bits of a feature that choose its partition.
const PARTITION_BITS: u32 = 6;
/// The number of partitions into which keys fall by their feature.
pub(crate) const PARTITIONS: usize = 1 << PARTITION_BITS;

/// A bin by its distance from the anchor in bins: before the frame is known, and negative left of or above the anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AbsoluteBin {
    pub row: i32,
    pub col: i32,
}

impl AbsoluteBin {
    /// The bin, if a key can hold it.
    pub(crate) fn within_reach(row: i32, col: i32) -> Option<Self> {
        let reach = -AXIS_HALF..AXIS_HALF;
        (reach.contains(&row) && reach.contains(&col)).then_some(AbsoluteBin { row, col })
    }
}

/// The infinite grid of bins around the anchor, which no transcript can move (§8 of the method).
#[derive(Clone, Debug)]
pub(crate) struct Binning {
    /// x and y in µm of the top-left corner of bin (0, 0).
    pub anchor_um: [f64; 2],
    /// Side of a bin in µm.
    pub bin_um: f64,
    /// The lattice; bin (0, 0) lies on it. Where the measured bins lie on none, only the step between training patches.
    pub lattice: Lattice,
    /// Which bins are measured.
    pub measured: MeasuredBins,
}

impl Binning {
    /// The bin that holds the point (`x`, `y`) in µm; `None` for coordinates that are no number or out of reach.
    pub(crate) fn bin_at(&self, x: f64, y: f64) -> Option<AbsoluteBin> {
        let col = ((x - self.anchor_um[0]) / self.bin_um).floor();
        let row = ((y - self.anchor_um[1]) / self.bin_um).floor();
        let half = f64::from(AXIS_HALF);
        let within = |index: f64| index >= -half && index < half;
        (within(row) && within(col)).then_some(AbsoluteBin { row: row as i32, col: col as i32 })
    }

    /// Whether this bin is measured.
    pub(crate) fn measures(&self, bin: AbsoluteBin) -> bool {
        self.measured.measures(bin)
    }

    /// The furthest coordinate from the anchor, in µm, that has a bin.
    pub(crate) fn reach_um(&self) -> f64 {
        f64::from(AXIS_HALF) * self.bin_um
    }
}

/// A feature and a bin in 64 bits: partition, rest of the feature, row, column. Sorted keys are sorted by partition,
/// and within a feature by row and column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(u64);

impl Key {
    pub(crate) fn new(feature: u32, bin: AbsoluteBin) -> Self {
        let feature = u64::from(feature);
        let (low, high) = (feature & (PARTITIONS as u64 - 1), feature >> PARTITION_BITS);
        let shuffled = (low << (FEATURE_BITS - PARTITION_BITS)) | high;
        let axis = |index: i32| (index + AXIS_HALF) as u64;
        Key((shuffled << (2 * AXIS_BITS)) | (axis(bin.row) << AXIS_BITS) | axis(bin.col))
    }

    /// All of it as a number, in the order of keys.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// The key that [`Key::bits`] makes this number of.
    pub(crate) fn of_bits(bits: u64) -> Self {
        Key(bits)
    }

    /// The smallest number that a key of the same partition may have.
    pub(crate) fn partition_start(self) -> u64 {
        (self.partition() as u64) << (64 - PARTITION_BITS)
    }

    pub(crate) fn partition(self) -> usize {
        (self.0 >> (64 - PARTITION_BITS)) as usize
    }

    pub(crate) fn feature(self) -> u32 {
        let shuffled = self.0 >> (2 * AXIS_BITS);
        let high = shuffled & ((1 << (FEATURE_BITS - PARTITION_BITS)) - 1);
        ((high << PARTITION_BITS) | self.partition() as u64) as u32
    }

    pub(crate) fn bin(self) -> AbsoluteBin {
        let index = |bits: u64| (bits & AXIS_MASK) as i32 - AXIS_HALF;
        AbsoluteBin { row: index(self.0 >> AXIS_BITS), col: index(self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_gives_back_what_it_was_made_of(
            feature in 0..MAX_FEATURES as u32, row in -AXIS_HALF..AXIS_HALF, col in -AXIS_HALF..AXIS_HALF,
        ) {
            let bin = AbsoluteBin { row, col };
            let key = Key::new(feature, bin);
            prop_assert_eq!((key.feature(), key.bin()), (feature, bin));
            prop_assert_eq!(key.partition(), feature as usize % PARTITIONS);
        }
    }
}
