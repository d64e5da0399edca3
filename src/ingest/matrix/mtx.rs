//! A folder with `matrix.mtx`, `features.tsv` (or `genes.tsv`) and `barcodes.tsv`, each of them gzipped or not.

use super::sink::{Gene, MatrixSink};
use super::tenx::GENE_EXPRESSION;
use super::tree::MAX_ROWS;
use crate::ingest::binning::{MAX_FEATURES, ReadStats};
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
    /// Whether `folder` holds a matrix.
    pub(crate) fn is_in(folder: &Path) -> bool {
        find(folder, &["matrix.mtx"]).is_ok()
    }

    /// The three files of `folder`.
    pub(crate) fn open(folder: &Path) -> Result<Mtx> {
        Ok(Mtx {
            matrix: find(folder, &["matrix.mtx"])?,
            features: find(folder, &["features.tsv", "genes.tsv"])?,
            barcodes: find(folder, &["barcodes.tsv"])?,
        })
    }

    /// The names of the rows.
    pub(crate) fn genes(&self) -> Result<Vec<Gene>> {
        let mut genes = Vec::new();
        Lines::open(&self.features)?.for_each(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let name = fields.get(1).or(fields.first()).copied().unwrap_or_default();
            let control = fields.get(2).is_some_and(|kind| *kind != GENE_EXPRESSION);
            genes.push(Gene { name: name.trim().to_owned(), control });
            if genes.len() > MAX_FEATURES { Err("too many genes".to_owned()) } else { Ok(()) }
        })?;
        Ok(genes)
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
            entries => Err(Error::data(
                &self.matrix,
                format!("{} entries, but the header says {}. Is the file complete?", state.seen, entries.unwrap_or(0)),
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

fn find(folder: &Path, names: &[&str]) -> Result<PathBuf> {
    let packed = |name: &&str| [folder.join(format!("{name}.gz")), folder.join(name)];
    names
        .iter()
        .flat_map(packed)
        .find(|path| path.is_file())
        .ok_or_else(|| Error::Missing(format!("{}: no {} (or .gz) in it", folder.display(), names.join(" or "))))
}
