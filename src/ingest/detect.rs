//! Recognises a platform by its files.

use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// The platforms whose files can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    /// A 10x Xenium `transcripts.parquet`.
    Xenium,
    /// The cells of a 10x Xenium bundle.
    XeniumCells,
    /// A 10x Visium section.
    Visium,
    /// A 10x Visium HD section.
    VisiumHd,
    /// An `.h5ad` file or AnnData-Zarr.
    Anndata,
    /// A SpatialData store.
    SpatialData,
    /// A table of gene, x, y and perhaps count.
    Csv,
}

impl Platform {
    pub fn name(self) -> &'static str {
        match self {
            Platform::Xenium => "xenium",
            Platform::XeniumCells => "xenium-cells",
            Platform::Visium => "visium",
            Platform::VisiumHd => "visium-hd",
            Platform::Anndata => "anndata",
            Platform::SpatialData => "spatialdata",
            Platform::Csv => "csv",
        }
    }
}

/// The file to read, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub platform: Platform,
    pub path: PathBuf,
}

/// The files that may hold the transcripts of a bundle folder, best first.
const IN_FOLDER: [&str; 3] = ["transcripts.parquet", "transcripts.csv.gz", "transcripts.csv"];

/// Finds the transcripts in `input`, a file or a bundle folder. `platform` is what the user said, if anything.
pub(super) fn detect(input: &Path, platform: Option<Platform>) -> Result<Source> {
    let meta = std::fs::metadata(input).map_err(|e| Error::io(input, "read", e))?;
    let path = if meta.is_dir() { in_folder(input, platform)? } else { input.to_owned() };
    let platform = platform.or_else(|| by_name(&path)).ok_or_else(|| {
        Error::data(
            &path,
            "no known kind of file: expected .parquet (Xenium) or .csv, .tsv, .txt, also with .gz. Say what it is with --platform",
        )
    })?;
    Ok(Source { platform, path })
}

fn in_folder(folder: &Path, platform: Option<Platform>) -> Result<PathBuf> {
    let wanted = |path: &PathBuf| path.is_file() && platform.is_none_or(|platform| by_name(path) == Some(platform));
    IN_FOLDER.iter().map(|name| folder.join(name)).find(wanted).ok_or_else(|| {
        Error::Missing(format!(
            "{}: no transcripts in this folder (looked for {}). Give the bundle's folder or the file itself",
            folder.display(),
            IN_FOLDER.join(", ")
        ))
    })
}

/// The platform that the file's name tells.
pub(super) fn by_name(path: &Path) -> Option<Platform> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.')?.1 {
        "parquet" => Some(Platform::Xenium),
        "csv" | "tsv" | "txt" => Some(Platform::Csv),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_parquet_file_before_its_csv() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(detect(folder.path(), None).unwrap_err().exit_code(), 66);
        for name in ["transcripts.csv.gz", "transcripts.parquet"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let source = detect(folder.path(), None).unwrap();
        assert_eq!((source.platform, source.path), (Platform::Xenium, folder.path().join("transcripts.parquet")));
        let source = detect(folder.path(), Some(Platform::Csv)).unwrap();
        assert_eq!(source.path, folder.path().join("transcripts.csv.gz"));
    }

    #[test]
    fn files_are_known_by_their_names() {
        for (name, platform) in
            [("a.parquet", Some(Platform::Xenium)), ("b.TSV.gz", Some(Platform::Csv)), ("c.h5ad", None)]
        {
            assert_eq!(by_name(Path::new(name)), platform, "{name}");
        }
    }
}
