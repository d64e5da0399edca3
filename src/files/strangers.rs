//! What lies in the folder of an earlier output without being part of it: somebody's files, which go with no output.

use crate::{Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Something below the folder of an output.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// The same from the output's folder on.
    pub below: &'a Path,
    /// Whether it is a folder, and no link to one.
    pub is_folder: bool,
}

impl Entry<'_> {
    /// Its name; empty if that is no text, as no name of ours is.
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }
}

/// Whether a command writes an entry of this name, in whatever version and by whatever settings. Asked of files in known folders alone.
pub type Known = fn(&Entry) -> bool;

/// What a command writes into a folder whose parts have fixed places.
///
/// Names stand as they are, `a|b` for one of several, and `*` in one of them for any letters.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The folders, as paths below the output's; those that lead to them belong to it, too.
    pub folders: &'static [&'static str],
    /// The names of files, each of which may stand in any of the folders and in the output's.
    pub files: &'static [&'static str],
}

impl Layout {
    /// Whether `entry` is a part of it.
    pub fn holds(&self, entry: &Entry) -> bool {
        if !entry.is_folder {
            return self.files.iter().any(|names| fits(names, entry.name()));
        }
        let Some(below) = entry.below.to_str() else { return false };
        let leads = |folder: &&'static str| {
            let mut names = folder.split('/');
            below.split('/').all(|name| names.next().is_some_and(|names| fits(names, name)))
        };
        self.folders.iter().any(leads)
    }
}

/// Whether a name is one of `names`.
fn fits(names: &str, name: &str) -> bool {
    names.split('|').any(|one| match one.split_once('*') {
        None => one == name,
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
    })
}

/// [`Error::Usage`] if `folder` holds what is not `known`: it would go with the output when that is written anew.
pub(super) fn check_strangers(folder: &Path, known: Known) -> Result<()> {
    let Some(stranger) = stranger(folder, known)? else { return Ok(()) };
    let (folder, stranger) = (folder.display(), stranger.display());
    Err(Error::Usage(format!(
        "{folder}: holds {stranger}, which this command did not write, so it is no earlier output of it alone and left as it is, also with --force. Move {stranger} elsewhere, or choose another output"
    )))
}

/// The first entry below `folder`, by its name, that is not `known`; none if there is no such folder.
fn stranger(folder: &Path, known: Known) -> Result<Option<PathBuf>> {
    if folder.is_dir() { search(folder, folder, known) } else { Ok(None) }
}

fn search(root: &Path, folder: &Path, known: Known) -> Result<Option<PathBuf>> {
    let failed = |e| Error::io(folder, "read", e);
    let mut entries = fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let is_folder = entry.file_type().map_err(failed)?.is_dir();
        let found = Entry { path: &path, below: path.strip_prefix(root).unwrap_or(&path), is_folder };
        if passing(&found) {
            continue;
        }
        let inside = match (known(&found), is_folder) {
            (false, _) => return Ok(Some(path)),
            (true, false) => None,
            (true, true) => search(root, &path, known)?,
        };
        if inside.is_some() {
            return Ok(inside);
        }
    }
    Ok(None)
}

/// Files that nobody made by hand: what systems and workflow engines leave in any folder, and temporary ones of ours.
fn passing(entry: &Entry) -> bool {
    const NAMES: &str =
        ".DS_Store|._*|.nfs*|.fuse_hidden*|.directory|.~lock.*|.snakemake_timestamp|Thumbs.db|desktop.ini";
    let ours = |name: &str| name.starts_with('.') && [".s2s-tmp", ".s2s-lock"].iter().any(|end| name.ends_with(end));
    !entry.is_folder && (fits(NAMES, entry.name()) || ours(entry.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(entry: &Entry) -> bool {
        Layout { folders: &["a|b/s*", "a/x/*.s2s"], files: &["one.json", "c|c.*"] }.holds(entry)
    }

    #[test]
    fn what_has_no_place_in_a_layout_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a/s0", "b/s12", "a/x/1.s2s"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        let files = ["one.json", "a/s0/c", "b/s12/c.0.0", "a/x/1.s2s/one.json", "a/.DS_Store", "b/.c.0.s2s-tmp"];
        for name in files {
            fs::write(at(name), "").unwrap();
        }
        assert_eq!(stranger(folder.path(), known).unwrap(), None);
        assert_eq!(stranger(&at("nothing"), known).unwrap(), None);
        for name in ["two.json", "a/s0/d", "b/one.json.bak", ".hidden", "a/.s2s-tmp-1.txt"] {
            fs::write(at(name), "").unwrap();
            assert_eq!(stranger(folder.path(), known).unwrap(), Some(at(name)));
            let told = check_strangers(folder.path(), known).unwrap_err();
            assert!(told.exit_code() == 2 && told.to_string().contains(name), "{told}");
            fs::remove_file(at(name)).unwrap();
        }
        for name in ["s0", "b/x", "a/s0/c.0", "a/x/1.s2s/more", "b/.git"] {
            let made = at(name);
            fs::create_dir(&made).unwrap();
            let found = stranger(folder.path(), known).unwrap();
            assert_eq!(found, Some(made.clone()));
            fs::remove_dir(made).unwrap();
        }
        // Of a link the name is ours, what it leads to is not.
        std::os::unix::fs::symlink(at("a"), at("b/s0")).unwrap();
        assert_eq!(stranger(folder.path(), known).unwrap(), Some(at("b/s0")));
    }
}
