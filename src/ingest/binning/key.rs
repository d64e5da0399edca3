//! Where a count goes: a gene and a bin, packed into one sortable number.

use super::bin::{AXIS_BITS, AXIS_HALF, AbsoluteBin};

const AXIS_MASK: u64 = (1 << AXIS_BITS) - 1;
/// Bits of a feature's number.
const FEATURE_BITS: u32 = 64 - 2 * AXIS_BITS;
/// The largest number of features that keys can tell apart.
pub(crate) const MAX_FEATURES: usize = 1 << FEATURE_BITS;
/// Bits of a feature that choose its partition.
const PARTITION_BITS: u32 = 6;
/// The number of partitions into which keys fall by their feature.
pub(crate) const PARTITIONS: usize = 1 << PARTITION_BITS;

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
