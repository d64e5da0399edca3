//! The grid before it is framed.

use super::bin::{AXIS_HALF, AbsoluteBin};
use super::measured::MeasuredBins;
use crate::section::Lattice;

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
    #[inline(always)]
    pub(crate) fn bin_at(&self, x: f64, y: f64) -> Option<AbsoluteBin> {
        let col = (x - self.anchor_um[0]) / self.bin_um;
        let row = (y - self.anchor_um[1]) / self.bin_um;
        let half = f64::from(AXIS_HALF);
        let within = |place: f64| place >= -half && place < half;
        (within(row) && within(col)).then(|| AbsoluteBin { row: floor(row), col: floor(col) })
    }

    /// x and y in µm of the centre of a bin.
    pub(crate) fn centre_um(&self, bin: AbsoluteBin) -> [f64; 2] {
        let centre = |axis: usize, index: i32| self.anchor_um[axis] + (f64::from(index) + 0.5) * self.bin_um;
        [centre(0, bin.col), centre(1, bin.row)]
    }

    /// Where the bins from `first` to `last` lie, for people.
    pub(crate) fn span(&self, (first, last): (AbsoluteBin, AbsoluteBin)) -> String {
        let (from, to) = (self.centre_um(first), self.centre_um(last));
        let axis = |axis: usize| {
            let half = self.bin_um / 2.0;
            format!("{:.0} to {:.0}", from[axis] - half, to[axis] + half)
        };
        format!("x {}, y {} µm", axis(0), axis(1))
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

/// ⌊`place`⌋ of a number within the range of i32: without SSE 4.1 the standard library's would be a call for every molecule.
fn floor(place: f64) -> i32 {
    let towards_zero = place as i32;
    towards_zero - i32::from(place < f64::from(towards_zero))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn floors_are_those_of_the_standard_library(whole in -(1 << 21)..1 << 21_i32, part in -1.0..1.0_f64) {
            for place in [f64::from(whole), f64::from(whole) + part, part, -0.0] {
                prop_assert_eq!(f64::from(floor(place)), place.floor());
            }
        }
    }
}
