//! 10x Visium and Visium HD: a feature-barcode matrix, and the table that says where each barcode lies.
//!
//! **Visium HD** squares lie on a square lattice: bins of any whole multiple are sums of squares.
//!
//! **Visium** spots lie on a hexagonal lattice, 100 µm from each of six neighbours. The table counts rows and
//! *half-columns*: a spot of an even row has an even column, of an odd row an odd one. Half of all (row, column) do not
//! exist, and a lattice drawn on them would measure every second spot instead of one in S². Here spot (row, column)
//! is square (row, ⌊column / 2⌋) of a full grid in which every square is a spot: odd rows are drawn half a square
//! to the left of where they lie. For even S all measured rows are even, so that the measured image is undistorted in itself.
//! Rows are 86.6 µm apart, columns 100 µm; both are called 100 µm here.

use super::intake::{Collector, Tally};
use super::mtx::Mtx;
use super::places::Places;
use super::spots::Spots;
use super::tenx::TenX;
use crate::{Error, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Distance of neighbouring Visium spots.
pub(super) const SPOT_UM: f64 = 100.0;

/// Names of the matrix, best first: the filtered one holds the barcodes under tissue.
const MATRICES: [&str; 4] = [
    "filtered_feature_bc_matrix.h5",
    "filtered_feature_bc_matrix",
    "raw_feature_bc_matrix.h5",
    "raw_feature_bc_matrix",
];

/// A matrix and its table of positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Array {
    matrix: PathBuf,
    positions: PathBuf,
}

impl Array {
    /// Finds both for `input`: the folder that holds them, or the matrix itself.
    pub fn find(input: &Path) -> Result<Array> {
        let (folder, matrix) = match input.parent() {
            Some(folder) if input.is_file() || Mtx::is_in(input) => (folder, input.to_owned()),
            _ => (input, matrix_in(input)?),
        };
        let positions = Spots::find(folder).ok_or_else(|| {
            Error::Missing(format!(
                "{}: no spatial/tissue_positions.parquet, tissue_positions.csv or tissue_positions_list.csv. Give the folder outs of Space Ranger",
                folder.display()
            ))
        })?;
        Ok(Array { matrix, positions })
    }

    /// Whether `folder` holds a matrix and a table.
    pub fn is_in(folder: &Path) -> bool {
        matrix_in(folder).is_ok() && Spots::find(folder).is_some()
    }

    /// Everything that is read.
    pub fn files(&self) -> Vec<PathBuf> {
        vec![self.matrix.clone(), self.positions.clone()]
    }

    /// Reads all counts; `side_um` and `square` say how rows and columns of the table become squares.
    fn read(&self, side_um: f64, square: fn([i32; 2]) -> [i32; 2], collector: &Collector) -> Result<Tally> {
        let spots = Spots::read(&self.positions)?;
        let matrix = TenX::open(&self.matrix)?;
        let mut at = Vec::new();
        let mut problem = None;
        matrix.barcodes(|barcode| match spots.get(barcode) {
            Ok(place) if place == Places::NOWHERE => at.push(place),
            Ok(place) => at.push(square(place)),
            Err(error) => problem = problem.take().or(Some(error)),
        })?;
        drop(spots);
        match problem {
            Some(error) => Err(error),
            None => matrix.read(&Places::Lattice { side_um, at }, collector),
        }
    }
}

fn matrix_in(folder: &Path) -> Result<PathBuf> {
    let usual = MATRICES.iter().map(|name| folder.join(name)).find(|path| path.is_file() || Mtx::is_in(path));
    // Downloads put the sample's name in front.
    let named = || {
        let names = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
        let mut names: Vec<PathBuf> = names.filter(|path| path.to_string_lossy().ends_with(MATRICES[0])).collect();
        names.sort();
        names.into_iter().next()
    };
    usual.or_else(named).ok_or_else(|| {
        Error::Missing(format!("{}: no count matrix in it (looked for {})", folder.display(), MATRICES.join(", ")))
    })
}

/// Reads a Visium section.
pub(super) fn read(input: &Path, collector: &Collector) -> Result<Tally> {
    Array::find(input)?.read(SPOT_UM, full_columns, collector)
}

/// Half-columns to columns.
pub(super) fn full_columns([row, col]: [i32; 2]) -> [i32; 2] {
    [row, col.div_euclid(2)]
}

/// One size of squares of a Visium HD section.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Squares {
    /// The folder `square_…um`.
    pub folder: PathBuf,
    /// Side in µm.
    pub side_um: f64,
}

impl Squares {
    /// All sizes at or below `input` (`outs`, `binned_outputs` or one `square_…um`), largest first.
    pub fn all(input: &Path) -> Vec<Squares> {
        let folder = if input.is_file() || Mtx::is_in(input) { input.parent().unwrap_or(input) } else { input };
        if let Some(squares) = Squares::of(folder) {
            return vec![squares];
        }
        let below = [input.to_owned(), input.join("binned_outputs")];
        let folders = below.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
        let mut all: Vec<Squares> = folders.filter_map(|entry| Squares::of(&entry.path())).collect();
        all.sort_by(|a, b| b.side_um.total_cmp(&a.side_um));
        all
    }

    fn of(folder: &Path) -> Option<Squares> {
        let name = folder.file_name()?.to_string_lossy().into_owned();
        let by_name = || name.strip_prefix("square_")?.strip_suffix("um")?.parse::<f64>().ok();
        let scales = std::fs::read_to_string(folder.join("spatial/scalefactors_json.json")).ok();
        let scales = scales.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let told = scales.and_then(|scales| scales.get("bin_size_um")?.as_f64());
        let side_um = told.or_else(by_name).filter(|side| side.is_finite() && *side > 0.0)?;
        Some(Squares { folder: folder.to_owned(), side_um })
    }

    /// The largest squares of `input` that bins of `bin_um` are made of: the fewest to read.
    pub fn dividing(input: &Path, bin_um: f64) -> Result<Squares> {
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
    pub fn array(&self, input: &Path) -> Result<Array> {
        let named = input.is_file() || Mtx::is_in(input);
        Array::find(if named { input } else { &self.folder })
    }
}

/// Reads a Visium HD section in the largest squares that divide the bins.
pub(super) fn read_hd(input: &Path, collector: &Collector) -> Result<Tally> {
    let squares = Squares::dividing(input, collector.binning.bin_um)?;
    squares.array(input)?.read(squares.side_um, |place| place, collector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_square_of_the_full_grid_is_one_spot() {
        let spots = (0..78).flat_map(|row| (0..64).map(move |i| [row, 2 * i + row % 2]));
        let squares: std::collections::BTreeSet<[i32; 2]> = spots.map(full_columns).collect();
        let grid: std::collections::BTreeSet<[i32; 2]> = (0..78).flat_map(|r| (0..64).map(move |c| [r, c])).collect();
        assert_eq!(squares, grid);
    }
}
