//! What is checked before hours of work: that the result can be written, and how many threads do it.

use crate::{Error, Result};
use std::path::Path;

/// Refuses an output whose folder does not exist or cannot be written to, before the work rather than after it.
pub fn writable(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return Err(Error::Usage(format!("{}: is a folder, expected the name of a file to write", path.display())));
    }
    tempfile::tempfile_in(folder).map(drop).map_err(|e| {
        Error::Io(format!(
            "{}: could not write into {}: {e}. Create the folder or choose another --output",
            path.display(),
            folder.display()
        ))
    })
}

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
