//! Interpolation between bins that are known at irregular positions.

use super::Raster;
use super::nearest::nearest;

/// As far as [`fill`] spreads, in bins. Beyond it there is no tissue between the known bins.
pub const REACH: usize = 8;

/// Values between `known` bins, which keep theirs: bin by bin outwards, the mean of those of the eight neighbours that have a
/// value, those beside weighing twice those at the corners. On a lattice with S = 2 that is bilinear interpolation.
///
/// Beyond [`REACH`] bins every bin takes the value of its nearest known one. `None` if no bin is known.
pub fn fill(values: &Raster<f32>, known: &Raster<bool>) -> Option<Raster<f32>> {
    if !known.values().contains(&true) {
        return None;
    }
    let (rows, cols) = known.shape();
    let (mut dense, mut has) = (values.clone(), known.clone());
    let empty = |has: &Raster<bool>| {
        let bins = (0..rows * cols).map(|i| (i / cols, i % cols));
        bins.filter(|at| !has[*at]).collect::<Vec<_>>()
    };
    let mut left = empty(&has);
    for _ in 0..REACH {
        let found: Vec<((usize, usize), f32)> =
            left.iter().filter_map(|&at| Some((at, mean_of_neighbours(&dense, &has, at)?))).collect();
        for (at, value) in found {
            (dense[at], has[at]) = (value, true);
        }
        left.retain(|at| !has[*at]);
    }
    if !left.is_empty() {
        let nearest = nearest(known)?;
        left.into_iter().for_each(|at| dense[at] = values[nearest[at]]);
    }
    Some(dense)
}

fn mean_of_neighbours(dense: &Raster<f32>, has: &Raster<bool>, (row, col): (usize, usize)) -> Option<f32> {
    let (mut sum, mut weight) = (0.0, 0.0);
    for r in row.saturating_sub(1)..(row + 2).min(has.rows()) {
        for c in col.saturating_sub(1)..(col + 2).min(has.cols()) {
            if has[(r, c)] {
                let share = if r == row || c == col { 2.0 } else { 1.0 };
                sum += share * dense[(r, c)];
                weight += share;
            }
        }
    }
    (weight > 0.0).then(|| sum / weight)
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
        fn values_stay_within_those_that_are_known_and_known_ones_stay(known in raster()) {
            let values = Raster::from_fn(known.rows(), known.cols(), |r, c| ((r * 7 + c * 3) % 11) as f32);
            let Some(dense) = fill(&values, &known) else { return Ok(()) };
            let inside = || values.values().iter().zip(known.values()).filter(|(_, known)| **known).map(|(v, _)| *v);
            let (low, high) = inside().fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)));
            for ((got, value), known) in dense.values().iter().zip(values.values()).zip(known.values()) {
                prop_assert!((low - 1e-4..=high + 1e-4).contains(got));
                prop_assert!(!known || got == value);
            }
        }
    }

    #[test]
    fn on_a_lattice_of_two_it_is_bilinear_interpolation() {
        use crate::section::{Interpolation, Lattice, Scale, interpolate};
        let lattice = Lattice::new(Scale::new(2).unwrap());
        let values = Raster::from_fn(13, 17, |r, c| ((r * 7 + c * 3) % 11) as f32);
        let known = Raster::from_fn(13, 17, |r, c| lattice.measures(r, c));
        let sparse = lattice.subsample(&values);
        let expected = interpolate(Interpolation::Bilinear, lattice, &sparse, &sparse.map(|_| true), 13, 17);
        let found = fill(&values, &known).unwrap();
        for (found, expected) in found.values().iter().zip(expected.values()) {
            assert!((found - expected).abs() < 1e-5, "{found}, expected {expected}");
        }
    }

    #[test]
    fn a_bin_far_from_every_known_one_takes_the_nearest() {
        let known = Raster::from_fn(1, 40, |_, col| col == 3 || col == 39);
        let values = Raster::from_fn(1, 40, |_, col| col as f32);
        let dense = fill(&values, &known).unwrap();
        assert_eq!((dense[(0, 15)], dense[(0, 25)]), (3.0, 39.0));
    }
}
