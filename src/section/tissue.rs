//! The dense tissue mask, inferred from the measured bins alone (§8.3 of the method).

use super::{Interpolation, Lattice, Raster, interpolate};

/// The tissue mask [rows, cols] of the whole grid from the flags of the measured bins.
///
/// A measured bin keeps its own flag; an unmeasured one is tissue where the bilinear interpolation of the
/// surrounding measured flags is at least one half. No withheld bin is looked at, so that a benchmark knows
/// no more than a section that really was sampled sparsely.
pub fn infer_tissue(lattice: Lattice, measured_flags: &Raster<bool>, rows: usize, cols: usize) -> Raster<bool> {
    let all = measured_flags.map(|_| true);
    let flags = measured_flags.map(|&flag| if flag { 1.0 } else { 0.0 });
    let dense = interpolate(Interpolation::Bilinear, lattice, &flags, &all, rows, cols);
    dense.map(|&share| share >= 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::Scale;

    #[test]
    fn measured_flags_survive_and_ties_count_as_tissue() {
        let lattice = Lattice::new(Scale::new(2).unwrap());
        let flags = Raster::from_vec(2, 2, vec![true, false, true, false]).unwrap();
        let dense = infer_tissue(lattice, &flags, 4, 4);
        let expected = [true, true, false, false].repeat(4);
        assert_eq!(dense.values(), expected);
    }
}
