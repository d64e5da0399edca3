//! Zarr storage in a folder that many processes write to at once.

use crate::files::{make_below, unpacks_within, write_atomically};
use std::io::ErrorKind;
use std::path::PathBuf;
use zarrs::storage::byte_range::{ByteRangeIterator, extract_byte_ranges};
use zarrs::storage::{
    Bytes, MaybeBytesIterator, OffsetBytesIterator, ReadableStorageTraits, StorageError, StoreKey, StorePrefix,
    WritableStorageTraits, store_set_partial_many,
};

/// The most that a file of a store holds, packed or unpacked: room for the largest chunk, and for the record of a gene.
const LARGEST: u64 = 128 << 20;

/// A folder. Nothing is cached: a value that another process replaced is read as it is now.
pub(super) struct Disk {
    root: PathBuf,
    shared: bool,
}

impl Disk {
    /// A folder that nobody else knows yet: its files are written as they come.
    pub(super) fn private(root: PathBuf) -> Self {
        Disk { root, shared: false }
    }

    /// A folder that others read and write meanwhile: each file appears whole or not at all (temporary name, fsync, rename).
    pub(super) fn shared(root: PathBuf) -> Self {
        Disk { root, shared: true }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }
}

fn failed(e: std::io::Error) -> StorageError {
    StorageError::Other(e.to_string())
}

fn too_much(key: &StoreKey) -> StorageError {
    StorageError::Other(format!("{key} holds more than {LARGEST} bytes, and no chunk of ours does"))
}

/// A file that is not there is no error.
fn present<T>(result: std::io::Result<T>) -> Result<Option<T>, StorageError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed(e)),
    }
}

impl ReadableStorageTraits for Disk {
    fn get_partial_many<'a>(
        &'a self,
        key: &StoreKey,
        ranges: ByteRangeIterator<'a>,
    ) -> Result<MaybeBytesIterator<'a>, StorageError> {
        let path = self.path(key.as_str());
        if present(std::fs::metadata(&path))?.is_some_and(|file| file.len() > LARGEST) {
            return Err(too_much(key));
        }
        let Some(bytes) = present(std::fs::read(path))? else { return Ok(None) };
        if !unpacks_within(&bytes, LARGEST) {
            return Err(too_much(key));
        }
        let parts = extract_byte_ranges(&bytes, ranges)?;
        Ok(Some(Box::new(parts.into_iter().map(|part| Ok(part.into())))))
    }

    fn size_key(&self, key: &StoreKey) -> Result<Option<u64>, StorageError> {
        Ok(present(std::fs::metadata(self.path(key.as_str())))?.map(|file| file.len()))
    }

    fn supports_get_partial(&self) -> bool {
        false
    }
}

impl WritableStorageTraits for Disk {
    fn set(&self, key: &StoreKey, value: Bytes) -> Result<(), StorageError> {
        let path = self.path(key.as_str());
        let told = |e: crate::Error| StorageError::Other(e.to_string());
        make_below(&self.root, path.parent().unwrap_or(&self.root)).map_err(told)?;
        match self.shared {
            false => std::fs::write(&path, &value).map_err(failed),
            true => write_atomically(&path, &value).map_err(told),
        }
    }

    fn set_partial_many(&self, key: &StoreKey, values: OffsetBytesIterator) -> Result<(), StorageError> {
        store_set_partial_many(self, key, values)
    }

    fn erase(&self, key: &StoreKey) -> Result<(), StorageError> {
        present(std::fs::remove_file(self.path(key.as_str()))).map(drop)
    }

    fn erase_prefix(&self, prefix: &StorePrefix) -> Result<(), StorageError> {
        present(std::fs::remove_dir_all(self.path(prefix.as_str()))).map(drop)
    }

    fn supports_set_partial(&self) -> bool {
        false
    }
}
