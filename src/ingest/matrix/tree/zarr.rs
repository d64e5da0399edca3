//! Zarr stores in a folder or a zip file, version 2 and 3, read by the crate `zarrs`: gzip, zstd and blosc, sharded or not.

use super::zip::Archive;
use super::{Array, Nodes};
use crate::files::Bounded;
use crate::{Error, Result};
use serde_json::Value;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use zarrs::array::{Array as ZarrArray, Element, FromArrayBytes};
use zarrs::filesystem::FilesystemStore;
use zarrs::storage::{ReadableListableStorage, ReadableListableStorageTraits, StoreKey, StorePrefix};

/// The most that one chunk may unpack to.
const MAX_BYTES: u64 = 512 << 20;

/// Files that make a folder a group or an array.
const METADATA: [&str; 3] = ["zarr.json", ".zgroup", ".zarray"];

/// What a chunk of `bytes` may hold beside its elements: an index, checksums, and what packing adds where it does not pay.
fn slack(bytes: u64) -> u64 {
    (1 << 16) + bytes / 64
}

/// The most bytes of an element on its way through codecs that change its type.
const WIDEST: u64 = 16;

/// A Zarr store.
pub(crate) struct Store {
    store: ReadableListableStorage,
}

impl Store {
    /// Opens a folder, or a zip file of one: of what is in it, or of it with the folder's own name.
    pub(crate) fn open(path: &Path) -> Result<Store> {
        let foreign = |what: &dyn std::fmt::Display| Error::data(path, format!("not readable as Zarr ({what})"));
        let store: ReadableListableStorage = if path.is_dir() {
            Arc::new(FilesystemStore::new(path).map_err(|e| foreign(&e))?)
        } else {
            zipped(path).map_err(|what| foreign(&what))?
        };
        let store = Store { store };
        if store.is_node("") { Ok(store) } else { Err(foreign(&"neither zarr.json nor .zgroup in it")) }
    }

    /// The content of a file of the store, if there is one.
    fn file(&self, folder: &str, name: &str) -> Option<Vec<u8>> {
        self.store.get(&key(folder, name)?).ok()?.map(|bytes| bytes.to_vec())
    }

    fn json(&self, folder: &str, name: &str) -> Option<Value> {
        serde_json::from_slice(&self.file(folder, name)?).ok()
    }

    fn has(&self, folder: &str, name: &str) -> bool {
        key(folder, name).is_some_and(|key| self.store.size_key(&key).ok().flatten().is_some())
    }

    fn is_node(&self, folder: &str) -> bool {
        METADATA.iter().any(|name| self.has(folder, name))
    }

    /// An attribute by its name; `a/b` is key b of the attribute a.
    fn attribute(&self, name: &str, attribute: &str) -> Option<Value> {
        let pointer = format!("/{attribute}");
        let version_3 =
            self.json(name, "zarr.json").and_then(|metadata| metadata.get("attributes")?.pointer(&pointer).cloned());
        version_3.or_else(|| self.json(name, ".zattrs")?.pointer(&pointer).cloned())
    }
}

/// Where the file `name` of a folder of the store stands; `None` for what cannot be a name.
fn key(folder: &str, name: &str) -> Option<StoreKey> {
    StoreKey::new(if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }).ok()
}

/// The store in a zip file: at its root, or in the only folder there.
fn zipped(path: &Path) -> Result<ReadableListableStorage, String> {
    let store = Store { store: Arc::new(Archive::open(path, "")?) };
    let folders = store.store.list_dir(&StorePrefix::root()).map_err(|e| e.to_string())?;
    match folders.prefixes().as_slice() {
        [only] if !store.is_node("") => Ok(Arc::new(Archive::open(path, only.as_str())?)),
        _ => Ok(store.store),
    }
}

impl Nodes for Store {
    fn children(&self, name: &str) -> Result<Vec<String>, String> {
        let folder = if name.is_empty() { String::new() } else { format!("{name}/") };
        let found = StorePrefix::new(&folder).ok().and_then(|prefix| self.store.list_dir(&prefix).ok());
        let Some(found) = found else { return Ok(Vec::new()) };
        let names = found.prefixes().iter().filter_map(|child| child.as_str().strip_prefix(&folder)?.strip_suffix('/'));
        let mut names: Vec<String> =
            names.filter(|child| self.is_node(&format!("{folder}{child}"))).map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }

    fn array(&self, name: &str) -> Result<Box<dyn Array>, String> {
        let bounded = |most| Arc::new(Bounded(self.store.clone(), most));
        let array = guarded(|| ZarrArray::open(bounded(MAX_BYTES), &format!("/{name}")).map_err(|e| e.to_string()))?;
        let chunk = if array.shape().is_empty() {
            Vec::new()
        } else {
            let first = array.chunk_shape(&vec![0; array.shape().len()]).map_err(|e| e.to_string())?;
            first.iter().map(|length| length.get()).collect::<Vec<u64>>()
        };
        let size = array.data_type().fixed_size().map(|size| size as u64);
        let elements = chunk.iter().try_fold(1_u64, |product, length| product.checked_mul(*length));
        let within = |elements: &u64| elements.checked_mul(size.unwrap_or(1)).is_some_and(|bytes| bytes <= MAX_BYTES);
        let Some(elements) = elements.filter(within) else {
            return Err(format!("chunks of {chunk:?} elements, expected {MAX_BYTES} bytes at most in one chunk"));
        };
        // How long texts are, nobody says before.
        let widest = size.map_or(MAX_BYTES, |size| elements * size.max(WIDEST));
        let most = (widest + slack(widest)).min(MAX_BYTES);
        Ok(Box::new(Stored { array: array.with_storage(bounded(most)), chunk }))
    }

    fn is_group(&self, name: &str) -> bool {
        let of_version_3 = || Some(self.json(name, "zarr.json")?.get("node_type")? == "group");
        self.has(name, ".zgroup") || of_version_3().unwrap_or(false)
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
    array: ZarrArray<Bounded<dyn ReadableListableStorageTraits>>,
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
