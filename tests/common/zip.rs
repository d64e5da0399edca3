//! Zip files of Zarr stores.

use std::fs;
use std::path::{Path, PathBuf};

/// The zip file of a store, entries as they are, in the place of its folder.
pub fn zipped(store: &Path) -> Option<PathBuf> {
    let (mut content, mut list, mut number) = (Vec::new(), Vec::new(), 0_u16);
    for file in files(store)? {
        let (name, bytes) = (file.strip_prefix(store).ok()?.to_str()?.to_owned(), fs::read(&file).ok()?);
        let mut crc = flate2::Crc::new();
        crc.update(&bytes);
        let length = bytes.len() as u32;
        // Version, flags, method, time and date; then checksum, lengths, and those of the name and of nothing more.
        let numbers = [crc.sum(), length, length].map(u32::to_le_bytes).concat();
        let lengths = [name.len() as u16, 0].map(u16::to_le_bytes).concat();
        let header = [&[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0], numbers.as_slice(), &lengths].concat();
        let at = (content.len() as u32).to_le_bytes();
        list.extend([b"PK\x01\x02\x14\x00", header.as_slice(), &[0; 10], &at, name.as_bytes()].concat());
        content.extend([b"PK\x03\x04", header.as_slice(), name.as_bytes(), &bytes].concat());
        number += 1;
    }
    let numbers = [list.len() as u32, content.len() as u32].map(u32::to_le_bytes).concat();
    let number = [number; 2].map(u16::to_le_bytes).concat();
    let end = [b"PK\x05\x06\x00\x00\x00\x00", number.as_slice(), &numbers, &[0; 2]].concat();
    let path = store.with_extension("zarr.zip");
    fs::write(&path, [content, list, end].concat()).ok()?;
    fs::remove_dir_all(store).ok()?;
    Some(path)
}

/// Every file below `folder`, sorted.
fn files(folder: &Path) -> Option<Vec<PathBuf>> {
    let (mut all, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).ok()? {
            let path = entry.ok()?.path();
            if path.is_dir() { folders.push(path) } else { all.push(path) }
        }
    }
    all.sort();
    Some(all)
}
