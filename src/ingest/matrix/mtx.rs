//! A folder with `matrix.mtx`, `features.tsv` (or `genes.tsv`) and `barcodes.tsv`, each of them gzipped or not, perhaps with the
//! same words before all three names.

use super::columns::Column;
use super::features::Features;
use super::sink::MatrixSink;
use super::tree::MAX_ROWS;
use crate::ingest::binning::{MAX_FEATURES, ReadStats};
use crate::ingest::folders::entries;
use crate::ingest::text::Lines;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A matrix in Matrix Market coordinates, genes × barcodes.
pub(crate) struct Mtx {
    matrix: PathBuf,
    features: PathBuf,
    barcodes: PathBuf,
}

impl Mtx {
    /// Whether `path` is a folder that holds a matrix, or the file of one.
    pub(crate) fn is(path: &Path) -> bool {
        if path.is_dir() { !matrices(path).is_empty() } else { prefix(path).is_some() && path.is_file() }
    }

    /// The three files of a folder, or those beside the file of a matrix.
    pub(crate) fn open(path: &Path) -> Result<Mtx> {
        let matrix = if path.is_dir() { one(path)? } else { path.to_owned() };
        let folder = matrix.parent().unwrap_or(path);
        let prefix = prefix(&matrix).unwrap_or_default();
        let beside = |names: &[&str]| {
            let named = names.iter().map(|name| format!("{prefix}{name}"));
            let found =
                named.flat_map(|name| [folder.join(format!("{name}.gz")), folder.join(name)]).find(|p| p.is_file());
            found.ok_or_else(|| {
                Error::Missing(format!(
                    "{}: no {prefix}{} (or .gz) in it, which goes with {}",
                    folder.display(),
                    names.join(" or "),
                    matrix.display()
                ))
            })
        };
        let (features, barcodes) = (beside(&["features.tsv", "genes.tsv"])?, beside(&["barcodes.tsv"])?);
        Ok(Mtx { matrix, features, barcodes })
    }

    /// These three files, whatever they are called.
    pub(crate) fn of(matrix: PathBuf, features: PathBuf, barcodes: PathBuf) -> Mtx {
        Mtx { matrix, features, barcodes }
    }

    /// The three files.
    pub(crate) fn files(self) -> Vec<PathBuf> {
        vec![self.matrix, self.features, self.barcodes]
    }

