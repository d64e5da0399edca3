//! The nearest known bin of every bin, in time linear in the bins.

use super::Raster;

/// For every bin the nearest known one by Euclidean distance, the upper and then the left one of equals; `None` if no bin
/// is known.
///
/// The exact distance transform of Meijster, Roerdink & Hesselink (2000), which Felzenszwalb & Huttenlocher (2012) have too: in a
/// row, the nearest bins of the columns span parabolas over it, of which the lowest counts. Here those that are lowest together
/// with another stay as well, so that equals can be told apart.
pub(super) fn nearest(known: &Raster<bool>) -> Option<Raster<(usize, usize)>> {
    let (rows, cols) = known.shape();
    let in_column = nearest_in_column(known);
    let mut found = Vec::with_capacity(rows * cols);
    let mut lowest: Vec<Parabola> = Vec::with_capacity(cols);
    for row in 0..rows {
        lowest.clear();
        for col in 0..cols {
            let Some(other) = in_column[(row, col)] else { continue };
            let new = Parabola { col, row: other, height: row.abs_diff(other).pow(2) };
            // The last one is lowest nowhere if the new one is lower before it has passed the one before.
            while let [.., before, last] = lowest[..] {
                if before.passes(&last).first <= last.passes(&new).last {
                    break;
                }
                lowest.pop();
            }
            lowest.push(new);
        }
        let mut at = 0;
        for col in 0..cols {
            let passes = |at: usize| lowest.get(at + 1).map(|next| lowest[at].passes(next));
            while passes(at).is_some_and(|passes| passes.last < col as i64) {
                at += 1;
            }
            let ties = (at..).take_while(|&tie| tie == at || passes(tie - 1).is_some_and(|p| p.first <= col as i64));
            let best = ties.filter_map(|tie| lowest.get(tie)).min_by_key(|bin| (bin.at(col), bin.row, bin.col))?;
            found.push((best.row, best.col));
        }
    }
    Raster::from_vec(rows, cols, found)
}

/// How far every bin is from its nearest known one, in bins; `None` if no bin is known.
pub fn distances(known: &Raster<bool>) -> Option<Raster<f64>> {
    let nearest = nearest(known)?;
    Some(Raster::from_fn(known.rows(), known.cols(), |row, col| {
        let (other_row, other_col) = nearest[(row, col)];
        (other_row.abs_diff(row) as f64).hypot(other_col.abs_diff(col) as f64)
    }))
}

/// The squared distances of a row's bins from one known bin.
#[derive(Clone, Copy)]
struct Parabola {
    col: usize,
    row: usize,
    /// The square of the rows between.
    height: usize,
}

/// Where one parabola gives way to the next.
struct Passes {
    /// The last column where it is not above the next.
    last: i64,
    /// The first column where the next is not above it; `last` itself where they are equal there, else the one after it.
    first: i64,
}

impl Parabola {
    /// The squared distance of the bin in this column.
    fn at(&self, col: usize) -> usize {
        col.abs_diff(self.col).pow(2) + self.height
    }

    /// Where this parabola and one of a column further right cross, rounded to columns.
    fn passes(&self, right: &Parabola) -> Passes {
        let square = |of: &Parabola| (of.col * of.col + of.height) as i64;
        let (above, below) = (square(right) - square(self), 2 * (right.col - self.col) as i64);
        let last = above.div_euclid(below);
        Passes { last, first: last + i64::from(above.rem_euclid(below) > 0) }
    }
}

/// For every bin the row of the nearest known bin of its column, the upper one of equals.
fn nearest_in_column(known: &Raster<bool>) -> Raster<Option<usize>> {
    let (rows, cols) = known.shape();
    let mut found: Raster<Option<usize>> = Raster::filled(rows, cols, None);
    // Row by row, as they lie in memory.
    let mut last = vec![None; cols];
    for row in 0..rows {
        for (col, above) in last.iter_mut().enumerate() {
            *above = if known[(row, col)] { Some(row) } else { *above };
            found[(row, col)] = *above;
        }
    }
    last.fill(None);
    for row in (0..rows).rev() {
        for (col, below) in last.iter_mut().enumerate() {
            *below = if known[(row, col)] { Some(row) } else { *below };
            let closer = |above: usize, below: usize| if below - row < row - above { below } else { above };
            found[(row, col)] = match (found[(row, col)], *below) {
                (Some(above), Some(below)) => Some(closer(above, below)),
                (above, below) => above.or(below),
            };
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raster() -> impl Strategy<Value = Raster<bool>> {
        (1..30_usize, 1..30_usize, 0.01..0.9).prop_flat_map(|(rows, cols, share)| {
            let flags = prop::collection::vec(prop::bool::weighted(share), rows * cols);
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
    }

    #[test]
    fn of_many_bins_as_far_the_upper_and_then_the_left_one_is_taken() {
        // Twelve bins on a circle of radius 5.
        let on_circle = |row: usize, col: usize| row.abs_diff(6).pow(2) + col.abs_diff(6).pow(2) == 25;
        let found = nearest(&Raster::from_fn(13, 13, on_circle)).unwrap();
        assert_eq!((found[(6, 6)], found[(7, 6)], found[(6, 5)]), ((1, 6), (11, 6), (6, 1)));
        let halves = nearest(&Raster::from_fn(3, 3, |row, col| row != 1 && col != 1)).unwrap();
        assert_eq!((halves[(1, 1)], halves[(2, 1)], halves[(1, 2)]), ((0, 0), (2, 0), (0, 2)));
    }
}
