//! Outputs appear whole or not at all: a temporary name beside the target, fsync, rename.

use crate::{Error, Result};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// SHA-256 of a file's content, in hexadecimal.
pub fn fingerprint(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
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
        let running: Vec<_> = parts.map(|paths| scope.spawn(move || part(paths))).collect();
        running
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// `bytes` in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes `content` to `path`, replacing what was there only once everything is on disk.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(parent(path)).map_err(|e| Error::io(path, "create", e))?;
    file.write_all(content).and_then(|()| file.as_file().sync_all()).map_err(|e| Error::io(path, "write", e))?;
    readable(file.path(), 0o644)?;
    file.persist(path).map_err(|e| Error::io(path, "write", e.error))?;
    Ok(())
}

/// The same for a file that is written again and again by one process: the temporary name is always `.NAME.part`, so that a
/// process that is killed while writing leaves at most one such file, which the next write takes over.
pub fn write_again(path: &Path, content: &[u8]) -> Result<()> {
    write_through(&part(path, ""), path, content)
}

/// The same for a file that several processes write: their temporary names `.NAME.WRITER.part` differ.
pub fn write_as(writer: &str, path: &Path, content: &[u8]) -> Result<()> {
    write_through(&part(path, &format!(".{writer}")), path, content)
}

fn write_through(temporary: &Path, path: &Path, content: &[u8]) -> Result<()> {
    let failed = |e| Error::io(path, "write", e);
    let mut file = File::create(temporary).map_err(|e| Error::io(path, "create", e))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(temporary, path).map_err(failed)
}

/// Removes what [`write_again`] wrote to `path`, and what a killed process left of it.
pub fn remove_again(path: &Path) -> Result<()> {
    for file in [part(path, ""), path.to_owned()] {
        match fs::remove_file(&file) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(&file, "remove", e)),
            _ => {}
        }
    }
    Ok(())
}

fn part(path: &Path, writer: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}{writer}.part"))
}

/// The folder that holds `path`; `.` for a bare name.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| Error::io(folder, "write", e))
}

/// Temporary files are private; outputs are as readable as the user's umask would make them on most clusters.
fn readable(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|e| Error::io(path, "write", e))
}

/// A folder that is being written under a temporary name and takes its place in one rename.
///
/// Dropped without [`Replace::finish`], it leaves nothing behind.
pub struct Replace {
    temporary: tempfile::TempDir,
    target: PathBuf,
}

impl Replace {
    /// Starts to write the folder `target`. What stands there is kept until [`Replace::finish`], and is
    /// replaced only if `ours` says that it is an earlier output of the same kind.
    pub fn begin(target: &Path, ours: impl Fn(&Path) -> bool) -> Result<Self> {
        let empty = || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
        if target.exists() && !ours(target) && !empty() {
            return Err(Error::Usage(format!(
                "{}: exists and is no earlier output of this command, so it is left alone. Choose another --output or remove it",
                target.display()
            )));
        }
        let beside = parent(target);
        let temporary = tempfile::Builder::new().prefix(".s2s-").tempdir_in(beside).map_err(|e| {
            Error::Io(format!("{}: could not create a folder in {}: {e}", target.display(), beside.display()))
        })?;
        readable(temporary.path(), 0o755)?;
        Ok(Replace { temporary, target: target.to_owned() })
    }

    /// The folder to write into.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Puts the folder in its place if there is nothing yet, once all that is in it is on disk. `false`, and it is gone, if
    /// another process was first.
    pub fn finish_first(self) -> Result<bool> {
        self.sync()?;
        // A rename never replaces a folder that holds something.
        match fs::rename(self.temporary.path(), &self.target) {
            Ok(()) => {}
            Err(_) if fs::read_dir(&self.target).is_ok_and(|mut entries| entries.next().is_some()) => return Ok(false),
            Err(e) => return Err(Error::io(&self.target, "write", e)),
        }
        let _ = self.temporary.keep();
        sync_folder(parent(&self.target)).map(|()| true)
    }

    fn sync(&self) -> Result<()> {
        let (files, folders) = tree(self.temporary.path())?;
        sync(&[files, folders].concat()).map_err(|e| Error::io(&self.target, "write", e))
    }

    /// Puts the folder in its place, once all that is in it is on disk.
    pub fn finish(self) -> Result<()> {
        let failed = |e| Error::io(&self.target, "write", e);
        self.sync()?;
        let old = self.target.exists().then(|| self.temporary.path().with_extension("old"));
        if let Some(old) = &old {
            fs::rename(&self.target, old).map_err(failed)?;
        }
        if let Err(e) = fs::rename(self.temporary.path(), &self.target) {
            if let Some(old) = &old {
                fs::rename(old, &self.target).map_err(failed)?;
            }
            return Err(failed(e));
        }
        // The folder has moved away from under its temporary name: there is nothing left to clean up.
        let _ = self.temporary.keep();
        sync_folder(parent(&self.target))?;
        old.map_or(Ok(()), |old| fs::remove_dir_all(&old).map_err(|e| Error::io(&old, "remove", e)))
    }
}
