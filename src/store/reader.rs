//! Reads a store back.

use super::disk::Disk;
use super::header::{FORMAT, Header};
use super::layer::LARGEST_CHUNK;
use super::record::{Record, Records, Uncertainty, guarded, values_fingerprint};
use super::zarr::{Values, Zarr};
use crate::error::nearest_names;
use crate::files::readable;
use crate::section::Raster;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A prediction, opened for reading.
pub struct Store {
    path: PathBuf,
    header: Header,
    records: Vec<Option<Record>>,
    genes: Vec<String>,
    imputed: Values,
    uncertainty: Option<Values>,
    /// `median`, `lower`, `upper`.
    distribution: Option<[Values; 3]>,
}

/// The intervals of a gene.
pub enum Interval {
    /// Half their width around what is imputed, and what it means.
    Around(Raster<f32>, Uncertainty),
    /// Their lower and upper ends, and the probability with which they hold an unmeasured bin.
    Between([Raster<f32>; 2], f64),
}

impl Interval {
    /// The probability with which an unmeasured bin lies within.
    pub fn coverage(&self) -> f64 {
        match self {
            Interval::Around(_, told) => told.coverage,
            Interval::Between(_, coverage) => *coverage,
        }
    }

    /// Half of its width [rows, cols]: 0 at measured bins, NaN outside the tissue.
    pub fn half_width(&self) -> Raster<f32> {
        match self {
            Interval::Around(half, _) => half.clone(),
            Interval::Between([lower, upper], _) => {
                let half = |at: (usize, usize)| (upper[at] - lower[at]) / 2.0;
                Raster::from_fn(lower.rows(), lower.cols(), |row, col| half((row, col)))
            }
        }
    }
}

impl Store {
    /// Opens the store that `s2s-predict` wrote to `path`.
    ///
    /// [`Error::Missing`] if there is nothing, [`Error::Data`] if it is no such store or of another format.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Err(Error::io(path, "read", std::io::ErrorKind::NotFound.into()));
        }
        let header = header(path)?;
        let zarr = Zarr::new(Disk::private(path.to_owned()), path);
        let records = Records::open(&zarr)?;
        let broken = |e: String| Error::data(path, format!("{e}. Run s2s-predict again"));
        records.check(header.genes.len()).map_err(broken)?;
        let records = records.read().map_err(broken)?;
        let named = header.genes.iter().zip(&records);
        let genes = named.filter_map(|(gene, record)| record.as_ref().map(|_| gene.clone())).collect();
        let uncertainty = header.uncertainty.then(|| zarr.open("/images/uncertainty/s0")).transpose()?;
        let imputed = zarr.open("/images/imputed/s0")?;
        let open = |name: &str| zarr.open(&format!("/images/{name}/s0"));
        let distribution = || Ok::<_, Error>([open("median")?, open("lower")?, open("upper")?]);
        let distribution = header.distribution.map(|_| distribution()).transpose()?;
        let further = distribution.iter().flatten().chain(uncertainty.as_ref());
        for image in further.chain(std::iter::once(&imputed)) {
            plausible(image, header.genes.len()).map_err(broken)?;
        }
        Ok(Store { path: path.to_owned(), imputed, uncertainty, distribution, header, records, genes })
    }

    /// What the store says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The genes that are predicted, all of their bins.
    pub fn genes(&self) -> &[String] {
        &self.genes
    }

    /// The genes that it has room for and that are not predicted yet.
    pub fn missing(&self) -> Vec<String> {
        let all = self.header.genes.iter().zip(&self.records);
        all.filter(|(_, record)| record.is_none()).map(|(gene, _)| gene.clone()).collect()
    }

    /// How each gene of the header was predicted; `None` for those of [`Store::missing`].
    pub fn records(&self) -> &[Option<Record>] {
        &self.records
    }

    /// How the unmeasured bins were predicted.
    pub fn method(&self) -> &str {
        &self.header.method
    }

    /// The fingerprint of the section that was imputed.
    pub fn dataset_fingerprint(&self) -> &str {
        &self.header.dataset_fingerprint
    }

    /// The prediction of a gene [rows, cols]: log-normalised values, NaN outside the tissue.
    pub fn gene(&self, name: &str) -> Result<Raster<f32>> {
        self.read(&self.imputed, "imputed", name)
    }

    /// The median of what bins may hold of a gene [rows, cols], measured bins with their values; `None` where the store has none.
    pub fn median(&self, name: &str) -> Result<Option<Raster<f32>>> {
        self.distribution.as_ref().map(|[median, ..]| self.read(median, "median", name)).transpose()
    }

    /// The intervals of a gene, maps [rows, cols], NaN outside the tissue; `None` if it has none.
    pub fn interval(&self, name: &str) -> Result<Option<Interval>> {
        if let Some(([_, lower, upper], coverage)) = self.distribution.as_ref().zip(self.header.distribution) {
            let ends = [self.read(lower, "lower", name)?, self.read(upper, "upper", name)?];
            return Ok(Some(Interval::Between(ends, coverage)));
        }
        Ok(self.uncertainty(name)?.map(|(half, told)| Interval::Around(half, told)))
    }

    /// Half the width of the intervals of a gene [rows, cols], 0 at measured bins and NaN outside the tissue, and what they mean;
    /// `None` if a network did not say.
    pub fn uncertainty(&self, name: &str) -> Result<Option<(Raster<f32>, Uncertainty)>> {
        let record = self.records.iter().flatten().find(|record| record.gene == name);
        let told = record.and_then(|record| record.model.as_ref()?.uncertainty.as_ref());
        let Some((array, told)) = self.uncertainty.as_ref().zip(told) else { return Ok(None) };
        Ok(Some((self.read(array, "uncertainty", name)?, told.clone())))
    }

    fn read(&self, image: &Values, called: &str, name: &str) -> Result<Raster<f32>> {
        let index = self.header.genes.iter().position(|gene| gene == name).ok_or_else(|| {
            let near = nearest_names(name, self.header.genes.iter().map(String::as_str));
            Error::data(&self.path, format!("gene {name} is not in it. Nearest names: {}", near.join(", ")))
        })?;
        let bad = |reason: &dyn std::fmt::Display| {
            Error::data(&self.path, format!("gene {name}: {reason}. Run s2s-predict again"))
        };
        let Some(record) = &self.records[index] else { return Err(bad(&"not predicted yet")) };
        let shape = image.shape().to_vec();
        let [_, rows, cols] = shape[..] else { return Err(bad(&format!("image {called} has not three axes"))) };
        let subset = [index as u64..index as u64 + 1, 0..rows, 0..cols];
        let read = || image.retrieve_array_subset::<Vec<f32>>(&subset).map_err(|e| e.to_string());
        let values = guarded(read).map_err(|e| bad(&e))?;
        if record.sum(called).is_some_and(|sum| *sum != values_fingerprint(&values)) {
            return Err(bad(&format!("image {called} is not what was predicted: a chunk is missing or was changed")));
        }
        Raster::from_vec(rows as usize, cols as usize, values)
            .ok_or_else(|| bad(&format!("image {called} is cut short")))
    }
}