    /// The rows.
    pub(crate) fn features(&self) -> Result<Features> {
        let (mut names, mut ids, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
        Lines::open(&self.features)?.for_each(|line| {
            let fields: Vec<&str> = line.split('\t').map(|field| field.trim().trim_matches('"')).collect();
            let field = |i: usize| fields.get(i).map(|field| (*field).to_owned());
            names.push(field(1).or(field(0)));
            ids.push(field(0));
            kinds.extend(field(2));
            if names.len() > MAX_FEATURES { Err("too many genes".to_owned()) } else { Ok(()) }
        })?;
        // Version 2 has no third column; what else may stand there is told where it is no kind.
        let kinds = (!kinds.is_empty()).then(|| Column::of_texts(kinds));
        Ok(Features { names, ids, kinds })
    }

    /// Gives every barcode to `each`.
    pub(crate) fn barcodes(&self, mut each: impl FnMut(&str)) -> Result<()> {
        let mut number = 0;
        Lines::open(&self.barcodes)?.for_each(|line| {
            each(line.split('\t').next().unwrap_or_default());
            number += 1;
            if number > MAX_ROWS { Err(format!("more than {MAX_ROWS} barcodes")) } else { Ok(()) }
        })
    }

    /// Reads all entries; `shape` is the number of genes and of barcodes.
    pub(crate) fn read(&self, sink: &MatrixSink, shape: [u64; 2]) -> Result<ReadStats> {
        let mut into = sink.entries();
        let mut state = Header { shape, entries: None, seen: 0, last: None, once: sink.once() };
        Lines::open(&self.matrix)?.for_each(|line| match state.take(line)? {
            Some((gene, barcode, value)) => into.push(barcode, gene, value),
            None => Ok(()),
        })?;
        match state.entries {
            Some(entries) if entries == state.seen => Ok(into.finish()),
            Some(entries) => Err(Error::data(
                &self.matrix,
                format!("{} entries, but the header says {entries}. Is the file complete?", state.seen),
            )),
            None => Err(Error::data(
                &self.matrix,
                "no line with rows, columns and entries in it: it is empty. Copy or download it again",
            )),
        }
    }
}

/// Where in the file the reader is.
struct Header {
    shape: [u64; 2],
    /// What the header says; `None` before it.
    entries: Option<u64>,
    seen: u64,
    last: Option<(u64, u64)>,
    once: bool,
}

impl Header {
    fn take(&mut self, line: &str) -> Result<Option<(usize, usize, f64)>, String> {
        if line.starts_with("%%MatrixMarket") {
            let kind: Vec<String> = line.split_whitespace().skip(1).map(str::to_lowercase).collect();
            let known = ["integer", "real"].iter().any(|value| kind == ["matrix", "coordinate", value, "general"]);
            return if known {
                Ok(None)
            } else {
                Err(format!("found {}, expected matrix coordinate integer (or real) general", kind.join(" ")))
            };
        }
        if line.starts_with('%') || line.trim().is_empty() {
            return Ok(None);
        }
        let mut fields = line.split_ascii_whitespace();
        let mut whole = || fields.next().and_then(|field| field.parse::<u64>().ok());
        let (Some(gene), Some(barcode)) = (whole(), whole()) else {
            return Err(format!("found {line:?}, expected gene, barcode and count"));
        };
        let Some(entries) = self.entries else {
            if [gene, barcode] != self.shape {
                return Err(format!(
                    "a matrix of {gene} × {barcode}, but there are {} features and {} barcodes",
                    self.shape[0], self.shape[1]
                ));
            }
            self.entries = Some(whole().ok_or("expected rows, columns and entries")?);
            return Ok(None);
        };
        let value = fields.next().and_then(|field| field.parse::<f64>().ok());
        let value = value.ok_or_else(|| format!("found {line:?}, expected gene, barcode and count"))?;
        if !(1..=self.shape[0]).contains(&gene) || !(1..=self.shape[1]).contains(&barcode) || self.seen == entries {
            return Err(format!("found {line:?}, beyond the {entries} entries or the shape that the header says"));
        }
        if self.once && self.last >= Some((barcode, gene)) {
            return Err("an entry twice, or entries that are not sorted by barcode and gene".to_owned());
        }
        self.last = Some((barcode, gene));
        self.seen += 1;
        Ok(Some((gene as usize - 1, barcode as usize - 1, value)))
    }
}

/// What stands before `matrix.mtx` in the name of a file, as downloads have it; `None` for other files.
fn prefix(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.strip_suffix("matrix.mtx").map(str::to_owned)
}

/// The matrices of a folder.
fn matrices(folder: &Path) -> Vec<PathBuf> {
    let files = entries(folder).unwrap_or_default().into_iter();
    files.filter(|path| prefix(path).is_some() && path.is_file()).collect()
}

/// The only matrix of a folder, packed or not.
fn one(folder: &Path) -> Result<PathBuf> {
    let all = matrices(folder);
    let other = all.iter().find(|path| prefix(path) != prefix(&all[0]));
    match (all.first(), other) {
        (Some(first), None) => Ok(first.clone()),
        (Some(first), Some(other)) => Err(Error::data(
            folder,
            format!("holds {} and {}. Give the matrix to read", first.display(), other.display()),
        )),
        (None, _) => Err(Error::Missing(format!("{}: no matrix.mtx (or .gz) in it", folder.display()))),
    }
}
