//! Interpolation between bins that are known at irregular positions.

use super::Raster;

/// A bin further than this many bins from every known one says nothing about its neighbours: there is no tissue between
/// them, and the sums stay short.
const REACH: usize = 16;

/// For every bin the nearest known one by Euclidean distance, the upper and then the left one of equals; `None` if no bin
/// is known.
pub(super) fn nearest(known: &Raster<bool>) -> Option<Raster<(usize, usize)>> {
    let (rows, cols) = known.shape();
    let in_column = nearest_in_column(known);
    let at = |row: usize, col: usize| {
        let mut best: Option<(usize, usize, usize)> = None;
        for dx in 0..cols {
            if best.is_some_and(|(square, ..)| dx * dx > square) {
                break;
            }
            let sides = [col.checked_sub(dx), (dx > 0).then_some(col + dx).filter(|col| *col < cols)];
            for side in sides.into_iter().flatten() {
                if let Some(other) = in_column[(row, side)] {
                    let candidate = (dx * dx + row.abs_diff(other).pow(2), other, side);
                    best = Some(best.map_or(candidate, |best| best.min(candidate)));
                }
            }
        }
        best.map(|(_, row, col)| (row, col))
    };
    let found: Option<Vec<_>> = (0..rows * cols).map(|i| at(i / cols, i % cols)).collect();
    Raster::from_vec(rows, cols, found?)
}

/// For every bin the row of the nearest known bin of its column, the upper one of equals.
fn nearest_in_column(known: &Raster<bool>) -> Raster<Option<usize>> {
    let (rows, cols) = known.shape();
    let mut found: Raster<Option<usize>> = Raster::filled(rows, cols, None);
    for col in 0..cols {
        let mut above = None;
        for row in 0..rows {
            above = if known[(row, col)] { Some(row) } else { above };
            found[(row, col)] = above;
        }
        let mut below: Option<usize> = None;
        for row in (0..rows).rev() {
            below = if known[(row, col)] { Some(row) } else { below };
            let closer = |above: usize, below: usize| if below - row < row - above { below } else { above };
            found[(row, col)] = match (found[(row, col)], below) {
                (Some(above), Some(below)) => Some(closer(above, below)),
                (above, below) => above.or(below),
            };
        }
    }
    found
}

/// Discrete natural-neighbour (Sibson) interpolation (Park et al. 2006, IEEE TVCG 12:243): every bin spreads the value of
/// its nearest known bin over all bins that are no further from it than that one, and each bin takes the mean of what it
/// was given. Known bins keep their values; the result has no parameter, is continuous, and stays within the values around.
pub(super) fn natural_neighbour(values: &Raster<f32>, known: &Raster<bool>) -> Option<Raster<f32>> {
    let (rows, cols) = known.shape();
    let nearest = nearest(known)?;
    let mut sums = Raster::filled(rows, cols, (0.0_f32, 0.0_f32));
    let mut give = |at: (usize, usize), value: f32| {
        let (sum, number) = &mut sums[at];
        *sum += value;
        *number += 1.0;
    };
    for row in 0..rows {
        for col in 0..cols {
            let from = nearest[(row, col)];
            let square = row.abs_diff(from.0).pow(2) + col.abs_diff(from.1).pow(2);
            let value = values[from];
            if square > REACH * REACH {
                give((row, col), value);
                continue;
            }
            let reach = square.isqrt();
            for other in row.saturating_sub(reach)..(row + reach + 1).min(rows) {
                let width = (square - row.abs_diff(other).pow(2)).isqrt();
                for side in col.saturating_sub(width)..(col + width + 1).min(cols) {
                    give((other, side), value);
                }
            }
        }
    }
    Some(Raster::from_fn(rows, cols, |row, col| {
        let at = (row, col);
        if known[at] { values[at] } else { sums[at].0 / sums[at].1 }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raster() -> impl Strategy<Value = Raster<bool>> {
        (2..12_usize, 2..12_usize).prop_flat_map(|(rows, cols)| {
            let flags = prop::collection::vec(prop::bool::weighted(0.2), rows * cols);
            flags.prop_map(move |flags| Raster::from_vec(rows, cols, flags).unwrap())
        })
    }

    proptest! {
        #[test]
        fn the_nearest_known_bin_is_that_of_a_search_over_all(known in raster()) {
            let (rows, cols) = known.shape();
            let all = || (0..rows * cols).map(|i| (i / cols, i % cols)).filter(|at| known[*at]);
            let found = nearest(&known);
            prop_assert_eq!(found.is_some(), all().next().is_some());
            for (i, got) in found.iter().flat_map(|found| found.values().iter().enumerate()) {
                let (row, col) = (i / cols, i % cols);
                let square = |at: (usize, usize)| row.abs_diff(at.0).pow(2) + col.abs_diff(at.1).pow(2);
                let expected = all().min_by_key(|at| (square(*at), at.0, at.1)).unwrap();
                prop_assert_eq!(*got, expected);
            }
        }

        #[test]
        fn values_stay_within_those_that_are_known_and_known_ones_stay(known in raster()) {
            let values = Raster::from_fn(known.rows(), known.cols(), |r, c| ((r * 7 + c * 3) % 11) as f32);
            let Some(dense) = natural_neighbour(&values, &known) else { return Ok(()) };
            let inside = || values.values().iter().zip(known.values()).filter(|(_, known)| **known).map(|(v, _)| *v);
            let (low, high) = inside().fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)));
            for ((got, value), known) in dense.values().iter().zip(values.values()).zip(known.values()) {
                prop_assert!((low - 1e-4..=high + 1e-4).contains(got));
                prop_assert!(!known || got == value);
            }
        }
    }

    #[test]
    fn a_plane_is_reproduced_between_the_bins_of_a_lattice() {
        let plane = Raster::from_fn(13, 13, |r, c| 3.0 + 0.5 * r as f32 - 0.25 * c as f32);
        let known = Raster::from_fn(13, 13, |r, c| r % 2 == 0 && c % 2 == 0);
        let dense = natural_neighbour(&plane, &known).unwrap();
        for at in (4..9).flat_map(|r| (4..9).map(move |c| (r, c))) {
            assert!((dense[at] - plane[at]).abs() < 0.26, "{at:?}: {} {}", dense[at], plane[at]);
        }
        // Halfway between two, and in the middle of four.
        assert!((dense[(6, 7)] - plane[(6, 7)]).abs() < 0.13 && (dense[(7, 7)] - plane[(7, 7)]).abs() < 0.13);
    }
}
