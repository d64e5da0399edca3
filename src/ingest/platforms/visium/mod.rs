//! 10x Visium (`hd` is Visium HD): a feature-barcode matrix, and the table that says where each barcode lies.
//!
//! **Visium** spots lie on a hexagonal lattice, 100 µm from each of six neighbours. The table counts rows and
//! *half-columns*: a spot of an even row has an even column, of an odd row an odd one. Half of all (row, column) do not
//! exist, and a lattice drawn on them would measure every second spot instead of one in S². Here spot (row, column)
//! is square (row, ⌊column / 2⌋) of a full grid in which every square is a spot: odd rows are drawn half a square
//! to the left of where they lie. For even S all measured rows are even, so that the measured image is undistorted in itself.
//! Rows are 86.6 µm apart, columns 100 µm; both are called 100 µm here.

mod hd;
mod spots;

pub(crate) use hd::VisiumHd;

use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::ingest::flags;
use crate::ingest::matrix::{Mtx, Places, TenX, full_columns};
use crate::ingest::reader::{Platform, Reader};
use crate::{Error, Result};
use hd::Squares;
use spots::Spots;
use std::path::{Path, PathBuf};

/// Distance of neighbouring Visium spots.
const SPOT_UM: f64 = 100.0;

static PLATFORM: Platform = Platform {
    name: "visium",
    title: "10x Visium",
    input: "the folder outs, or the matrix in it, .h5 or MTX",
    part_of: None,
    flags: &[&flags::ALREADY_NORMALISED],
};

/// The reader of Visium.
pub(crate) struct Visium;

impl Reader for Visium {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn recognises(&self, input: &Path) -> Result<bool> {
        let is_matrix = input.file_name().unwrap_or_default().to_string_lossy().to_lowercase().ends_with(".h5");
        // Squares of Visium HD have a matrix and a table too.
        Ok((is_matrix || Array::is_in(input)) && Squares::all(input).is_empty())
    }

    fn files(&self, path: &Path, _: &PrepConfig) -> Result<Vec<PathBuf>> {
        Ok(Array::find(path)?.files())
    }

    fn finest_um(&self, _: &Path, _: &PrepConfig) -> Option<f64> {
        Some(SPOT_UM)
    }

    fn read(&self, path: &Path, _: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        Array::find(path)?.read(SPOT_UM, full_columns, collector)
    }
}

/// Names of the matrix, best first: the filtered one holds the barcodes under tissue.
const MATRICES: [&str; 4] = [
    "filtered_feature_bc_matrix.h5",
    "filtered_feature_bc_matrix",
    "raw_feature_bc_matrix.h5",
    "raw_feature_bc_matrix",
];

/// A matrix and its table of positions.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Array {
    matrix: PathBuf,
    positions: PathBuf,
}

impl Array {
    /// Finds both for `input`: the folder that holds them, or the matrix itself.
    pub(crate) fn find(input: &Path) -> Result<Array> {
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
    pub(crate) fn is_in(folder: &Path) -> bool {
        matrix_in(folder).is_ok() && Spots::find(folder).is_some()
    }

    /// Everything that is read.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        vec![self.matrix.clone(), self.positions.clone()]
    }

    /// Reads all counts; `side_um` and `square` say how rows and columns of the table become squares.
    fn read(&self, side_um: f64, square: fn([i32; 2]) -> [i32; 2], collector: &Collector) -> Result<ReadStats> {
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