/// Whether `image` is one of `genes` in chunks as they are written; nothing is allocated for one that is not.
fn plausible(image: &Values, genes: usize) -> std::result::Result<(), String> {
    let most = LARGEST_CHUNK as u64;
    let wrong = |what: &str| Err(format!("array {}: {what}", image.path()));
    match *image.shape() {
        // Bins are numbered by 32 bits.
        [all, rows, cols] if all == genes as u64 && rows.checked_mul(cols).is_some_and(|n| n < 1 << 32) => {}
        _ => return wrong(&format!("shape {:?}, expected {genes} genes of fewer than 2³² bins", image.shape())),
    }
    let chunk = image.chunk_shape(&[0, 0, 0]).map_err(|e| e.to_string())?;
    match chunk.iter().map(|length| length.get()).collect::<Vec<u64>>()[..] {
        [1, rows, cols] if rows <= most && cols <= most => Ok(()),
        _ => wrong(&format!("chunks {chunk:?}, expected one gene of at most {most} × {most} bins")),
    }
}

/// The header of the store `path`.
fn header(path: &Path) -> Result<Header> {
    let foreign = |reason: &dyn std::fmt::Display| {
        Error::data(path, format!("no store of s2s-predict ({reason}). Give the folder that s2s-predict wrote"))
    };
    let text = std::fs::read(path.join("zarr.json")).map_err(|e| foreign(&format!("zarr.json: {e}")))?;
    let root: serde_json::Value = serde_json::from_slice(&text).map_err(|e| foreign(&format!("zarr.json: {e}")))?;
    let attribute = root.pointer("/attributes/s2s").ok_or_else(|| foreign(&"attribute s2s not found"))?;
    let format = attribute.get("format").and_then(serde_json::Value::as_u64).unwrap_or_default();
    readable("store", format, FORMAT, FORMAT, "s2s-predict").map_err(|e| Error::data(path, e))?;
    serde_json::from_value(attribute.clone()).map_err(|e| foreign(&e))
}
