//! Named arrays in groups, whatever holds them: an HDF5 file or a Zarr store.

mod hdf5;
mod lzf;
mod zarr;
mod zip;

use crate::{Error, Result};
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// More rows than any section has (a whole Visium HD slide holds 11 million bins): a length beyond it is a damaged header.
pub(crate) const MAX_ROWS: u64 = 1 << 25;

/// Elements that are read at a time where the pieces of a file allow it.
pub(crate) const ELEMENTS: u64 = 1 << 20;

/// A file or store that is open for reading.
pub(crate) struct Tree {
    path: PathBuf,
    /// The group that everything is relative to; empty for the root.
    group: String,
    source: Box<dyn Nodes>,
}

/// What [`Tree`] needs of a kind of file. Names are paths such as `obs/array_row`; errors say what is wrong with the node.
trait Nodes: Send + Sync {
    /// The names of the children of a group, sorted; empty where there is no such group.
    fn children(&self, name: &str) -> Result<Vec<String>, String>;
    /// Opens an array.
    fn array(&self, name: &str) -> Result<Box<dyn Array>, String>;
    /// Whether this is a group, not an array.
    fn is_group(&self, name: &str) -> bool;
    /// A text attribute of a group or an array.
    fn text(&self, name: &str, attribute: &str) -> Option<String>;
    /// An attribute that is a list of texts.
    fn texts(&self, name: &str, attribute: &str) -> Option<Vec<String>>;
    /// An attribute that is a list of whole numbers.
    fn numbers(&self, name: &str, attribute: &str) -> Option<Vec<u64>>;
}

/// An array of numbers or texts, read piece by piece. The errors say what is wrong with it.
pub(crate) trait Array: Send + Sync {
    /// Length of each axis.
    fn shape(&self) -> &[u64];
    /// Shape of the pieces in which it is stored.
    fn chunk(&self) -> Vec<u64>;
    /// The numbers of a part, one range for each axis, in C order. Booleans are 0 and 1.
    fn numbers(&self, part: &[Range<u64>]) -> Result<Vec<f64>, String>;
    /// Whether the elements are texts.
    fn is_text(&self) -> bool;
    /// The texts of a part of an array with one axis, or of one without axes (`part` is empty then), in order.
    fn texts(&self, part: &[Range<u64>], each: &mut dyn FnMut(&str)) -> Result<(), String>;
}

impl Tree {
    /// Whether `path` is the folder of a Zarr store or group, or a zip file of one by its name.
    pub(crate) fn is_zarr(path: &Path) -> bool {
        ["zarr.json", ".zgroup"].iter().any(|file| path.join(file).is_file()) || Tree::is_zipped(path)
    }

    /// Whether `path` is a zip file of a Zarr store by its name.
    pub(crate) fn is_zipped(path: &Path) -> bool {
        path.is_file() && path.to_string_lossy().to_lowercase().ends_with(".zarr.zip")
    }

