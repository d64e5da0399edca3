//! Folders that take their place in one rename.

use super::earlier::Earlier;
use super::lock::unwritable;
use super::outside::check_outside;
use super::pending::Pending;
use super::strangers::{Known, check_strangers};
use super::{behind_links, is_same, parent, sync, sync_folder, tree};
use crate::{Error, Result};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// A folder that is being written under a temporary name and takes its place in one rename.
///
/// Dropped without [`Replace::finish`], it leaves nothing behind; what a killed process left is removed by the next that
/// writes the same target.
pub struct Replace {
    temporary: PathBuf,
    pending: Pending,
    /// Locked for as long as this is written: an unlocked one is left over.
    _lock: File,
    target: PathBuf,
    /// What may go with the folder that stands there.
    known: Known,
}

/// [`Error::Usage`] if the folder `target` is not to be written: what stands there is not `ours`, or holds what is not `known` and would
/// go with it, or it lies in a dataset or store.
pub fn check_replaceable(target: &Path, ours: impl Fn(&Path) -> bool, known: Known) -> Result<()> {
    check_outside(target)?;
    let empty = || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
    if target.exists() && !ours(target) && !empty() {
        Earlier::Foreign.give_way(target, false)?;
    }
    check_strangers(target, known)
}

impl Replace {
    /// Starts to write the folder `target`. What stands there is kept until [`Replace::finish`], and is
    /// replaced only if `ours` says that it is an earlier output of the same kind, and all in it is `known` to be a part of one.
    ///
    /// [`Error::Io`] if another process is writing the same target, otherwise errors as those of [`check_replaceable`].
    pub fn begin(target: &Path, ours: impl Fn(&Path) -> bool, known: Known) -> Result<Self> {
        check_replaceable(target, ours, known)?;
        Self::start(target, known, false)
    }

    /// The same where others may be about to write the same: [`Replace::finish_first`] says who was first, and nothing is replaced.
    pub fn race(target: &Path, ours: impl Fn(&Path) -> bool) -> Result<Self> {
        const ALL: Known = |_| true;
        check_replaceable(target, ours, ALL)?;
        Self::start(target, ALL, true)
    }

    fn start(target: &Path, known: Known, race: bool) -> Result<Self> {
        let real = behind_links(target);
        let Some(name) = real.file_name() else {
            let what = "the folder that a command runs in, or the root, cannot be replaced. Give the name of a folder of its own";
            return Err(Error::Usage(format!("{}: {what}", target.display())));
        };
        let failed = |e: io::Error| Error::Io(format!("{}: {}", target.display(), unwritable(parent(&real), &e)));
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(name);
        prefix.push(".s2s-tmp-");
        let busy = clean(parent(&real), &prefix).map_err(failed)?;
        if busy && !race {
            return Err(Error::Io(format!(
                "{}: another process is writing it. Wait for it, or choose another place",
                target.display()
            )));
        }
        let (temporary, pending, lock) = claim(parent(&real), &prefix).map_err(failed)?;
        Ok(Replace { temporary, pending, _lock: lock, target: real, known })
    }

    /// The folder to write into.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Puts the folder in its place if there is nothing yet, once all that is in it is on disk. `false`, and it is gone, if
    /// another process was first.
    pub fn finish_first(self) -> Result<bool> {
        self.sync()?;
        // A rename never replaces a folder that holds something.
        match fs::rename(&self.temporary, &self.target) {
            Ok(()) => {}
            Err(_) if fs::read_dir(&self.target).is_ok_and(|mut entries| entries.next().is_some()) => return Ok(false),
            Err(e) => return Err(Error::io(&self.target, "write", e)),
        }
        sync_folder(parent(&self.target)).map(|()| true)
    }

    fn sync(&self) -> Result<()> {
        let (files, folders) = tree(&self.temporary)?;
        sync(&[files, folders].concat()).map_err(|e| Error::io(&self.target, "write", e))
    }

    /// Puts the folder in its place, once all that is in it is on disk.
    ///
    /// What stood there changes places with it in one call where the system can do that (Linux): at any moment the name is
    /// that of the old or of the new.
    ///
    /// [`Error::Usage`] if somebody has put something into it since [`Replace::begin`]: the old one stays, then.
    pub fn finish(self) -> Result<()> {
        self.sync()?;
        check_strangers(&self.target, self.known)?;
        let old = self.pending.steady(|| self.place()).map_err(|e| Error::io(&self.target, "write", e))?;
        sync_folder(parent(&self.target))?;
        match old.map(|old| (fs::remove_dir_all(&old), old)) {
            Some((Err(e), old)) if e.kind() != io::ErrorKind::NotFound => Err(Error::io(&old, "remove", e)),
            _ => Ok(()),
        }
    }
}

