//! Files under their temporary names.

use super::pending::Pending;
use super::{behind_links, is_same, parent, sync_folder};
use crate::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Writes `content` to `path`, replacing what was there only once everything is on disk.
///
/// A target has one temporary name, `.NAME.s2s-tmp`. Who writes locks it, so that others wait; what a killed process left
/// there is taken over by the next. A symlink at `path` stays one, and the umask decides who may read.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    write_together(&[(path, content)])
}

/// Writes several files as [`write_atomically`] writes one: none of them takes its place, in the order given, before all are on disk.
pub fn write_together(files: &[(&Path, &[u8])]) -> Result<()> {
    let written: Vec<Written> =
        files.iter().map(|(path, content)| Written::new(path, content)).collect::<Result<_>>()?;
    written.into_iter().try_for_each(Written::place)
}

/// A file that is on disk under its temporary name; dropped, it is gone.
struct Written {
    path: PathBuf,
    target: PathBuf,
    name: PathBuf,
    /// Locked until it has its place.
    file: File,
    pending: Pending,
}

impl Written {
    fn new(path: &Path, content: &[u8]) -> Result<Self> {
        let target = behind_links(path);
        let name = temporary(&target);
        let file = claim(&name).map_err(|e| Error::io(path, "create", e))?;
        let mut written = Written { path: path.to_owned(), target, file, pending: Pending::new(&name), name };
        let done = written.file.write_all(content).and_then(|()| written.file.sync_all());
        done.map_err(|e| Error::io(path, "write", e))?;
        Ok(written)
    }

    fn place(self) -> Result<()> {
        let placed = self.pending.steady(|| fs::rename(&self.name, &self.target));
        placed.map_err(|e| Error::io(&self.path, "write", e))?;
        sync_folder(parent(&self.target))
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // In its place, the temporary name is nobody's, or already that of the next writer.
        if is_same(&self.file, &self.name) {
            let _ = fs::remove_file(&self.name);
        }
    }
}

/// Removes what [`write_atomically`] wrote to `path`, and what a killed process left of it.
pub fn remove(path: &Path) -> Result<()> {
    for file in [temporary(path), path.to_owned()] {
        match fs::remove_file(&file) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::io(&file, "remove", e)),
            _ => {}
        }
    }
    Ok(())
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".s2s-tmp");
    path.with_file_name(name)
}

/// The empty file `name`, locked; never what a link of that name leads to.
fn claim(name: &Path) -> io::Result<File> {
    loop {
        if fs::symlink_metadata(name).is_ok_and(|found| !found.is_file()) {
            fs::remove_file(name)?;
        }
        let flags = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
        let file = OpenOptions::new().write(true).create(true).truncate(false).custom_flags(flags).open(name)?;
        match file.lock() {
            // A disk without locks: whoever writes last wins, as far as two write at all.
            Err(e) if e.kind() == io::ErrorKind::Unsupported => {}
            locked => locked?,
        }
        // Whoever had the lock before has renamed the file meanwhile.
        if is_same(&file, name) {
            file.set_len(0)?;
            return Ok(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn links_stay_and_temporary_ones_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let to = |name: &str| folder.path().join(name);
        fs::write(to("victim"), "precious").unwrap();
        symlink("victim", to(".real.s2s-tmp")).unwrap();
        symlink("real", to("link")).unwrap();
        write_atomically(&to("link"), b"new").unwrap();
        assert!(fs::symlink_metadata(to("link")).unwrap().is_symlink());
        assert_eq!(fs::read(to("real")).unwrap(), b"new");
        assert_eq!(fs::read(to("victim")).unwrap(), b"precious");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn many_writers_of_one_file_leave_one_whole_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(temporary(&path), vec![b'x'; 9000]).unwrap();
        std::thread::scope(|scope| {
            for writer in 0..8_u8 {
                let path = &path;
                scope.spawn(move || (0..20).for_each(|_| write_atomically(path, &vec![writer; 5000]).unwrap()));
            }
        });
        let found = fs::read(&path).unwrap();
        assert!(found.len() == 5000 && found.iter().all(|byte| *byte == found[0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_umask_decides_who_reads() {
        let folder = tempfile::tempdir().unwrap();
        write_atomically(&folder.path().join("ours"), b"").unwrap();
        fs::write(folder.path().join("plain"), b"").unwrap();
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().mode();
        assert_eq!(mode("ours"), mode("plain"));
    }
}
