//! The known bins around a bin: what inverse distance weighting and kriging read.

use super::{Raster, SummedArea};

/// The known bins of a grid, ready to be asked for those around any bin.
#[derive(Clone, Debug)]
pub(crate) struct Neighbourhood {
    known: Raster<bool>,
    sums: SummedArea,
    /// As many neighbours as are asked for, those as far as the last of them not counted.
    count: usize,
}

impl Neighbourhood {
    /// The neighbourhoods of `count` bins among those `known` [rows, cols]; of all of them where they are fewer.
    pub(crate) fn new(known: Raster<bool>, count: usize) -> Self {
        let sums = SummedArea::new(&known);
        Neighbourhood { count: count.min(sums.total()), known, sums }
    }

    /// The known bins nearest to bin `at`, as (row, col) relative to it, and those as far as the last of them: with ties cut
    /// short, one side of a symmetric neighbourhood would count and not the other. Nearest first, then by row and column.
    pub(crate) fn around(&self, at: (usize, usize)) -> Vec<(i32, i32)> {
        if self.count == 0 {
            return Vec::new();
        }
        // The half side of the smallest square with enough bins; the nearest ones are no farther than its corners.
        let (mut low, mut high) = (0, self.known.rows().max(self.known.cols()));
        while low < high {
            let middle = (low + high) / 2;
            if self.within(at, middle) >= self.count { high = middle } else { low = middle + 1 }
        }
        let reach = (low as f64 * std::f64::consts::SQRT_2).ceil() as usize;
        let (rows, cols) = self.known.shape();
        let mut found: Vec<(i32, i32)> = Vec::new();
        for row in at.0.saturating_sub(reach)..(at.0 + reach + 1).min(rows) {
            for col in at.1.saturating_sub(reach)..(at.1 + reach + 1).min(cols) {
                if self.known[(row, col)] {
                    found.push((row as i32 - at.0 as i32, col as i32 - at.1 as i32));
                }
            }
        }
        found.sort_by_key(|offset| (square(*offset), *offset));
        let farthest = square(found[self.count - 1]);
        found.truncate(found.partition_point(|offset| square(*offset) <= farthest));
        found
    }

    /// The number of known bins in the square of this half side around `at`.
    fn within(&self, at: (usize, usize), half: usize) -> usize {
        let (top, left) = (at.0.saturating_sub(half), at.1.saturating_sub(half));
        let (bottom, right) = ((at.0 + half + 1).min(self.known.rows()), (at.1 + half + 1).min(self.known.cols()));
        self.sums.within(top..bottom, left..right)
    }
}

/// The square of the length of an offset (row, col), in bins.
pub(super) fn square((row, col): (i32, i32)) -> i32 {
    row * row + col * col
}

/// The bin at `offset` from `at`.
pub(super) fn shifted(at: (usize, usize), offset: (i32, i32)) -> (usize, usize) {
    (at.0.wrapping_add_signed(offset.0 as isize), at.1.wrapping_add_signed(offset.1 as isize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn neighbours_are_those_of_a_search_over_all(
            flags in prop::collection::vec(prop::bool::weighted(0.15), 13 * 17), row in 0..13_usize, col in 0..17_usize, count in 1..9_usize
        ) {
            let known = Raster::from_vec(13, 17, flags).unwrap();
            let mut all: Vec<(i32, i32)> = (0..13 * 17)
                .map(|i| (i / 17, i % 17))
                .filter(|at| known[*at])
                .map(|at| (at.0 as i32 - row as i32, at.1 as i32 - col as i32))
                .collect();
            all.sort_by_key(|offset| (square(*offset), *offset));
            let farthest = all.get(count.min(all.len()).wrapping_sub(1)).map_or(-1, |offset| square(*offset));
            all.retain(|offset| square(*offset) <= farthest);
            prop_assert_eq!(Neighbourhood::new(known, count).around((row, col)), all);
        }
    }
}
