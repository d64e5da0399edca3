//! The bins of areas on the grid of an input.

use super::area::Area;
use super::listed::{read_barcodes, read_listed};
use super::map::to_um;
use super::polygons::Polygons;
use super::{geojson, vertices};
use crate::dataset::Mode;
use crate::files::{content_fingerprint, fingerprint};
use crate::guides::Mask;
use crate::ingest::binning::{AbsoluteBin, BinSet, Binning, Collector, Features};
use crate::ingest::config::PrepConfig;
use crate::ingest::matrix::Square;
use crate::ingest::reader::Reader;
use crate::ingest::text::TextTable;
use crate::{Error, Result};
use std::collections::BTreeSet;
use std::path::Path;

/// The bins of an area.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// The flag that names it, and what it gives.
    pub(crate) what: String,
    /// Its bins.
    pub(crate) bins: BinSet,
    /// SHA-256 of what names them.
    pub(crate) sha256: String,
}

/// Finds the bins of areas on the grid of an input.
pub(crate) struct Surveyor<'a> {
    /// What reads the input.
    pub(crate) reader: &'static dyn Reader,
    /// The input.
    pub(crate) path: &'a Path,
    /// Its config, with the instrument's units.
    pub(crate) config: &'a PrepConfig,
    /// Whether it is dense, or was sampled.
    pub(crate) mode: Mode,
    /// The grid.
    pub(crate) binning: &'a Binning,
    /// From the coordinates of polygons and pixels of images to µm: µm per pixel, or a file with the map.
    pub(crate) transform: Option<&'a str>,
}

impl Surveyor<'_> {
    /// The bins of `area`, which `flag` gives.
    ///
    /// [`Error::Data`] for a file that is none of those that are known, or names no bin.
    pub(crate) fn find(&self, flag: &str, area: &Area) -> Result<Named> {
        let (bins, sha256) = match area {
            Area::File(path) => self.of_file(flag, path)?,
            Area::Observations(text) => (self.observed(flag, text)?, content_fingerprint(text.as_bytes())),
        };
        let what = format!("{flag} {area}");
        if bins.count() == 0 {
            return Err(Error::Data(format!(
                "{what}: it holds the centre of no bin of {} µm. {}",
                self.binning.bin_um, UNIT
            )));
        }
        Ok(Named { what, bins, sha256 })
    }

    fn of_file(&self, flag: &str, path: &Path) -> Result<(BinSet, String)> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if name.ends_with(".geojson") || name.ends_with(".json") {
            return Ok((self.polygons(path, geojson::read(path)?)?, fingerprint(path)?));
        }
        if path.is_file() && Mask::is(path) {
            return Ok((self.mask(path)?, fingerprint(path)?));
        }
        let table = TextTable::open(path)?;
        if vertices::is_one(&table.header) {
            return Ok((self.polygons(path, vertices::read(path, &table.header)?)?, fingerprint(path)?));
        }
        let places = table.header.has(&["row", "col"]) || table.header.has(&["x", "y"]);
        match table.header.usual(&["barcode", "barcodes"], flag)? {
            Some(column) if !places => read_barcodes(table, column, |names| self.barcodes(path, names)),
            _ => read_listed(table, flag, |x, y| self.binning.bin_at(x, y)),
        }
    }

    fn polygons(&self, path: &Path, polygons: Polygons) -> Result<BinSet> {
        let polygons = match to_um(self.transform, TRANSFORM)? {
            Some(map) => polygons.mapped(&map),
            None => polygons,
        };
        polygons.bins(self.binning).map_err(|what| Error::data(path, format!("{what}. {UNIT}")))
    }

    fn mask(&self, path: &Path) -> Result<BinSet> {
        let mask = Mask::open(path, to_um(self.transform, TRANSFORM)?)?;
        let far = || Error::data(path, format!("it lies out of reach of the grid. {UNIT}"));
        let [first, last] = mask.extent().map(|[x, y]| self.binning.bin_at(x, y));
        let (first, last) = first.zip(last).ok_or_else(far)?;
        let length = |first: i32, last: i32| (last - first) as usize + 1;
        let set = BinSet::empty(first, length(first.row, last.row), length(first.col, last.col));
        let mut set = set.map_err(|what| Error::data(path, what))?;
        let all =
            (first.row..=last.row).flat_map(|row| (first.col..=last.col).map(move |col| AbsoluteBin { row, col }));
        let bins: Vec<AbsoluteBin> = all.collect();
        let centres: Vec<[f64; 2]> = bins.iter().map(|bin| self.binning.centre_um(*bin)).collect();
        let held = mask.holds(&centres)?;
        bins.into_iter().zip(held).filter(|(_, held)| *held).for_each(|(bin, _)| set.insert(bin));
        Ok(set)
    }

    /// Of barcodes of Visium HD, which hold their rows and columns.
    fn barcodes(&self, path: &Path, names: &[String]) -> Result<Vec<AbsoluteBin>> {
        let bin = |name: &String| {
            let Square { side_um, at: [row, col] } = Square::of(name).ok_or_else(|| {
                Error::data(
                    path,
                    format!("barcode {name:?} does not say where it is, as those of Visium HD do (s_008um_00012_00034-1). List row and col, or x and y in µm"),
                )
            })?;
            let centre = |index: i32| (f64::from(index) + 0.5) * side_um;
            self.binning
                .bin_at(centre(col), centre(row))
                .ok_or_else(|| Error::data(path, format!("barcode {name:?} lies out of reach of the grid")))
        };
        names.iter().map(bin).collect()
    }

    /// Of the observations that fulfil a condition.
    fn observed(&self, flag: &str, text: &str) -> Result<BinSet> {
        let features = Features::new(Some(BTreeSet::new()));
        let collector = Collector::new(self.binning.clone(), self.mode, self.config, features);
        let points = self.reader.observed(self.path, self.config, text, &collector)?;
        if points.is_empty() {
            let what = "none of the observations that are read fulfils it and has a place";
            return Err(Error::Usage(format!("{flag} {text}: {what}. Check --where and in_tissue")));
        }
        let bins: Vec<AbsoluteBin> = points.iter().filter_map(|[x, y]| self.binning.bin_at(*x, *y)).collect();
        BinSet::of(&bins).map_err(|what| Error::Data(format!("{flag}: {what}")))
    }
}

/// The flag of the map to µm.
const TRANSFORM: &str = "--area-transform";

/// What to look at where nothing is met.
pub(crate) const UNIT: &str =
    "Are its coordinates pixels? Then --area-transform leads to µm: µm per pixel, or a file with the map";
