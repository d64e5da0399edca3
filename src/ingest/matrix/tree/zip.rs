//! The zip file of a Zarr store, as a storage for the crate `zarrs`: read-only, of any size, entries as they are or deflated.
//!
//! Own code, for what there is of it: the crates that read zip files for `zarrs`, or in general, bring ten others, for writing, encodings of
//! names and encryption, which stores have no use for.

use flate2::Crc;
use flate2::read::DeflateDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use zarrs::storage::byte_range::{ByteRangeIterator, InvalidByteRangeError};
use zarrs::storage::{
    Bytes, ListableStorageTraits, MaybeBytesIterator, ReadableStorageTraits, StorageError, StoreKey, StoreKeys,
    StoreKeysPrefixes, StorePrefix, StorePrefixes,
};

/// The most that an entry may unpack to: a chunk, or a shard of many.
const MAX_BYTES: u64 = 2 << 30;

/// The longest end of a file: its last record and a comment.
const END: u64 = 22 + 65_535;

/// A zip file that is open.
pub(super) struct Archive {
    file: Mutex<File>,
    /// By their names; folders are none.
    entries: BTreeMap<String, Entry>,
}

/// Where the bytes of an entry are.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Its header.
    at: u64,
    deflated: bool,
    packed: u64,
    length: u64,
    /// CRC-32 of its content.
    crc: u32,
}

impl Archive {
    /// Opens `path` and reads the list of its entries below the folder `within`, by their names there. The error says what is wrong.
    pub(super) fn open(path: &Path, within: &str) -> Result<Archive, String> {
        let mut file = File::open(path).map_err(|e| e.to_string())?;
        let length = file.metadata().map_err(|e| e.to_string())?.len();
        let directory = directory(&mut file, length)?;
        let mut rest = directory.as_slice();
        let mut entries = BTreeMap::new();
        while let Some((name, entry, after)) = central(rest) {
            if let Some(name) = name.strip_prefix(within).filter(|name| !name.is_empty() && !name.ends_with('/')) {
                entries.insert(name.to_owned(), entry?);
            }
            rest = after;
        }
        if !rest.is_empty() {
            return Err("the list of its entries is damaged".to_owned());
        }
        Ok(Archive { file: Mutex::new(file), entries })
    }

