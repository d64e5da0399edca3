//! A part of many bins that stands for all of them.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// `sample` of `bins` bins in their order, all where they are no more: one at random of every stretch of them, so that no row or
/// column of the section is preferred. The same bins every time.
pub fn spread(bins: usize, sample: usize) -> Vec<usize> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let sample = sample.min(bins);
    (0..sample).map(|place| rng.random_range(place * bins / sample..(place + 1) * bins / sample)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_ascend_and_few_are_all() {
        let drawn = spread(1000, 64);
        assert_eq!(drawn.len(), 64);
        assert!(drawn.is_sorted_by(|a, b| a < b) && drawn.iter().all(|bin| *bin < 1000));
        assert_eq!(spread(5, 9), [0, 1, 2, 3, 4]);
        assert!(spread(0, 9).is_empty());
    }
}
