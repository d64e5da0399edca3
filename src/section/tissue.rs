//! The dense tissue mask, inferred from the measured bins alone (§8.3 of the method).

use super::{Interpolation, Raster, Sampling};

/// The tissue mask [rows, cols] of the whole grid from the `flags` [rows, cols] of the measured bins.
///
/// A measured bin keeps its own flag; an unmeasured one is tissue where the bilinear interpolation of the
/// surrounding measured flags is at least one half. No withheld bin is looked at, so that a benchmark knows
/// no more than a section that really was sampled sparsely.
pub fn infer_tissue(sampling: &Sampling, flags: &Raster<bool>) -> Raster<bool> {
    let shares = flags.map(|&flag| if flag { 1.0 } else { 0.0 });
    sampling.interpolate(Interpolation::Bilinear, &shares, sampling.measured()).map(|&share| share >= 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::{Lattice, Scale};

    #[test]
    fn measured_flags_survive_and_ties_count_as_tissue() {
        let lattice = Lattice::new(Scale::new(2).unwrap());
        let flags = Raster::from_fn(4, 4, |_, col| col < 2);
        let dense = infer_tissue(&Sampling::regular(lattice, 4, 4), &flags);
        let expected = [true, true, false, false].repeat(4);
        assert_eq!(dense.values(), expected);
    }
}
