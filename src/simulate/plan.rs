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
}

impl Plan {
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
        Ok(())
    }
}
