//! Zarr stores in a folder, version 2 and 3, read by the crate `zarrs`: gzip, zstd and blosc, sharded or not.

use super::{Array, Nodes};
use crate::{Error, Result};
use serde_json::Value;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zarrs::array::{Array as ZarrArray, Element, FromArrayBytes};
use zarrs::filesystem::FilesystemStore;

/// The most that one chunk may unpack to.
const MAX_BYTES: u64 = 512 << 20;

/// Files that make a folder a group or an array.
const METADATA: [&str; 3] = ["zarr.json", ".zgroup", ".zarray"];

/// A Zarr store.
pub(crate) struct Store {
    folder: PathBuf,
    store: Arc<FilesystemStore>,
}

impl Store {
    pub(crate) fn open(folder: &Path) -> Result<Store> {
        let foreign = |what: &dyn std::fmt::Display| Error::data(folder, format!("not readable as Zarr ({what})"));
        if !is_node(folder) {
            return Err(foreign(&"neither zarr.json nor .zgroup in it"));
        }
        let store = FilesystemStore::new(folder).map_err(|e| foreign(&e))?;
        Ok(Store { folder: folder.to_owned(), store: Arc::new(store) })
    }

    /// An attribute by its name; `a/b` is key b of the attribute a.
    fn attribute(&self, name: &str, attribute: &str) -> Option<Value> {
        let pointer = format!("/{attribute}");
        let json = |file: &str| {
            let text = std::fs::read_to_string(self.folder.join(name).join(file)).ok()?;
            serde_json::from_str::<Value>(&text).ok()
        };
        let version_3 = json("zarr.json").and_then(|metadata| metadata.get("attributes")?.pointer(&pointer).cloned());
        version_3.or_else(|| json(".zattrs")?.pointer(&pointer).cloned())
    }
}

fn is_node(folder: &Path) -> bool {
    METADATA.iter().any(|name| folder.join(name).is_file())
}

impl Nodes for Store {
    fn children(&self, name: &str) -> Result<Vec<String>, String> {
        let Ok(entries) = std::fs::read_dir(self.folder.join(name)) else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| e.to_string())?;
            if is_node(&entry.path()) {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    fn array(&self, name: &str) -> Result<Box<dyn Array>, String> {
        let open = || ZarrArray::open(self.store.clone(), &format!("/{name}")).map_err(|e| e.to_string());
        let array = guarded(open)?;
        let chunk = if array.shape().is_empty() {
            Vec::new()
        } else {
            let first = array.chunk_shape(&vec![0; array.shape().len()]).map_err(|e| e.to_string())?;
            first.iter().map(|length| length.get()).collect::<Vec<u64>>()
        };
        let size = array.data_type().fixed_size().unwrap_or(1) as u64;
        let bytes = chunk.iter().try_fold(size, |product, length| product.checked_mul(*length));
        match bytes {
            Some(bytes) if bytes <= MAX_BYTES => Ok(Box::new(Stored { array, chunk })),
            _ => Err(format!("chunks of {chunk:?} elements, expected {MAX_BYTES} bytes at most in one chunk")),
        }
    }

    fn is_group(&self, name: &str) -> bool {
        let folder = self.folder.join(name);
        let of_version_3 = || {
            let text = std::fs::read_to_string(folder.join("zarr.json")).ok()?;
            Some(serde_json::from_str::<Value>(&text).ok()?.get("node_type")? == "group")
        };
        folder.join(".zgroup").is_file() || of_version_3().unwrap_or(false)
    }

    fn text(&self, name: &str, attribute: &str) -> Option<String> {
        Some(self.attribute(name, attribute)?.as_str()?.to_owned())
    }

    fn texts(&self, name: &str, attribute: &str) -> Option<Vec<String>> {
        let text = |value: &Value| Some(value.as_str()?.to_owned());
        self.attribute(name, attribute)?.as_array()?.iter().map(text).collect()
    }

    fn numbers(&self, name: &str, attribute: &str) -> Option<Vec<u64>> {
        self.attribute(name, attribute)?.as_array()?.iter().map(Value::as_u64).collect()
    }
}

/// What `work` gives. zarrs (0.23) panics on some damaged chunks, where an error about the file is due.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    outcome.unwrap_or_else(|_| Err("cannot be unpacked: the store is damaged. Copy or download it again".to_owned()))
}

/// An array of the store.
struct Stored {
    array: ZarrArray<FilesystemStore>,
    chunk: Vec<u64>,
}

impl Stored {
    fn part<T: FromArrayBytes>(&self, part: &[Range<u64>]) -> Result<T, String> {
        guarded(|| self.array.retrieve_array_subset(&part.to_vec()).map_err(|e| e.to_string()))
    }
}

impl Array for Stored {
    fn shape(&self) -> &[u64] {
        self.array.shape()
    }

    fn chunk(&self) -> Vec<u64> {
        self.chunk.clone()
    }

    fn numbers(&self, part: &[Range<u64>]) -> Result<Vec<f64>, String> {
        macro_rules! first_fit {
            ($($number:ty),*) => {
                $(if <$number>::validate_data_type(self.array.data_type()).is_ok() {
                    let values: Vec<$number> = self.part(part)?;
                    return Ok(values.into_iter().map(|value| value as f64).collect());
                })*
            };
        }
        first_fit!(f32, f64, i32, i64, u32, u64, i8, u8, i16, u16);
        if half::f16::validate_data_type(self.array.data_type()).is_ok() {
            let values: Vec<half::f16> = self.part(part)?;
            return Ok(values.into_iter().map(half::f16::to_f64).collect());
        }
        if bool::validate_data_type(self.array.data_type()).is_ok() {
            let values: Vec<bool> = self.part(part)?;
            return Ok(values.into_iter().map(|value| f64::from(u8::from(value))).collect());
        }
        Err(format!("found {:?}, expected integers of 8 to 64 bits, or floats of 16 to 64", self.array.data_type()))
    }

    fn is_text(&self) -> bool {
        let kind = self.array.data_type();
        String::validate_data_type(kind).is_ok() || Vec::<char>::validate_data_type(kind).is_ok()
    }

    fn texts(&self, part: &[Range<u64>], each: &mut dyn FnMut(&str)) -> Result<(), String> {
        if Vec::<char>::validate_data_type(self.array.data_type()).is_ok() {
            let texts = self.part::<Vec<Vec<char>>>(part)?;
            texts.into_iter().for_each(|text| each(&text.into_iter().collect::<String>()));
            return Ok(());
        }
        self.part::<Vec<String>>(part)?.iter().for_each(|text| each(text));
        Ok(())
    }
}
