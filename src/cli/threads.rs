//! How many threads work.

use crate::{Error, Result};

/// Sets the number of CPU threads; 0 takes every core.
pub fn threads(number: usize) -> Result<()> {
    if number == 0 {
        // What rayon does by itself, at its first use.
        return Ok(());
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(number)
        .build_global()
        .map_err(|e| Error::Io(format!("could not start {number} threads: {e}")))
}