impl Replace {
    /// Gives the folder its name; where the old one that had it is now.
    fn place(&self) -> io::Result<Option<PathBuf>> {
        if !self.target.exists() {
            fs::rename(&self.temporary, &self.target)?;
            return Ok(None);
        }
        if exchange(&self.temporary, &self.target) {
            return Ok(Some(self.temporary.clone()));
        }
        let old = self.temporary.with_extension("old");
        fs::rename(&self.target, &old)?;
        if let Err(e) = fs::rename(&self.temporary, &self.target) {
            fs::rename(&old, &self.target)?;
            return Err(e);
        }
        Ok(Some(old))
    }
}

impl Drop for Replace {
    fn drop(&mut self) {
        // Only while it is still ours: once in its place, the name is that of the old output or of nothing.
        if is_same(&self._lock, &self.temporary) {
            let _ = fs::remove_dir_all(&self.temporary);
        }
    }
}

/// Whether two paths changed places in one call.
fn exchange(one: &Path, other: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_ok()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (one, other);
        false
    }
}

/// Removes what killed processes left under names that start with `prefix`; whether a living one has such a name.
fn clean(folder: &Path, prefix: &std::ffi::OsStr) -> io::Result<bool> {
    let mut busy = false;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(prefix.as_encoded_bytes()) {
            continue;
        }
        // A name of ours that is a link is somebody's trap, and a plain file nothing that we left.
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let Ok(file) = File::open(entry.path()) else { continue };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => busy = true,
            Err(TryLockError::Error(_)) => {}
            Ok(()) => {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
    Ok(busy)
}

/// A new folder whose name starts with `prefix`, locked.
fn claim(folder: &Path, prefix: &std::ffi::OsStr) -> io::Result<(PathBuf, Pending, File)> {
    let mut number = std::process::id();
    loop {
        let mut name = prefix.to_owned();
        name.push(number.to_string());
        let path = folder.join(name);
        number = number.wrapping_add(1);
        let pending = match Pending::made(&path, || fs::create_dir(&path)) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
            made => made?,
        };
        // Another process may take it for a left-over one until it is locked.
        let Ok(file) = File::open(&path) else { continue };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(e)) if e.kind() != io::ErrorKind::Unsupported => return Err(e),
            _ if is_same(&file, &path) => return Ok((path, pending, file)),
            _ => continue,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        entries.collect()
    }

    fn begin(target: &Path) -> Result<Replace> {
        Replace::begin(target, |_| true, |entry| entry.name() == "file")
    }

    #[test]
    fn a_folder_is_replaced_and_what_a_killed_process_left_goes() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        let left = folder.path().join(".out.s2s-tmp-1");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("part"), "").unwrap();
        for content in ["one", "two"] {
            let replace = begin(&target).unwrap();
            fs::write(replace.path().join("file"), content).unwrap();
            replace.finish().unwrap();
            assert_eq!(fs::read_to_string(target.join("file")).unwrap(), content);
            assert_eq!(names(folder.path()), ["out"]);
        }
        std::os::unix::fs::symlink("out", folder.path().join("link")).unwrap();
        begin(&folder.path().join("link")).unwrap().finish().unwrap();
        assert!(fs::symlink_metadata(folder.path().join("link")).unwrap().is_symlink());
        assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
    }

    #[test]
    fn a_second_writer_is_told_unless_it_races() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        let first = begin(&target).unwrap();
        let told = begin(&target).err().unwrap();
        assert!(told.exit_code() == 74 && told.to_string().contains("another process"), "{told}");
        let racing = Replace::race(&target, |_| true).unwrap();
        fs::write(first.path().join("file"), "").unwrap();
        assert!(first.finish_first().unwrap() && !racing.finish_first().unwrap());
        assert_eq!(names(folder.path()), ["out"]);
    }

    #[test]
    fn what_is_put_into_a_folder_while_it_is_written_anew_stays() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("file"), "old").unwrap();
        let replace = begin(&target).unwrap();
        fs::write(replace.path().join("file"), "new").unwrap();
        fs::write(target.join("notes.txt"), "mine").unwrap();
        let told = replace.finish().unwrap_err();
        assert!(told.exit_code() == 2 && told.to_string().contains("out/notes.txt"), "{told}");
        assert_eq!(fs::read_to_string(target.join("file")).unwrap(), "old");
        assert_eq!(names(folder.path()), ["out"]);
        assert!(begin(&target).is_err());
    }
}