    /// Whether `path` is an HDF5 file, whatever its name.
    pub(crate) fn is_hdf5(path: &Path) -> bool {
        let mut signature = [0; 8];
        let mut start = || std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut signature));
        // Never the start of a stream, which could be read only once.
        path.is_file() && start().is_ok() && signature == *b"\x89HDF\r\n\x1a\n"
    }

    /// Opens an HDF5 file, or a Zarr store (version 2 or 3) that is a folder or a zip file.
    pub(crate) fn open(path: &Path) -> Result<Tree> {
        let metadata = std::fs::metadata(path).map_err(|e| Error::io(path, "read", e))?;
        let source: Box<dyn Nodes> = if metadata.is_dir() || Tree::is_zipped(path) {
            Box::new(zarr::Store::open(path)?)
        } else {
            Box::new(hdf5::File::open(path)?)
        };
        Ok(Tree { path: path.to_owned(), group: String::new(), source })
    }

    /// The same tree, with `group` as its root.
    pub(crate) fn within(mut self, group: &str) -> Tree {
        self.group = self.full(group);
        self
    }

    /// The file or store.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// An error about the node `name`.
    pub(crate) fn error(&self, name: &str, what: impl std::fmt::Display) -> Error {
        match self.full(name) {
            // The root has no name.
            root if root.is_empty() => Error::data(&self.path, what),
            full => Error::data(&self.path, format!("{full}: {what}")),
        }
    }

    /// The names of the children of a group, sorted; empty where there is no such group.
    pub(crate) fn children(&self, name: &str) -> Result<Vec<String>> {
        self.source.children(&self.full(name)).map_err(|what| self.error(name, what))
    }

    /// Whether there is a group or array of that name.
    pub(crate) fn has(&self, name: &str) -> Result<bool> {
        let (parent, child) = name.rsplit_once('/').unwrap_or(("", name));
        Ok(self.children(parent)?.iter().any(|found| found == child))
    }

    /// Opens the array `name`.
    pub(crate) fn array(&self, name: &str) -> Result<Box<dyn Array>> {
        let array = self.source.array(&self.full(name)).map_err(|what| self.error(name, what))?;
        match array.shape().iter().find(|length| **length > MAX_ROWS * 1024) {
            Some(length) => Err(self.error(name, format!("an axis of {length} elements, more than any section has"))),
            None => Ok(array),
        }
    }

    /// A text attribute of a group or an array.
    pub(crate) fn text(&self, name: &str, attribute: &str) -> Option<String> {
        self.source.text(&self.full(name), attribute)
    }

    /// An attribute that is a list of texts.
    pub(crate) fn texts_of(&self, name: &str, attribute: &str) -> Option<Vec<String>> {
        self.source.texts(&self.full(name), attribute)
    }

    /// An attribute that is a list of whole numbers.
    pub(crate) fn numbers(&self, name: &str, attribute: &str) -> Option<Vec<u64>> {
        self.source.numbers(&self.full(name), attribute)
    }

    /// All numbers of an array with one axis.
    pub(crate) fn column(&self, name: &str) -> Result<Vec<f64>> {
        let array = self.array(name)?;
        let &[length] = array.shape() else {
            return Err(self.error(name, format!("found {} axes, expected a column of numbers", array.shape().len())));
        };
        if length > MAX_ROWS {
            return Err(self.error(name, format!("{length} rows, expected {MAX_ROWS} at most. Is the file damaged?")));
        }
        let mut all = Vec::new();
        let step = whole_chunks(ELEMENTS, array.chunk().first().copied().unwrap_or(1));
        for start in (0..length).step_by(step as usize) {
            let part = start..(start + step).min(length);
            all.extend(array.numbers(&[part]).map_err(|what| self.error(name, what))?);
        }
        Ok(all)
    }

    /// Gives every text of an array with one axis, or a single text, to `each`.
    pub(crate) fn texts(&self, name: &str, mut each: impl FnMut(&str)) -> Result<()> {
        let array = self.array(name)?;
        let length = match array.shape() {
            [] => return array.texts(&[], &mut each).map_err(|what| self.error(name, what)),
            &[length] if length <= MAX_ROWS => length,
            shape => return Err(self.error(name, format!("{shape:?} texts, expected a column of {MAX_ROWS} at most"))),
        };
        let step = whole_chunks(ELEMENTS, array.chunk().first().copied().unwrap_or(1));
        for start in (0..length).step_by(step as usize) {
            let part = start..(start + step).min(length);
            array.texts(&[part], &mut each).map_err(|what| self.error(name, what))?;
        }
        Ok(())
    }

    /// One text of an array with one axis.
    pub(crate) fn text_at(&self, name: &str, row: usize) -> Result<String> {
        let mut found = String::new();
        let part = row as u64..row as u64 + 1;
        let array = self.array(name)?;
        array.texts(&[part], &mut |text| text.clone_into(&mut found)).map_err(|what| self.error(name, what))?;
        Ok(found)
    }

    /// The text of an array without axes; `None` where there is none.
    pub(crate) fn only_text(&self, name: &str) -> Option<String> {
        let mut found = None;
        self.texts(name, |text| found = Some(text.to_owned())).ok()?;
        found
    }

    /// The only number of an array without axes, or of one element.
    pub(crate) fn number(&self, name: &str) -> Result<f64> {
        let array = self.array(name)?;
        let part: Vec<Range<u64>> = array.shape().iter().map(|_| 0..1).collect();
        let number = array.numbers(&part).map_err(|what| self.error(name, what))?;
        number.first().copied().ok_or_else(|| self.error(name, "no number in it"))
    }

    /// Whether `name` is a group, not an array.
    pub(crate) fn is_group(&self, name: &str) -> bool {
        self.source.is_group(&self.full(name))
    }

    /// The path of a node from the root of the file.
    pub(crate) fn full(&self, name: &str) -> String {
        match (self.group.as_str(), name) {
            ("", name) => name.to_owned(),
            (group, "") => group.to_owned(),
            (group, name) => format!("{group}/{name}"),
        }
    }
}

/// About `wanted` elements, but a multiple of `chunk`, so that no piece of the file is unpacked twice.
pub(crate) fn whole_chunks(wanted: u64, chunk: u64) -> u64 {
    let chunk = chunk.max(1);
    (wanted / chunk).max(1) * chunk
}
