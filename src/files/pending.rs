//! What has a temporary name at this moment, so that a signal can take it away.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static PENDING: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// How often a folder is removed that others may still be writing into.
const TRIES: usize = 100;

/// A path that is to be taken away if the process is ended before this is dropped.
pub(super) struct Pending(PathBuf);

impl Pending {
    pub(super) fn new(path: &Path) -> Self {
        list().push(path.to_owned());
        Pending(path.to_owned())
    }

    /// What `make` makes at `path`: no signal comes in between.
    pub(super) fn made(path: &Path, make: impl FnOnce() -> io::Result<()>) -> io::Result<Self> {
        let mut list = list();
        make()?;
        list.push(path.to_owned());
        Ok(Pending(path.to_owned()))
    }

    /// Renames, while no signal can end the process between one name and the next.
    pub(super) fn steady<T>(&self, rename: impl FnOnce() -> T) -> T {
        let _list = list();
        rename()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut list = list();
        if let Some(at) = list.iter().position(|path| *path == self.0) {
            list.swap_remove(at);
        }
    }
}

/// Removes all that has a temporary name, and lets nothing get another: for a process that is about to end.
pub fn abandon() {
    let list = list();
    for path in list.iter() {
        // Other threads may add to a folder while it is removed.
        let gone = |_: &usize| fs::remove_dir_all(path).or_else(|_| fs::remove_file(path)).is_ok() || !path.exists();
        (0..TRIES).find(gone);
    }
    // Never given back: whoever is about to rename waits for the end.
    std::mem::forget(list);
}

fn list() -> MutexGuard<'static, Vec<PathBuf>> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}
