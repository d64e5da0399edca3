//! What a folder holds, for all who look for files in one: names with words of the sample's before them, as downloads have them.

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

/// A file or folder by the end of its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Named {
    /// What stands before that end, in lower case.
    pub prefix: String,
    /// The number of the end among those that were looked for.
    pub rank: usize,
    pub path: PathBuf,
}

impl Named {
    /// What of `paths` is called by one of `ends` (in lower case), perhaps behind other words: for each of those words the
    /// one with the first end, sorted.
    pub(crate) fn among(paths: &[PathBuf], ends: &[&str]) -> Vec<Named> {
        let named = |path: &PathBuf| {
            let name = lower_name(path);
            ends.iter().enumerate().find_map(|(rank, end)| {
                let prefix = name.strip_suffix(end)?;
                let whole = end.starts_with('.') || !prefix.ends_with(char::is_alphanumeric);
                whole.then(|| Named { prefix: prefix.to_owned(), rank, path: path.clone() })
            })
        };
        let mut all: Vec<Named> = paths.iter().filter_map(named).collect();
        all.sort();
        all.dedup_by(|later, first| later.prefix == first.prefix);
        all
    }

    /// `given` alone where it is one of `all`: who gives a file does not mean its neighbours.
    pub(crate) fn or_given(mut all: Vec<Named>, given: &Path) -> Vec<Named> {
        if all.iter().any(|named| named.path == given) {
            all.retain(|named| named.path == given);
        }
        all
    }

    /// The only one of `all`; [`Error::Data`] names two where there are more.
    pub(crate) fn only(all: Vec<Named>, folder: &Path, remedy: &str) -> Result<Option<Named>> {
        match all.as_slice() {
            [one, other, ..] => {
                Err(Error::data(folder, format!("holds {} and {}. {remedy}", one.path.display(), other.path.display())))
            }
            _ => Ok(all.into_iter().next()),
        }
    }
}

/// The folders in `folder` and in those, down to the `outs` of a pipeline in the folder of a sample; stores are no folders.
pub(crate) fn below(folder: &Path) -> Vec<PathBuf> {
    let is_store = |path: &Path| lower_name(path).ends_with(".zarr") || lower_name(path).ends_with(".s2s");
    let folders = |folder: &Path| -> Vec<PathBuf> {
        entries(folder).unwrap_or_default().into_iter().filter(|path| path.is_dir() && !is_store(path)).collect()
    };
    let first = folders(folder);
    let second: Vec<PathBuf> = first.iter().flat_map(|folder| folders(folder)).collect();
    [first, second].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_the_end_of_their_names_and_the_words_before() {
        let paths: Vec<PathBuf> =
            ["GSM1_S1_cells.csv.gz", "GSM1_S1_cells.parquet", "S2-cells.csv", "supercells.csv", "cells.parquet"]
                .map(PathBuf::from)
                .to_vec();
        let found = Named::among(&paths, &["cells.parquet", "cells.csv.gz", "cells.csv"]);
        let found: Vec<(&str, &str)> = found.iter().map(|n| (n.prefix.as_str(), n.path.to_str().unwrap())).collect();
        let expected = [("", "cells.parquet"), ("gsm1_s1_", "GSM1_S1_cells.parquet"), ("s2-", "S2-cells.csv")];
        assert_eq!(found, expected);
        let two = Named::among(&paths, &["cells.parquet"]);
        let error = Named::only(two, Path::new("F"), "Give one").unwrap_err().to_string();
        assert_eq!(error, "F: holds cells.parquet and GSM1_S1_cells.parquet. Give one");
    }
}
