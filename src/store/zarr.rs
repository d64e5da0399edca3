//! Groups, arrays and AnnData's encodings of them.

use super::disk::Disk;
use crate::{Error, Result};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zarrs::array::chunk_key_encoding::DefaultChunkKeyEncoding;
use zarrs::array::codec::ZstdCodec;
use zarrs::array::{Array, ArrayBuilder, ArrayMetadataOptions, DataType, Element, FillValue, data_type};
use zarrs::group::GroupBuilder;
use zarrs::storage::ReadableWritableStorageTraits;

/// Longest chunk of an array with one axis, in elements.
pub(super) const LONGEST_CHUNK: usize = 1 << 22;

/// An array of the store.
pub(super) type Values = Array<dyn ReadableWritableStorageTraits>;

/// A store, and what errors call it.
pub(super) struct Zarr {
    storage: Arc<dyn ReadableWritableStorageTraits>,
    name: PathBuf,
}

/// What an array is.
pub(super) struct Kind {
    /// Number of elements along each axis.
    pub(super) shape: Vec<usize>,
    /// The same of a chunk.
    pub(super) chunk: Vec<usize>,
    /// Type of an element.
    pub(super) element: DataType,
    /// What a chunk that is not there holds.
    pub(super) fill: FillValue,
    /// The axes, where they have names.
    pub(super) axes: Option<&'static [&'static str]>,
    /// Attributes, an object.
    pub(super) attributes: Value,
}

impl Zarr {
    /// The store on `disk`, which errors call `name`.
    pub(super) fn new(disk: Disk, name: &Path) -> Self {
        Zarr { storage: Arc::new(disk), name: name.to_owned() }
    }

    /// That writing failed.
    pub(super) fn failed(&self, e: impl std::fmt::Display) -> Error {
        Error::Io(format!("{}: could not write: {e}", self.name.display()))
    }

    /// Writes a group with these attributes, an object.
    pub(super) fn group(&self, path: &str, attributes: Value) -> Result<()> {
        let mut group = GroupBuilder::new().build(self.storage.clone(), path).map_err(|e| self.failed(e))?;
        *group.attributes_mut() = object(attributes);
        group.store_metadata().map_err(|e| self.failed(e))
    }

    /// Writes the metadata of an array. A chunk is one file, beside `zarr.json`.
    pub(super) fn array(&self, path: &str, kind: Kind) -> Result<Values> {
        let lengths = |lengths: &[usize]| lengths.iter().map(|length| *length as u64).collect::<Vec<_>>();
        let mut builder = ArrayBuilder::new(lengths(&kind.shape), lengths(&kind.chunk), kind.element, kind.fill);
        builder
            .chunk_key_encoding(DefaultChunkKeyEncoding::new_dot())
            .bytes_to_bytes_codecs(vec![Arc::new(ZstdCodec::new(3, false))])
            .attributes(object(kind.attributes));
        if let Some(axes) = kind.axes {
            builder.dimension_names(Some(axes.iter().copied()));
        }
        let array = builder.build(self.storage.clone(), path).map_err(|e| self.failed(e))?;
        let options = ArrayMetadataOptions::default().with_include_zarrs_metadata(false);
        array.store_metadata_opt(&options).map_err(|e| self.failed(e))?;
        Ok(array)
    }

    /// Opens an array.
    pub(super) fn open(&self, path: &str) -> Result<Values> {
        Array::open(self.storage.clone(), path)
            .map_err(|e| Error::data(&self.name, format!("array {path}: {e}. Run s2s-predict again")))
    }

    /// Writes a column of a table, or another array with one axis.
    pub(super) fn column<T: Element>(&self, path: &str, kind: Kind, values: &[T]) -> Result<()> {
        let array = self.array(path, kind)?;
        self.fill(&array, values)
    }

    /// Writes all elements of an array.
    pub(super) fn fill<T: Element>(&self, array: &Values, values: &[T]) -> Result<()> {
        array.store_array_subset(&array.subset_all(), values).map_err(|e| self.failed(e))
    }

    /// Writes the string `text` as AnnData does.
    pub(super) fn text(&self, path: &str, text: &str) -> Result<()> {
        let kind = Kind {
            shape: vec![],
            chunk: vec![],
            element: data_type::string(),
            fill: FillValue::from(""),
            axes: None,
            attributes: encoding("string", "0.2.0"),
        };
        self.column(path, kind, &[text.to_owned()])
    }

    /// Writes a number as AnnData does.
    pub(super) fn number(&self, path: &str, number: f64) -> Result<()> {
        let kind = Kind {
            shape: vec![],
            chunk: vec![],
            element: data_type::float64(),
            fill: FillValue::from(f64::NAN),
            axes: None,
            attributes: encoding("numeric-scalar", "0.2.0"),
        };
        self.column(path, kind, &[number])
    }

    /// Writes a group of named elements as AnnData does.
    pub(super) fn dict(&self, path: &str) -> Result<()> {
        self.group(path, encoding("dict", "0.1.0"))
    }
}

impl Kind {
    /// An array with one axis of `length` elements, as AnnData encodes it.
    pub(super) fn vector(length: usize, element: DataType, fill: impl Into<FillValue>) -> Self {
        let strings = element == data_type::string();
        Kind {
            shape: vec![length],
            chunk: vec![length.clamp(1, LONGEST_CHUNK)],
            element,
            fill: fill.into(),
            axes: None,
            attributes: encoding(if strings { "string-array" } else { "array" }, "0.2.0"),
        }
    }
}

/// The attributes by which AnnData knows an element.
pub(super) fn encoding(kind: &str, version: &str) -> Value {
    json!({ "encoding-type": kind, "encoding-version": version })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
