//! What to simulate.

use crate::{Error, Result};

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Rows of bins.
    pub rows: usize,
    /// Columns of bins.
    pub cols: usize,
    /// Side of a bin in µm.
    pub bin_um: f64,
    /// Number of genes.
    pub genes: usize,
    /// Decides everything.
    pub seed: u64,
    /// How deep in µm below the first section of the block it was cut: 0 for a section alone. Structures go on smoothly from one depth to another.
    pub depth_um: f64,
}

impl Plan {
    /// What the draws of molecules and nuclei depend on: no two sections of a block have the same.
    pub(super) fn stream(&self) -> u64 {
        self.seed ^ self.depth_um.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// Refuses numbers that make no sense, naming the flag of `s2s-simulate`.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |flag: &str, found: String, expected: &str| {
            Err(Error::Usage(format!("{flag} {found}: expected {expected}")))
        };
        for (flag, value) in [("--rows", self.rows), ("--cols", self.cols), ("--genes", self.genes)] {
            if value == 0 || value > 20_000 {
                return wrong(flag, value.to_string(), "a number from 1 to 20000");
            }
        }
        if !(self.bin_um > 0.0 && self.bin_um <= 1000.0) {
            return wrong("--bin-um", self.bin_um.to_string(), "µm above 0, up to 1000");
        }
        if !(self.depth_um >= 0.0 && self.depth_um <= 10_000.0) {
            return wrong("--distance-um", self.depth_um.to_string(), "a depth of 0 to 10000 µm in all");
        }
        Ok(())
    }
}
