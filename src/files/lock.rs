//! Outputs that take long to make, and that two processes must not make at once.

use super::outside::check_outside;
use super::pending::Pending;
use super::{behind_links, is_same, parent};
use crate::{Error, Result};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Holds an output, by a locked file `.NAME.s2s-lock` beside it. Gone when dropped; what a killed process left is taken over.
pub struct Lock {
    path: PathBuf,
    file: File,
    _pending: Pending,
}

impl Lock {
    /// Takes the file `target`, which need not exist. [`Error::Io`] if another process has it, or its folder cannot be written to;
    /// [`Error::Usage`] if that is in a dataset or store.
    pub fn take(target: &Path) -> Result<Self> {
        check_outside(target)?;
        let real = behind_links(target);
        let mut name = std::ffi::OsString::from(".");
        name.push(real.file_name().unwrap_or_default());
        name.push(".s2s-lock");
        let path = real.with_file_name(name);
        let failed = |e: io::Error| Error::Io(format!("{}: {}", target.display(), unwritable(parent(&real), &e)));
        loop {
            let flags = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
            let open = OpenOptions::new().write(true).create(true).truncate(false).custom_flags(flags).open(&path);
            let file = open.map_err(failed)?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => {
                    let what = "another process is making it. Wait for it, or choose another --output";
                    return Err(Error::Io(format!("{}: {what}", target.display())));
                }
                // A disk without locks: two are not told apart there.
                Err(TryLockError::Error(e)) if e.kind() != io::ErrorKind::Unsupported => return Err(failed(e)),
                _ => {}
            }
            // Whoever had it may have removed it meanwhile.
            if is_same(&file, &path) {
                return Ok(Lock { _pending: Pending::new(&path), path, file });
            }
        }
    }
}

/// [`Error::Io`] if there is no folder that `target` could be made in, [`Error::Usage`] if that is in a dataset or store: told before what
/// takes long, not after.
pub(crate) fn check_place(target: &Path) -> Result<()> {
    check_outside(target)?;
    let real = behind_links(target);
    let told = |e| Error::Io(format!("{}: {}", target.display(), unwritable(parent(&real), &e)));
    match fs::metadata(parent(&real)) {
        Ok(folder) if !folder.is_dir() => Err(told(io::ErrorKind::NotADirectory.into())),
        found => found.map(drop).map_err(told),
    }
}

/// Why nothing can be made in `folder`, and what to do.
pub(super) fn unwritable(folder: &Path, error: &io::Error) -> String {
    let folder = folder.display();
    match error.kind() {
        io::ErrorKind::NotFound => format!("there is no folder {folder}. Create it, or choose another --output"),
        io::ErrorKind::NotADirectory => format!("{folder} is no folder. Choose another --output"),
        _ => format!("could not write into {folder}: {error}. Choose another --output"),
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if is_same(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_until_the_first_is_done_and_what_a_killed_one_left_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("A.safetensors");
        fs::write(folder.path().join(".A.safetensors.s2s-lock"), "").unwrap();
        let first = Lock::take(&target).unwrap();
        let told = Lock::take(&target).err().unwrap();
        assert!(told.exit_code() == 74 && told.to_string().contains("another process"), "{told}");
        drop(first);
        drop(Lock::take(&target).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let nowhere = Lock::take(&folder.path().join("no/A")).err().unwrap();
        assert!(nowhere.to_string().contains("there is no folder"), "{nowhere}");
    }
}
