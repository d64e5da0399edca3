//! How many bins of a map are set within any rectangle.

use super::Raster;
use std::ops::Range;

/// The summed-area table of a map of flags: counts within rectangles by four look-ups (Crow, 1984).
#[derive(Clone, Debug)]
pub struct SummedArea {
    /// The number of set bins above and to the left of each corner, [rows + 1, cols + 1].
    sums: Raster<u32>,
}

impl SummedArea {
    /// The table of `flags` [rows, cols].
    pub fn new(flags: &Raster<bool>) -> Self {
        let (rows, cols) = flags.shape();
        let mut sums = Raster::filled(rows + 1, cols + 1, 0);
        for (row, col) in (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col))) {
            let own = u32::from(flags[(row, col)]);
            sums[(row + 1, col + 1)] = own + sums[(row, col + 1)] + sums[(row + 1, col)] - sums[(row, col)];
        }
        SummedArea { sums }
    }

    /// The number of set bins in these `rows` and `cols`, which lie on the map.
    pub fn within(&self, rows: Range<usize>, cols: Range<usize>) -> usize {
        let at = |row, col| self.sums[(row, col)];
        (at(rows.end, cols.end) + at(rows.start, cols.start) - at(rows.start, cols.end) - at(rows.end, cols.start))
            as usize
    }

    /// The number of all set bins.
    pub fn total(&self) -> usize {
        self.sums.values().last().map_or(0, |sum| *sum as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_rectangle_holds_what_counting_finds(
            flags in prop::collection::vec(any::<bool>(), 63), rows in (0..8_usize, 0..8_usize), cols in (0..10_usize, 0..10_usize)
        ) {
            let map = Raster::from_vec(7, 9, flags).unwrap();
            let (rows, cols) = (rows.0.min(rows.1)..rows.0.max(rows.1), cols.0.min(cols.1)..cols.0.max(cols.1));
            let expected = rows.clone().flat_map(|row| cols.clone().map(move |col| (row, col))).filter(|at| map[*at]).count();
            let table = SummedArea::new(&map);
            prop_assert_eq!(table.within(rows, cols), expected);
            prop_assert_eq!(table.total(), map.values().iter().filter(|flag| **flag).count());
        }
    }
}
