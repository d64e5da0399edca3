//! Recognises a platform by its files: their names, and the columns of tables in text form.

use super::table::Table;
use super::{cosmx, merscope, stereo_seq, xenium_csv};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// The platforms whose files can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    /// A 10x Xenium `transcripts.parquet` or `transcripts.csv`.
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
    /// A Vizgen MERSCOPE `detected_transcripts.csv`.
    Merscope,
    /// A NanoString CosMx `…tx_file.csv`.
    Cosmx,
    /// A STOmics Stereo-seq `.gem`.
    StereoSeq,
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
            Platform::Merscope => "merscope",
            Platform::Cosmx => "cosmx",
            Platform::StereoSeq => "stereo-seq",
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

impl Source {
    /// Whether the file is a table in text form.
    pub fn is_text(&self) -> bool {
        is_text(&self.path)
    }
}

/// How the files that may hold the transcripts of a bundle folder end, best first, and the platforms that read them.
const IN_FOLDER: [(&str, &[Platform]); 9] = [
    ("transcripts.parquet", &[Platform::Xenium]),
    ("detected_transcripts.csv.gz", &[Platform::Merscope, Platform::Csv]),
    ("detected_transcripts.csv", &[Platform::Merscope, Platform::Csv]),
    ("tx_file.csv.gz", &[Platform::Cosmx, Platform::Csv]),
    ("tx_file.csv", &[Platform::Cosmx, Platform::Csv]),
    (".gem.gz", &[Platform::StereoSeq, Platform::Csv]),
    (".gem", &[Platform::StereoSeq, Platform::Csv]),
    ("transcripts.csv.gz", &[Platform::Xenium, Platform::Csv]),
    ("transcripts.csv", &[Platform::Xenium, Platform::Csv]),
];

/// Finds the transcripts in `input`, a file or a bundle folder. `platform` is what the user said, if anything.
pub(super) fn detect(input: &Path, platform: Option<Platform>) -> Result<Source> {
    let meta = std::fs::metadata(input).map_err(|e| Error::io(input, "read", e))?;
    let path = if meta.is_dir() { in_folder(input, platform)? } else { input.to_owned() };
    let platform = match platform {
        Some(platform) => platform,
        None => recognise(&path)?,
    };
    Ok(Source { platform, path })
}

fn in_folder(folder: &Path, platform: Option<Platform>) -> Result<PathBuf> {
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io(folder, "read", e))?;
    let mut files: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|p| p.is_file()).collect();
    files.sort();
    for (end, platforms) in IN_FOLDER {
        if platform.is_some_and(|platform| !platforms.contains(&platform)) {
            continue;
        }
        let found: Vec<&PathBuf> = files.iter().filter(|path| lower_name(path).ends_with(end)).collect();
        match found.as_slice() {
            [] => {}
            [only] => return Ok((*only).clone()),
            [one, other, ..] => {
                return Err(Error::data(
                    folder,
                    format!("holds {} and {}. Give the one to read itself", one.display(), other.display()),
                ));
            }
        }
    }
    Err(Error::Missing(format!(
        "{}: no transcripts in this folder (looked for {}). {}",
        folder.display(),
        IN_FOLDER.map(|(end, _)| end).join(", "),
        suggest(folder, &files)
    )))
}

/// What to give instead of a folder without transcripts: what in it can be read.
fn suggest(folder: &Path, files: &[PathBuf]) -> String {
    const READABLE: [&str; 7] = [".h5ad", ".h5", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet"];
    let stores = folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    let stores = stores.filter(|path| path.is_dir() && lower_name(path).ends_with(".zarr"));
    let files = files.iter().filter(|path| READABLE.iter().any(|end| lower_name(path).ends_with(end))).cloned();
    let name = |path: PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut found: Vec<String> = files.chain(stores).map(name).collect();
    found.sort();
    match found.len() {
        0 => "Give the bundle's folder or the file itself".to_owned(),
        1..=5 => format!("It holds {}: give the one to read itself", found.join(", ")),
        many => format!("It holds {}, … ({many} files): give the one to read itself", found[..5].join(", ")),
    }
}

fn lower_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// The ending of a file's name, without `.gz`.
fn kind(path: &Path) -> String {
    let name = lower_name(path);
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.rsplit_once('.').map(|(_, end)| end.to_owned()).unwrap_or_default()
}

fn is_text(path: &Path) -> bool {
    ["csv", "tsv", "txt", "gem"].contains(&kind(path).as_str())
}

/// Whether the columns of a table are those of a platform.
type Recognises = fn(&Table) -> bool;

fn recognise(path: &Path) -> Result<Platform> {
    if kind(path) == "parquet" {
        return Ok(Platform::Xenium);
    }
    if !is_text(path) {
        return Err(Error::data(
            path,
            "no known kind of file: expected .parquet (Xenium) or .csv, .tsv, .txt, .gem, also with .gz. Say what it is with --platform",
        ));
    }
    let table = Table::open(path)?;
    let known: [(Platform, Recognises); 4] = [
        (Platform::Xenium, xenium_csv::recognises),
        (Platform::Merscope, merscope::recognises),
        (Platform::Cosmx, cosmx::recognises),
        (Platform::StereoSeq, stereo_seq::recognises),
    ];
    Ok(known.into_iter().find(|(_, recognises)| recognises(&table)).map_or(Platform::Csv, |(platform, _)| platform))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_parquet_file_before_its_csv() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(detect(folder.path(), None).unwrap_err().exit_code(), 66);
        for name in ["transcripts.csv.gz", "transcripts.parquet", "cells.csv"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let source = detect(folder.path(), None).unwrap();
        assert_eq!((source.platform, source.path), (Platform::Xenium, folder.path().join("transcripts.parquet")));
        let source = detect(folder.path(), Some(Platform::Csv)).unwrap();
        assert_eq!(source.path, folder.path().join("transcripts.csv.gz"));
    }

    #[test]
    fn a_folder_of_two_sections_asks_which() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["S1_tx_file.csv", "S2_tx_file.csv"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let error = detect(folder.path(), None).unwrap_err().to_string();
        assert!(error.contains("S1_tx_file.csv") && error.contains("S2_tx_file.csv"), "{error}");
    }

    #[test]
    fn tables_are_known_by_their_columns_whatever_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.TSV");
        for (header, platform) in [
            (",transcript_id,feature_name,x_location,y_location,qv", Platform::Xenium),
            (",barcode_id,global_x,global_y,global_z,x,y,fov,gene", Platform::Merscope),
            ("fov,cell_ID,x_global_px,y_global_px,target", Platform::Cosmx),
            ("#OffsetX=0\ngeneID\tx\ty\tMIDCount", Platform::StereoSeq),
            ("Gene,x,y", Platform::Csv),
        ] {
            std::fs::write(&path, header).unwrap();
            assert_eq!(detect(&path, None).unwrap().platform, platform, "{header}");
        }
        assert_eq!(detect(&path, Some(Platform::Cosmx)).unwrap().platform, Platform::Cosmx);
    }
}
