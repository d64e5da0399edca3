//! What a folder holds, for all who look for files in one.

use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// Everything in `folder`, sorted, without what macOS leaves on disks that are not its own: `._NAME` beside every NAME.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io(folder, "read", e))?;
    let mut all: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    all.retain(|path| !is_apple_double(path));
    all.sort();
    Ok(all)
}

/// Whether `path` is what macOS keeps of a file's attributes, and no file of data.
pub(crate) fn is_apple_double(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"._"))
}

/// The file's name in lower case.
pub(crate) fn lower_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().to_lowercase()
}
