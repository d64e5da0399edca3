//! Zarr stores of others, read within bounds.

use super::unpacks_within;
use std::sync::Arc;
use zarrs::storage::byte_range::ByteRangeIterator;
use zarrs::storage::{Bytes, MaybeBytesIterator, ReadableStorageTraits, StorageError, StoreKey};

/// A store whose files hold so many bytes at most, and whose chunks and pieces of shards unpack to no more.
pub(crate) struct Bounded<S: ?Sized>(pub(crate) Arc<S>, pub(crate) u64);

impl<S: ReadableStorageTraits + ?Sized> ReadableStorageTraits for Bounded<S> {
    fn get_partial_many<'a>(
        &'a self,
        key: &StoreKey,
        ranges: ByteRangeIterator<'a>,
    ) -> Result<MaybeBytesIterator<'a>, StorageError> {
        let most = self.1;
        // A zip file unpacks an entry before anything is seen of it.
        if self.0.size_key(key)?.is_some_and(|length| length > most) {
            return Err(StorageError::Other(format!("{key} holds more than {most} bytes")));
        }
        let Some(parts) = self.0.get_partial_many(key, ranges)? else { return Ok(None) };
        let told = format!("{key} unpacks to more than {most} bytes");
        let bounded = move |part: Result<Bytes, StorageError>| match part {
            Ok(bytes) if !unpacks_within(&bytes, most) => Err(StorageError::Other(told.clone())),
            part => part,
        };
        Ok(Some(Box::new(parts.map(bounded))))
    }

    fn size_key(&self, key: &StoreKey) -> Result<Option<u64>, StorageError> {
        self.0.size_key(key)
    }

    fn supports_get_partial(&self) -> bool {
        self.0.supports_get_partial()
    }
}