    /// The content of an entry.
    fn content(&self, entry: Entry) -> Result<Vec<u8>, String> {
        let wrong = |e: std::io::Error| format!("an entry cannot be read ({e})");
        if entry.length > MAX_BYTES || entry.packed > MAX_BYTES {
            return Err(format!("an entry of {} bytes, expected {MAX_BYTES} at most", entry.length.max(entry.packed)));
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let header = bytes(&mut file, entry.at, 30)?;
        // The names and the extra fields here and in the list may differ in length.
        let start = entry.at + 30 + u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28));
        let packed = bytes(&mut file, start, entry.packed)?;
        drop(file);
        let mut content = Vec::new();
        if entry.deflated {
            DeflateDecoder::new(packed.as_slice()).take(entry.length + 1).read_to_end(&mut content).map_err(wrong)?;
        } else {
            content = packed;
        }
        let mut crc = Crc::new();
        crc.update(&content);
        let whole = content.len() as u64 == entry.length && crc.sum() == entry.crc;
        whole
            .then_some(content)
            .ok_or_else(|| "an entry is not what its checksum says. Copy or download it again".to_owned())
    }

    /// The entries whose names start so.
    fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, Entry)> {
        let from = self.entries.range(prefix.to_owned()..);
        from.map(|(name, entry)| (name.as_str(), *entry)).take_while(move |(name, _)| name.starts_with(prefix))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// So many bytes of the file.
fn bytes(file: &mut File, at: u64, length: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut read = || file.seek(SeekFrom::Start(at)).and_then(|_| file.by_ref().take(length).read_to_end(&mut bytes));
    match read() {
        Ok(found) if found as u64 == length => Ok(bytes),
        Ok(_) => Err("it ends too early".to_owned()),
        Err(e) => Err(e.to_string()),
    }
}

/// The list of entries, which the last record of the file points to, or a larger one for files beyond what its numbers can say.
fn directory(file: &mut File, length: u64) -> Result<Vec<u8>, String> {
    let from = length.saturating_sub(END);
    let tail = bytes(file, from, length - from)?;
    let end =
        tail.windows(4).rposition(|four| four == b"PK\x05\x06").ok_or("it has no list of entries: is it complete?")?;
    let (mut size, mut at) = (u64::from(u32_at(&tail, end + 12)), u64::from(u32_at(&tail, end + 16)));
    let locator = end.checked_sub(20).filter(|locator| tail[*locator..].starts_with(b"PK\x06\x07"));
    if let Some(locator) = locator {
        let large = bytes(file, u64_at(&tail, locator + 8), 56)?;
        if large.starts_with(b"PK\x06\x06") {
            (size, at) = (u64_at(&large, 40), u64_at(&large, 48));
        }
    }
    if at.checked_add(size).is_none_or(|end| end > length) {
        return Err("its list of entries is beyond its end".to_owned());
    }
    bytes(file, at, size)
}

/// The name and place of the first entry of the list, and what follows; `None` at the end.
fn central(list: &[u8]) -> Option<(String, Result<Entry, String>, &[u8])> {
    let lengths = [28, 30, 32].map(|at| usize::from(u16_at(list, at)));
    let name = list.strip_prefix(b"PK\x01\x02").and_then(|_| list.get(46..46 + lengths[0]))?;
    let name = String::from_utf8_lossy(name).into_owned();
    let mut extra = list.get(46 + lengths[0]..46 + lengths[0] + lengths[1])?;
    let rest = list.get(46 + lengths.iter().sum::<usize>()..)?;
    // Numbers that do not fit are all ones, and stand, in this order, in an extra field.
    let mut numbers = [u32_at(list, 24), u32_at(list, 20), u32_at(list, 42)].map(u64::from);
    while extra.len() >= 4 {
        let field = extra.get(4..4 + usize::from(u16_at(extra, 2))).unwrap_or_default();
        if u16_at(extra, 0) == 1 {
            let large = numbers.iter_mut().filter(|number| **number == u64::from(u32::MAX));
            large.enumerate().for_each(|(i, number)| *number = u64_at(field, 8 * i));
        }
        extra = &extra[(4 + field.len()).min(extra.len())..];
    }
    let [length, packed, at] = numbers;
    let entry = match (u16_at(list, 8) & 1, u16_at(list, 10)) {
        (0, method @ (0 | 8)) => Ok(Entry { at, deflated: method == 8, packed, length, crc: u32_at(list, 16) }),
        (0, method) => {
            Err(format!("{name} is packed by method {method}, expected as it is, or deflated. Zip the store again"))
        }
        _ => Err(format!("{name} is encrypted")),
    };
    Some((name, entry, rest))
}

impl ReadableStorageTraits for Archive {
    fn get_partial_many<'a>(
        &'a self,
        key: &StoreKey,
        ranges: ByteRangeIterator<'a>,
    ) -> Result<MaybeBytesIterator<'a>, StorageError> {
        let Some(entry) = self.entries.get(key.as_str()) else { return Ok(None) };
        let content = Bytes::from(self.content(*entry).map_err(StorageError::Other)?);
        let length = content.len() as u64;
        Ok(Some(Box::new(ranges.map(move |range| {
            let part = range.to_range(length);
            match part.end <= length && part.start <= part.end {
                true => Ok(content.slice(part.start as usize..part.end as usize)),
                false => Err(InvalidByteRangeError::new(range, length).into()),
            }
        }))))
    }

    fn size_key(&self, key: &StoreKey) -> Result<Option<u64>, StorageError> {
        Ok(self.entries.get(key.as_str()).map(|entry| entry.length))
    }

    fn supports_get_partial(&self) -> bool {
        false
    }
}

impl ListableStorageTraits for Archive {
    fn list(&self) -> Result<StoreKeys, StorageError> {
        self.list_prefix(&StorePrefix::root())
    }

    fn list_prefix(&self, prefix: &StorePrefix) -> Result<StoreKeys, StorageError> {
        self.below(prefix.as_str()).map(|(name, _)| Ok(StoreKey::new(name)?)).collect()
    }

    fn list_dir(&self, prefix: &StorePrefix) -> Result<StoreKeysPrefixes, StorageError> {
        let (mut keys, mut folders) = (StoreKeys::new(), StorePrefixes::new());
        for (name, _) in self.below(prefix.as_str()) {
            let within = &name[prefix.as_str().len()..];
            let Some((folder, _)) = within.split_once('/') else {
                keys.push(StoreKey::new(name)?);
                continue;
            };
            let folder = StorePrefix::new(format!("{}{folder}/", prefix.as_str()))?;
            if folders.last() != Some(&folder) {
                folders.push(folder);
            }
        }
        Ok(StoreKeysPrefixes::new(keys, folders))
    }

    fn size_prefix(&self, prefix: &StorePrefix) -> Result<u64, StorageError> {
        Ok(self.below(prefix.as_str()).map(|(_, entry)| entry.length).sum())
    }
}
