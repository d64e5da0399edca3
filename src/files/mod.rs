//! Outputs appear whole or not at all: a temporary name beside the target, fsync, rename.

mod bounded;
mod earlier;
mod lock;
mod names;
mod outside;
mod packing;
mod pending;
mod replace;
mod strangers;
mod temporary;
mod version;

pub(crate) use bounded::Bounded;
pub use earlier::Earlier;
pub use lock::Lock;
pub(crate) use lock::check_place;
pub use names::{companion, file_name};
pub use outside::check_outside;
pub(crate) use packing::unpacks_within;
pub use pending::abandon;
pub use replace::{Replace, check_replaceable};
pub use strangers::{Entry, Known, Layout};
pub use temporary::{remove, write_atomically, write_together};
pub(crate) use version::readable;

use crate::{Error, Result};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// SHA-256 of a file's content, in hexadecimal.
pub fn fingerprint(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
    let mut hash = Sha256::new();
    // What is read is hashed while the cache still holds it.
    let mut buffer = vec![0; 1 << 17];
    loop {
        match file.read(&mut buffer).map_err(|e| Error::io(path, "read", e))? {
            0 => break,
            n => hash.update(&buffer[..n]),
        }
    }
    Ok(hex(&hash.finalize()))
}

/// SHA-256 of `content`, in hexadecimal.
pub fn content_fingerprint(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

/// One hash of all files in a folder and its folders, by name and content, in hexadecimal.
pub fn folder_fingerprint(folder: &Path) -> Result<String> {
    let (mut files, _) = tree(folder)?;
    files.sort();
    let mut hash = Sha256::new();
    for file in &files {
        let name = file.strip_prefix(folder).unwrap_or(file).display();
        hash.update(format!("{name} {}\n", fingerprint(file)?));
    }
    Ok(hex(&hash.finalize()))
}

/// All files below `folder`, and all folders, itself included.
fn tree(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    let mut next = 0;
    while next < folders.len() {
        let folder = folders[next].clone();
        for entry in fs::read_dir(&folder).map_err(|e| Error::io(&folder, "read", e))? {
            let path = entry.map_err(|e| Error::io(&folder, "read", e))?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
        next += 1;
    }
    Ok((files, folders))
}

/// Waits until `paths` are on disk.
fn sync(paths: &[PathBuf]) -> std::io::Result<()> {
    // One after the other, each file waits for a commit of its own; at the same time, they share them.
    const AT_ONCE: usize = 8;
    let part = |part: &[PathBuf]| part.iter().try_for_each(|path| File::open(path)?.sync_all());
    std::thread::scope(|scope| {
        let parts = paths.chunks(paths.len().div_ceil(AT_ONCE).max(1));
        let start = |paths| std::thread::Builder::new().spawn_scoped(scope, move || part(paths));
        let running: Vec<_> = parts.map(|paths| (paths, start(paths))).collect();
        running.into_iter().try_for_each(|(paths, thread)| match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // The system starts no more threads: these wait their turn in this one.
            Err(_) => part(paths),
        })
    })
}

/// `bytes` in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folder that holds `path`; `.` for a bare name.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Where a symlink leads to, so that writing keeps the link; any other path as it is.
fn behind_links(path: &Path) -> PathBuf {
    const MOST: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST {
        let Ok(next) = fs::read_link(&path) else { break };
        path = parent(&path).join(next);
    }
    path
}

/// Makes `folder` and what lies between it and `root`, but never `root`: one that a signal has taken away stays away.
pub(crate) fn make_below(root: &Path, folder: &Path) -> Result<()> {
    if folder == root || folder.is_dir() {
        return Ok(());
    }
    make_below(root, parent(folder))?;
    match fs::create_dir(folder) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => Err(Error::io(folder, "create", e)),
        _ => Ok(()),
    }
}

fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| Error::io(folder, "write", e))
}

/// Whether `path` still is the open `file`.
fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |data: fs::Metadata| (data.dev(), data.ino());
    file.metadata().ok().map(id) == fs::symlink_metadata(path).ok().map(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_taken_away_is_not_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        assert!(make_below(&root, &root.join("a/b")).is_err() && !root.exists());
        fs::create_dir(&root).unwrap();
        make_below(&root, &root.join("a/b")).unwrap();
        make_below(&root, &root.join("a/b")).unwrap();
        assert!(root.join("a/b").is_dir());
    }
}
