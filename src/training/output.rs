//! Where a fit is written, checked before hours of work.

use crate::files::file_name;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// Refuses an output whose folder does not exist or cannot be written to, before the work rather than after it.
pub(super) fn writable(path: &Path) -> Result<()> {
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

/// `NAME.safetensors` in `folder`, by [`file_name`].
pub(super) fn named(folder: &Path, name: &str) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, "create", e))?;
    Ok(folder.join(format!("{}.safetensors", file_name(name))))
}
