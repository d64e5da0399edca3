//! Reads a prediction store.

use crate::section::Raster;
use crate::{Error, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zarrs::array::{Array, ArraySubset};
use zarrs::filesystem::FilesystemStore;
use zarrs::group::Group;

/// The version of the store format; a reader refuses any other.
const FORMAT: u32 = 1;

/// What a reader needs of the attribute "s2s" of the group.
#[derive(Clone, Debug, Deserialize)]
struct Attributes {
    format: u32,
    genes: Vec<String>,
    method: String,
    dataset_fingerprint: String,
}

/// A prediction store opened for reading: the array `imputed` [gene, row, col] of a Zarr v3 group.
pub struct Store {
    path: PathBuf,
    attributes: Attributes,
    imputed: Array<FilesystemStore>,
}

impl Store {
    /// Opens the store `path`. [`Error::Missing`] if there is none, [`Error::Data`] if it is not one of s2s-predict.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Err(Error::Missing(format!(
                "{}: not found. Give the folder that s2s-predict wrote",
                path.display()
            )));
        }
        let bad = |e: &dyn std::fmt::Display| {
            Error::data(path, format!("no prediction store ({e}). Give the folder that s2s-predict wrote"))
        };
        let files = Arc::new(FilesystemStore::new(path).map_err(|e| bad(&e))?);
        let group = Group::open(files.clone(), "/").map_err(|e| bad(&e))?;
        let attributes = group.attributes().get("s2s").ok_or_else(|| bad(&"its attributes have no key \"s2s\""))?;
        let attributes: Attributes = serde_json::from_value(attributes.clone()).map_err(|e| bad(&e))?;
        if attributes.format != FORMAT {
            return Err(bad(&format!("store format {}, but this version reads {FORMAT}", attributes.format)));
        }
        let imputed = Array::open(files, "/imputed").map_err(|e| bad(&e))?;
        let genes = attributes.genes.len() as u64;
        if imputed.shape().len() != 3 || imputed.shape()[0] != genes {
            let found = imputed.shape();
            return Err(bad(&format!("imputed has the shape {found:?}, expected [{genes} genes, rows, cols]")));
        }
        Ok(Store { path: path.to_owned(), attributes, imputed })
    }

    /// The genes, in the order of the array.
    pub fn genes(&self) -> &[String] {
        &self.attributes.genes
    }

    /// The method that made the predictions: `s2s`, `nearest`, `bilinear` or `bicubic`.
    pub fn method(&self) -> &str {
        &self.attributes.method
    }

    /// The fingerprint of the dataset that the predictions were made from.
    pub fn dataset_fingerprint(&self) -> &str {
        &self.attributes.dataset_fingerprint
    }

    /// The prediction of a gene [rows, cols]: log-normalised values, NaN outside the tissue.
    pub fn gene(&self, name: &str) -> Result<Raster<f32>> {
        let index = self.genes().iter().position(|gene| gene == name);
        let index = index.ok_or_else(|| Error::data(&self.path, format!("holds no gene {name}")))? as u64;
        let (rows, cols) = (self.imputed.shape()[1], self.imputed.shape()[2]);
        let subset = ArraySubset::new_with_ranges(&[index..index + 1, 0..rows, 0..cols]);
        let values = self.imputed.retrieve_array_subset::<Vec<f32>>(&subset);
        let values = values.map_err(|e| Error::data(&self.path, format!("gene {name}: {e}. Run s2s-predict again")))?;
        Raster::from_vec(rows as usize, cols as usize, values)
            .ok_or_else(|| Error::Bug(format!("gene {name}: the array gave no {rows} × {cols} values")))
    }
}
