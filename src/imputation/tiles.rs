//! Windows that cover a section.

/// A window of the measured image: its first row and column, in measured bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    /// First row.
    pub row: usize,
    /// First column.
    pub col: usize,
}

/// Windows of `side` × `side` measured bins over an image of `rows` × `cols`, neighbours sharing at least `overlap` of them.
///
/// The last window of each row and column ends where the image ends; along a side on which the image is smaller than the
/// window there is one window, from 0.
pub(super) fn tiles(rows: usize, cols: usize, side: usize, overlap: usize) -> Vec<Tile> {
    let down = starts(rows, side, overlap);
    let across = starts(cols, side, overlap);
    down.iter().flat_map(|&row| across.iter().map(move |&col| Tile { row, col })).collect()
}

fn starts(length: usize, side: usize, overlap: usize) -> Vec<usize> {
    let last = length.saturating_sub(side);
    let stride = side.saturating_sub(overlap).max(1);
    let count = last.div_ceil(stride);
    // Evenly spread, so that no two windows overlap much more than others.
    (0..=count).map(|i| if count == 0 { 0 } else { (i * last).div_ceil(count) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_bin_is_covered_and_neighbours_overlap(length in 1usize..200, side in 1usize..40, overlap in 0usize..20) {
            prop_assume!(overlap < side);
            let starts = starts(length, side, overlap);
            prop_assert_eq!(starts[0], 0);
            prop_assert!(starts.last().unwrap() + side >= length);
            for pair in starts.windows(2) {
                prop_assert!(pair[0] < pair[1] && pair[0] + side >= pair[1] + overlap);
            }
            prop_assert!(length < side || starts.last().unwrap() + side == length);
        }
    }
}
