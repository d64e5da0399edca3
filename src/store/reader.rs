//! Reads a store back.

use super::header::{FORMAT, Header};
use crate::error::nearest_names;
use crate::section::Raster;
use crate::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zarrs::array::Array;
use zarrs::filesystem::FilesystemStore;
use zarrs::group::Group;

/// A prediction, opened for reading.
pub struct Store {
    path: PathBuf,
    header: Header,
    imputed: Array<FilesystemStore>,
    uncertainty: Option<Array<FilesystemStore>>,
}

impl Store {
    /// Opens the store that `s2s-predict` wrote to `path`.
    ///
    /// [`Error::Missing`] if there is nothing, [`Error::Data`] if it is no such store or of another format.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Err(Error::io(path, "read", std::io::ErrorKind::NotFound.into()));
        }
        let foreign = |reason: &dyn std::fmt::Display| {
            Error::data(path, format!("no store of s2s-predict ({reason}). Give the folder that s2s-predict wrote"))
        };
        let store = Arc::new(FilesystemStore::new(path).map_err(|e| foreign(&e))?);
        let group = Group::open(store.clone(), "/").map_err(|e| foreign(&e))?;
        let attribute = group.attributes().get("s2s").ok_or_else(|| foreign(&"attribute s2s not found"))?;
        let format = attribute.get("format").and_then(serde_json::Value::as_u64).unwrap_or_default();
        if format != u64::from(FORMAT) {
            return Err(Error::data(
                path,
                format!("store format {format}, but this version reads {FORMAT}. Run s2s-predict again"),
            ));
        }
        let header: Header = serde_json::from_value(attribute.clone()).map_err(|e| foreign(&e))?;
        let array = |name: &str| Array::open(store.clone(), name).map_err(|e| foreign(&e));
        let imputed = array("/imputed")?;
        let uncertainty = header.uncertainty.as_ref().map(|_| array("/uncertainty")).transpose()?;
        Ok(Store { path: path.to_owned(), header, imputed, uncertainty })
    }

    /// What the store says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The genes.
    pub fn genes(&self) -> &[String] {
        &self.header.genes
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
        self.read(&self.imputed, name)
    }

    /// Half the width of the intervals of a gene [rows, cols], NaN outside the tissue; `None` if it has none.
    pub fn uncertainty(&self, name: &str) -> Result<Option<Raster<f32>>> {
        let has = self.header.uncertainty.as_ref().is_some_and(|told| told.genes.contains_key(name));
        self.uncertainty.as_ref().filter(|_| has).map(|array| self.read(array, name)).transpose()
    }

    fn read(&self, array: &Array<FilesystemStore>, name: &str) -> Result<Raster<f32>> {
        let index = self.header.genes.iter().position(|gene| gene == name).ok_or_else(|| {
            let near = nearest_names(name, self.header.genes.iter().map(String::as_str));
            Error::data(&self.path, format!("gene {name} is not in it. Nearest names: {}", near.join(", ")))
        })?;
        let bad = |reason: &dyn std::fmt::Display| {
            Error::data(&self.path, format!("gene {name}: {reason}. Run s2s-predict again"))
        };
        let shape = array.shape().to_vec();
        let [_, rows, cols] = shape[..] else { return Err(bad(&"its array has not three axes")) };
        let subset = [index as u64..index as u64 + 1, 0..rows, 0..cols];
        let values: Vec<f32> = array.retrieve_array_subset(&subset).map_err(|e| bad(&e))?;
        Raster::from_vec(rows as usize, cols as usize, values).ok_or_else(|| bad(&"its array is cut short"))
    }
}
