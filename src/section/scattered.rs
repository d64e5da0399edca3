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
    let filling = Filling::between(known);
    let mut dense = values.clone();
    filling.fill(dense.values_mut());
    if !filling.beyond.is_empty() {
        let nearest = nearest(known)?;
        filling.beyond.iter().for_each(|&at| dense.values_mut()[at] = values[nearest.values()[at]]);
    }
    Some(dense)
}

/// In which order bins between known ones take their values, and from which neighbours: the same for all images that are known at the same bins.
pub struct Filling {
    cols: usize,
    taken: Vec<Taken>,
    /// Bins that are too far from every known one.
    beyond: Vec<usize>,
}

/// How a bin takes its value.
struct Taken {
    at: usize,
    /// A bit for each of [`AROUND`] that has a value before.
    from: u8,
    weight: f32,
}

/// The neighbours of a bin: rows and columns further, and how much they weigh.
const AROUND: [(isize, isize, f32); 8] =
    [(-1, -1, 1.0), (-1, 0, 2.0), (-1, 1, 1.0), (0, -1, 2.0), (0, 1, 2.0), (1, -1, 1.0), (1, 0, 2.0), (1, 1, 1.0)];

impl Filling {
    /// That of images which are `known` at these bins.
    pub fn between(known: &Raster<bool>) -> Self {
        let (rows, cols) = known.shape();
        let neighbour = |at: usize, which: usize| {
            let (down, right, _) = AROUND[which];
            let row = (at / cols).checked_add_signed(down).filter(|row| *row < rows)?;
            let col = (at % cols).checked_add_signed(right).filter(|col| *col < cols)?;
            Some(row * cols + col)
        };
        // After how many steps outwards a bin has its value.
        let mut after: Vec<usize> = known.values().iter().map(|known| if *known { 0 } else { usize::MAX }).collect();
        let mut outermost: Vec<usize> = (0..rows * cols).filter(|at| after[*at] == 0).collect();
        let mut taken = Vec::new();
        for step in 1..=REACH {
            let mut next = Vec::new();
            for at in outermost.iter().flat_map(|&at| (0..AROUND.len()).filter_map(move |which| neighbour(at, which))) {
                if after[at] == usize::MAX {
                    after[at] = step;
                    next.push(at);
                }
            }
            next.sort_unstable();
            taken.extend(next.iter().map(|&at| {
                let has = |which: &usize| neighbour(at, *which).is_some_and(|other| after[other] < step);
                let (mut from, mut weight) = (0, 0.0);
                for which in (0..AROUND.len()).filter(has) {
                    from |= 1 << which;
                    weight += AROUND[which].2;
                }
                Taken { at, from, weight }
            }));
            outermost = next;
        }
        Filling { cols, taken, beyond: (0..rows * cols).filter(|at| after[*at] == usize::MAX).collect() }
    }

    /// Gives the bins between their values; those that are too far keep what `image` has there.
    pub fn fill(&self, image: &mut [f32]) {
        let further = AROUND.map(|(down, right, _)| down * self.cols as isize + right);
        for Taken { at, from, weight } in &self.taken {
            let (mut sum, mut left) = (0.0, *from);
            while left > 0 {
                let which = left.trailing_zeros() as usize;
                sum += AROUND[which].2 * image[at.wrapping_add_signed(further[which])];
                left &= left - 1;
            }
            image[*at] = sum / weight;
        }
    }
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
