//! 10x Visium (`hd` is Visium HD, `cells` its cells): a feature-barcode matrix, and the table that says where each barcode lies.
//!
//! **Visium** spots lie on a hexagonal lattice, 100 µm from each of six neighbours. The table counts rows and
//! *half-columns*: a spot of an even row has an even column, of an odd row an odd one. Half of all (row, column) do not
//! exist, and a lattice drawn on them would measure every second spot instead of one in S². Here spot (row, column)
//! is square (row, ⌊column / 2⌋) of a full grid in which every square is a spot: odd rows are drawn half a square
//! to the left of where they lie. For even S all measured rows are even, so that the measured image is undistorted in itself.
//! Rows are 86.6 µm apart, columns 100 µm; both are called 100 µm here.
//!
//! With the pattern of spots, bins are smaller and lie where they are: a spot, 55 µm wide, is the bin that holds its centre, and those between
//! are not measured.

mod array;
mod cells;
mod hd;
mod outlines;
mod picture;
mod spots;

pub(crate) use cells::VisiumHdCells;
pub(crate) use hd::VisiumHd;

use crate::guides::Affine;
use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::{PatternKind, PrepConfig};
use crate::ingest::flags;
use crate::ingest::folders::lower_name;
use crate::ingest::matrix::{Mtx, Places, Tree, full_columns, is_table};
use crate::ingest::reader::{Platform, Reader};
use crate::{Error, Result};
use array::Array;
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
        // Squares of Visium HD have a matrix and a table too.
        if !Squares::all(input).is_empty() {
            return Ok(false);
        }
        match Array::find(input) {
            Ok(_) => Ok(true),
            // A matrix without its table is told as such; one of cells has none.
            Err(Error::Missing(_)) => {
                let name = lower_name(input);
                let is_h5 = name.ends_with(".h5") && !name.ends_with("feature_cell_matrix.h5");
                let is_matrix = input.is_file() && (is_h5 || Mtx::is(input));
                Ok(is_matrix && !Tree::open(input).and_then(|tree| is_table(&tree)).unwrap_or(false))
            }
            Err(error) => Err(error),
        }
    }

    fn files(&self, path: &Path, _: &PrepConfig) -> Result<Vec<PathBuf>> {
        Array::find(path)?.files()
    }

    fn spot_um(&self, path: &Path, config: &PrepConfig) -> Option<f64> {
        self.finest_um(path, config).is_none().then_some(SPOT_UM)
    }

    /// The squares of Visium HD, if the barcodes are theirs.
    fn finest_um(&self, path: &Path, _: &PrepConfig) -> Option<f64> {
        Array::find(path).and_then(|array| array.squares_um()).ok()?
    }

    fn image_to_um(&self, path: &Path, config: &PrepConfig, image: &Path) -> Result<Option<Affine>> {
        // Between the squares of even rows, which lie where they are, and those of odd rows, half a square to the left.
        let middle: fn(f64, f64) -> [f64; 2] = match config.pattern {
            PatternKind::Spots => |row, col| lying_um([row, col]).map(|um| um / SPOT_UM),
            _ => |row, col| [col / 2.0 + 0.25, row + 0.5],
        };
        Ok(Some(picture::to_um(&Array::find(path)?.positions, SPOT_UM, middle, image)?))
    }

    fn spots(&self, path: &Path, _: &PrepConfig) -> Result<Vec<[f64; 2]>> {
        Ok(Spots::all(&Array::find(path)?.positions)?.into_iter().map(centre_um).collect())
    }

    fn read(&self, path: &Path, config: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        let array = Array::find(path)?;
        let placed = |place: &[i32; 2]| *place != Places::NOWHERE;
        match array.squares_um()? {
            Some(side_um) => array.read(side_um, |at| Places::squares(side_um, at), collector),
            None if config.pattern == PatternKind::Spots => {
                let centre = |place: [i32; 2]| if placed(&place) { centre_um(place) } else { [f64::NAN; 2] };
                array.read(SPOT_UM, |at| Places::Points(at.into_iter().map(centre).collect()), collector)
            }
            None => {
                let square = |place: [i32; 2]| if placed(&place) { full_columns(place) } else { place };
                let at = |at: Vec<[i32; 2]>| at.into_iter().map(square).collect();
                array.read(SPOT_UM, |places| Places::squares(SPOT_UM, at(places)), collector)
            }
        }
    }
}

/// x and y in µm of the centre of the spot of a row and a half-column, in the middle of bins of half the distance of spots along x.
fn lying_um([row, col]: [f64; 2]) -> [f64; 2] {
    let half = SPOT_UM / 2.0;
    [(col + 0.5) * half, row * half * 3_f64.sqrt() + half / 2.0]
}

fn centre_um(place: [i32; 2]) -> [f64; 2] {
    lying_um(place.map(f64::from))
}
