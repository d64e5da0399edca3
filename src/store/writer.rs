//! Writes a store, whole or not at all.

use super::header::Header;
use crate::files::Replace;
use crate::section::Raster;
use crate::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zarrs::array::codec::GzipCodec;
use zarrs::array::{Array, ArrayBuilder, DataType, FillValue, ZARR_NAN_F32, data_type};
use zarrs::filesystem::FilesystemStore;
use zarrs::group::GroupBuilder;

/// Longest side of a chunk in bins: a gene of a usual section is one chunk.
const LARGEST_CHUNK: usize = 1024;

/// Whether `path` is an earlier store of s2s-predict, of any format. Other Zarr stores are somebody's data.
fn ours(path: &Path) -> bool {
    let text = std::fs::read(path.join("zarr.json")).unwrap_or_default();
    let root: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    root.pointer("/attributes/s2s/dataset_fingerprint").is_some()
}

/// A store that is being written.
pub struct StoreWriter {
    replace: Replace,
    imputed: Array<FilesystemStore>,
    uncertainty: Option<Array<FilesystemStore>>,
    target: PathBuf,
}

impl StoreWriter {
    /// Begins the store `path` for the genes of `header`, with the masks of measured bins and of tissue; `uncertain`: with room
    /// for the uncertainty of every bin.
    ///
    /// Nothing stands under that name until [`StoreWriter::finish`].
    pub fn create(
        path: &Path,
        header: &Header,
        measured: &Raster<bool>,
        tissue: &Raster<bool>,
        uncertain: bool,
    ) -> Result<Self> {
        let replace = Replace::begin(path, ours)?;
        let failed = |e: &dyn std::fmt::Display| Error::Io(format!("{}: could not write: {e}", path.display()));
        let store = Arc::new(FilesystemStore::new(replace.path()).map_err(|e| failed(&e))?);
        let mut group = GroupBuilder::new().build(store.clone(), "/").map_err(|e| failed(&e))?;
        let attributes = serde_json::to_value(header).map_err(|e| Error::Bug(e.to_string()))?;
        group.attributes_mut().insert("s2s".into(), attributes);
        group.store_metadata().map_err(|e| failed(&e))?;

        let (rows, cols) = tissue.shape();
        let array = |name: &str, shape: &[usize], kind: DataType, fill: FillValue, names: &[&str]| {
            let spatial = shape.len() - 2;
            let side =
                |(axis, length): (usize, &usize)| if axis < spatial { 1 } else { (*length).clamp(1, LARGEST_CHUNK) };
            let chunk = shape.iter().enumerate().map(|axis| side(axis) as u64);
            let array = ArrayBuilder::new(
                shape.iter().map(|length| *length as u64).collect::<Vec<_>>(),
                chunk.collect::<Vec<_>>(),
                kind,
                fill,
            )
            .bytes_to_bytes_codecs(vec![Arc::new(GzipCodec::new(5).map_err(|e| failed(&e))?)])
            .dimension_names(Some(names.iter().copied()))
            .build(store.clone(), name)
            .map_err(|e| failed(&e))?;
            array.store_metadata().map_err(|e| failed(&e))?;
            Ok(array)
        };
        for (name, mask) in [("/measured", measured), ("/tissue", tissue)] {
            let flags = array(name, &[rows, cols], data_type::bool(), FillValue::from(false), &["row", "col"])?;
            flags.store_array_subset(&flags.subset_all(), mask.values()).map_err(|e| failed(&e))?;
        }
        let shape = [header.genes.len(), rows, cols];
        let values = |name| array(name, &shape, data_type::float32(), ZARR_NAN_F32.into(), &["gene", "row", "col"]);
        let imputed = values("/imputed")?;
        let uncertainty = uncertain.then(|| values("/uncertainty")).transpose()?;
        Ok(StoreWriter { replace, imputed, uncertainty, target: path.to_owned() })
    }

    /// Writes the prediction of the gene at `index` of the header's list and, in a store with room for it, its uncertainty; both
    /// [rows, cols], NaN outside the tissue.
    pub fn write_gene(&self, index: usize, imputed: &Raster<f32>, uncertainty: Option<&Raster<f32>>) -> Result<()> {
        let (rows, cols) = imputed.shape();
        let subset = [index as u64..index as u64 + 1, 0..rows as u64, 0..cols as u64];
        let pairs = [(Some(&self.imputed), Some(imputed)), (self.uncertainty.as_ref(), uncertainty)];
        pairs.into_iter().filter_map(|(array, values)| array.zip(values)).try_for_each(|(array, values)| {
            array
                .store_array_subset(&subset, values.values())
                .map_err(|e| Error::Io(format!("{}: could not write: {e}", self.target.display())))
        })
    }

    /// Puts the store in its place.
    pub fn finish(self) -> Result<()> {
        self.replace.finish()
    }
}
