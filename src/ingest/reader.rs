//! What a platform is to the rest of the crate: its files, its flags, and how it reads.

use super::binning::{Collector, ReadStats};
use super::config::PrepConfig;
use super::flags::Flag;
use super::text::{Columns, Header};
use crate::guides::Affine;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A platform, for people and command lines.
#[derive(Debug)]
pub struct Platform {
    /// Its name, as a user writes it and manifests hold it.
    pub name: &'static str,
    /// Whose it is.
    pub title: &'static str,
    /// Which files or folders are read.
    pub input: &'static str,
    /// The platform of which this is another way to read, and under whose name a user asks for it.
    pub part_of: Option<&'static str>,
    /// Its flags.
    pub flags: &'static [&'static Flag],
}

/// The names of a platform's tables of molecules in its bundle folder, in lower case, best first. Anything may stand before them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableNames {
    /// Names that no other platform has.
    pub own: &'static [&'static str],
    /// Names that other platforms' tables have too, perhaps behind a word of their own: these are looked for last.
    pub common: &'static [&'static str],
}

/// How the files of a platform are recognised and read.
///
/// A platform whose files are tables of molecules has [`tables`](Reader::tables), [`has_columns`](Reader::has_columns) and
/// [`columns`](Reader::columns); one whose input is a matrix has [`recognises`](Reader::recognises) and [`read`](Reader::read).
pub(crate) trait Reader: Sync {
    /// What it is called, and which flags it has.
    fn platform(&self) -> &'static Platform;

    /// Its tables of molecules, by their names in a folder; `None` where its input is a matrix.
    fn tables(&self) -> Option<TableNames> {
        None
    }

    /// Whether a table with this header is its own.
    fn has_columns(&self, _: &Header) -> bool {
        false
    }

    /// Whether it reads any table: what a table is taken for that is nobody's own.
    fn reads_any_table(&self) -> bool {
        false
    }

    /// Which columns of its table are what. The config is that of [`Reader::with_units`].
    fn columns(&self, header: &Header, _: &PrepConfig) -> Result<Columns> {
        Err(Error::Bug(format!("{}: {} has no tables", header.path().display(), self.platform().name)))
    }

    /// What else the folder of a table tells, for people.
    fn notes(&self, _table: &Path) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Whether the matrix `input`, a file or folder, is its own.
    fn recognises(&self, _input: &Path) -> Result<bool> {
        Ok(false)
    }

    /// The switch that asks for this reader, whatever else could be read.
    fn demanded_by(&self) -> Option<&'static Flag> {
        None
    }

    /// Refuses an input that it was asked for and cannot find its files in.
    fn check(&self, _input: &Path) -> Result<()> {
        Ok(())
    }

    /// Every file or folder that is read of `path`, for fingerprints.
    fn files(&self, path: &Path, _: &PrepConfig) -> Result<Vec<PathBuf>> {
        Ok(vec![path.to_owned()])
    }

    /// The config with the instrument's units where it gives none, and bins in µm.
    fn with_units(&self, config: PrepConfig) -> Result<PrepConfig> {
        Ok(config)
    }

    /// What the positions are counted in, for people.
    fn unit(&self, _: &PrepConfig) -> String {
        "positions in µm".to_owned()
    }

    /// Side in µm of the finest bins that make sense, where the files or the instrument have an own lattice.
    fn finest_um(&self, _: &Path, _: &PrepConfig) -> Option<f64> {
        None
    }

    /// Distance in µm of the spots of the instrument or the matrix, each of which is one bin.
    fn spot_um(&self, _: &Path, _: &PrepConfig) -> Option<f64> {
        None
    }

    /// x and y in µm of all spots of the instrument, whether or not there is anything in them: what the pattern of spots measures.
    fn spots(&self, path: &Path, _: &PrepConfig) -> Result<Vec<[f64; 2]>> {
        let name = self.platform().name;
        Err(Error::Usage(format!("--pattern spots: only for visium, but {} is read as {name}", path.display())))
    }

    /// Whether rows and columns of the chip may have caught more or less than others.
    fn may_have_stripes(&self) -> bool {
        false
    }

    /// The flag that asks for bins of `um` µm.
    fn bin_flag(&self, um: f64, _: &PrepConfig) -> String {
        format!("--bin-um {um}")
    }

    /// The map from pixels of `image` to µm, where the platform's own files say where their pictures lie.
    fn image_to_um(&self, _path: &Path, _: &PrepConfig, _image: &Path) -> Result<Option<Affine>> {
        Ok(None)
    }

    /// x and y in µm of a corner of the squares that the matrix `path` is made of, which bins have to begin at.
    fn corner_um(&self, _path: &Path, _: &PrepConfig, _: &Collector) -> Result<[f64; 2]> {
        Ok([0.0; 2])
    }

    /// x and y in µm of those observations of the matrix `path`, chosen by `config.matrix.where`, that fulfil `condition` (COLUMN=VALUE) too.
    fn observed(&self, path: &Path, _: &PrepConfig, condition: &str, _: &Collector) -> Result<Vec<[f64; 2]>> {
        Err(Error::Usage(format!(
            "{}: {} has no columns of obs, which anndata and spatialdata have. Or is {condition} meant to be a file? There is none of that name",
            path.display(),
            self.platform().name,
        )))
    }

    /// Reads all of the matrix `path` into `collector`, which bins it. The config is that of [`Reader::with_units`].
    fn read(&self, path: &Path, _: &PrepConfig, _: &Collector) -> Result<ReadStats> {
        Err(Error::Bug(format!("{}: {} has no matrices", path.display(), self.platform().name)))
    }
}

/// A value of `prep.NAME` that has to be above 0 µm.
pub(crate) fn positive(value: f64, name: &str) -> Result<f64> {
    let good = value.is_finite() && value > 0.0;
    good.then_some(value).ok_or_else(|| Error::Usage(format!("{name} {value}: expected a number above 0, in µm")))
}
