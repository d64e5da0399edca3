//! 10x Visium HD: squares on a square lattice, in several sizes. Bins of any whole multiple of a size are sums of squares.

use super::array::Array;
use super::cells::CELLS;
use super::picture;
use crate::guides::Affine;
use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::ingest::flags;
use crate::ingest::folders::entries;
use crate::ingest::matrix::{Mtx, Places, side_in_name};
use crate::ingest::reader::{Platform, Reader};
use crate::{Error, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};

static PLATFORM: Platform = Platform {
    name: "visium-hd",
    title: "10x Visium HD",
    input: "the folder outs, binned_outputs or one square_…um, or the matrix in it, .h5 or MTX; without squares, segmented_outputs by cell",
    part_of: None,
    flags: &[&CELLS, &flags::ALREADY_NORMALISED],
};

/// The reader of Visium HD, in the largest squares that divide the bins.
pub(crate) struct VisiumHd;

impl Reader for VisiumHd {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn recognises(&self, input: &Path) -> Result<bool> {
        Ok(!Squares::all(input).is_empty())
    }

    fn files(&self, path: &Path, config: &PrepConfig) -> Result<Vec<PathBuf>> {
        Squares::dividing(path, config.spot_um())?.array(path)?.files()
    }

    fn finest_um(&self, path: &Path, _: &PrepConfig) -> Option<f64> {
        Squares::all(path).first().map(|squares| squares.side_um)
    }

    fn may_have_stripes(&self) -> bool {
        true
    }

    fn image_to_um(&self, path: &Path, config: &PrepConfig, image: &Path) -> Result<Option<Affine>> {
        let squares = Squares::dividing(path, config.spot_um())?;
        let middle = |row: f64, col: f64| [col + 0.5, row + 0.5];
        Ok(Some(picture::to_um(&squares.array(path)?.positions, squares.side_um, middle, image)?))
    }

    fn read(&self, path: &Path, _: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        let squares = Squares::dividing(path, collector.binning.bin_um)?;
        squares.array(path)?.read(squares.side_um, |at| Places::squares(squares.side_um, at), collector)
    }
}

/// One size of squares of a Visium HD section.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Squares {
    /// The folder `square_…um`.
    pub folder: PathBuf,
    /// Side in µm.
    pub side_um: f64,
}

impl Squares {
    /// All sizes at or below `input` (`outs`, `binned_outputs` or one `square_…um`), largest first.
    pub(crate) fn all(input: &Path) -> Vec<Squares> {
        let named = input.is_file() || Mtx::is(input);
        let folder = if named { input.parent().unwrap_or(input) } else { input };
        if let Some(squares) = Squares::of(folder) {
            return vec![squares];
        }
        let below = [input.to_owned(), input.join("binned_outputs")];
        let folders = below.iter().flat_map(|folder| entries(folder).unwrap_or_default());
        let mut all: Vec<Squares> = folders.filter_map(|folder| Squares::of(&folder)).collect();
        all.sort_by(|a, b| b.side_um.total_cmp(&a.side_um));
        all
    }

    fn of(folder: &Path) -> Option<Squares> {
        let by_name = || side_in_name(&folder.file_name()?.to_string_lossy());
        let scales = std::fs::read_to_string(folder.join("spatial/scalefactors_json.json")).ok();
        let scales = scales.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let told = scales.and_then(|scales| scales.get("bin_size_um")?.as_f64());
        let side_um =
            told.filter(|side| side.is_finite() && *side > 0.0).or_else(by_name).filter(|_| folder.is_dir())?;
        Some(Squares { folder: folder.to_owned(), side_um })
    }

    /// The largest squares of `input` that bins of `bin_um` are made of: the fewest to read.
    pub(crate) fn dividing(input: &Path, bin_um: f64) -> Result<Squares> {
        let all = Squares::all(input);
        let fits = |squares: &&Squares| {
            let times = bin_um / squares.side_um;
            times > 0.5 && (times - times.round()).abs() < 1e-6 * times
        };
        let sizes: Vec<String> = all.iter().map(|squares| squares.side_um.to_string()).collect();
        match (all.iter().find(fits), all.is_empty()) {
            (Some(squares), _) => Ok(squares.clone()),
            (None, false) => Err(Error::Usage(format!(
                "bin-um {bin_um}: {} comes in squares of {} µm, expected a multiple of one of them",
                input.display(),
                sizes.join(", ")
            ))),
            (None, true) => Err(Error::Missing(format!(
                "{}: no folders square_…um. Give the folder binned_outputs of a Visium HD section, or one square_…um of it",
                input.display()
            ))),
        }
    }

    /// The matrix and the table of these squares; `input` may name the matrix.
    pub(crate) fn array(&self, input: &Path) -> Result<Array> {
        let named = input.is_file() || Mtx::is(input);
        Array::find(if named { input } else { &self.folder })
    }
}
