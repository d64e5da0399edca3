//! The files of a Parquet data set: one, or a folder of parts as dask, Spark and polars write them, whose folders may hold the
//! value of a column in their names (`fov=3`, as Hive does).

use crate::ingest::folders::entries;
use crate::{Error, Result};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What stands for a value that is not there.
const NOTHING: &str = "__HIVE_DEFAULT_PARTITION__";

/// One file, and the columns that its folders' names hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub path: PathBuf,
    /// Names of columns and the value that all rows have in them; empty where it is missing.
    pub keys: Vec<(String, String)>,
}

/// Whether `path` is Parquet: a file by its first bytes or its name, a folder by its name or what only data sets hold.
pub(crate) fn is_parquet(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let named = [".parquet", ".pq", ".parq"].iter().any(|end| name.ends_with(end));
    if path.is_dir() {
        return (named || is_dataset(path)) && !files(path).is_ok_and(|files| files.is_empty());
    }
    // Never the start of a stream, which could be read only once.
    path.is_file() && (named || starts_as_parquet(path))
}

fn starts_as_parquet(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"PAR1"
}

/// Whether a folder is a data set: a key in the name of a folder in it, what writers of data sets leave, or parts alone.
fn is_dataset(folder: &Path) -> bool {
    let entries = entries(folder).unwrap_or_default();
    let names: Vec<String> = entries.iter().map(|path| name(path)).collect();
    let written = |name: &String| ["_SUCCESS", "_metadata", "_common_metadata"].contains(&name.as_str());
    let is_part = |name: &String| name.starts_with("part") && name.ends_with(".parquet");
    let keyed = entries.iter().any(|path| path.is_dir() && key(path).is_some());
    keyed || names.iter().any(written) || (!names.is_empty() && names.iter().all(is_part))
}

/// The parts of `path`, in the order of their names.
///
/// [`Error::Missing`] where there are none.
pub(crate) fn parts(path: &Path) -> Result<Vec<Part>> {
    let part = |file: PathBuf| {
        let folders = file.strip_prefix(path).unwrap_or(&file).parent().into_iter().flat_map(Path::components);
        let keys = folders.filter_map(|folder| key(Path::new(folder.as_os_str()))).collect();
        Part { path: file, keys }
    };
    if !path.is_dir() {
        return Ok(vec![Part { path: path.to_owned(), keys: Vec::new() }]);
    }
    let parts: Vec<Part> = files(path)?.into_iter().map(part).collect();
    if parts.is_empty() {
        return Err(Error::Missing(format!("{}: no Parquet file in it", path.display())));
    }
    Ok(parts)
}

/// All Parquet files in `folder` and its partitions; names that start with a dot or an underscore are the writers' own.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for path in entries(&folder)? {
            let is_file = name(&path).to_lowercase().ends_with(".parquet") || name(&path).ends_with(".pq");
            if name(&path).starts_with(['.', '_']) {
                continue;
            } else if path.is_dir() {
                // Writers nest parts in KEY=VALUE alone: other folders are of something else.
                folders.extend(key(&path).map(|_| path));
            } else if is_file {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The column and the value that a folder's name holds.
fn key(folder: &Path) -> Option<(String, String)> {
    let name = name(folder);
    let (key, value) = name.split_once('=')?;
    let value = if value == NOTHING { String::new() } else { decoded(value) };
    (!key.is_empty()).then(|| (decoded(key), value))
}

/// A name in which characters that paths cannot hold are written as `%2F`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_hold_values_in_their_names() {
        assert_eq!(key(Path::new("a/gene=HLA-A%2FB")), Some(("gene".into(), "HLA-A/B".into())));
        assert_eq!(key(Path::new("fov=__HIVE_DEFAULT_PARTITION__")), Some(("fov".into(), String::new())));
        assert_eq!(key(Path::new("points")), None);
        assert_eq!(decoded("100%"), "100%");
    }

    #[test]
    fn parts_are_found_in_folders_and_what_writers_leave_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("fov=1")).unwrap();
        ["fov=1/part.0.parquet", "fov=1/._part.0.parquet", "_metadata", "_temporary.parquet"]
            .iter()
            .for_each(|name| std::fs::write(at(name), "").unwrap());
        let expected = Part { path: at("fov=1/part.0.parquet"), keys: vec![("fov".into(), "1".into())] };
        assert_eq!(parts(folder.path()).unwrap(), [expected]);
        assert!(is_parquet(folder.path()) && !is_parquet(&at("fov=2")));
    }
}
