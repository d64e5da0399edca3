//! The files of an array of spots or squares: a feature-barcode matrix, and the table that says where each barcode lies.

use super::spots::Spots;
use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::folders::{Named, entries, lower_name};
use crate::ingest::matrix::{Mtx, Places, Square, TenX};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// Names of the matrix, best first: the filtered one holds the barcodes under tissue.
const MATRICES: [&str; 4] = [
    "filtered_feature_bc_matrix.h5",
    "filtered_feature_bc_matrix",
    "raw_feature_bc_matrix.h5",
    "raw_feature_bc_matrix",
];

/// The name of a matrix whose files lie in the folder itself.
const FLAT: [&str; 2] = ["matrix.mtx.gz", "matrix.mtx"];

/// A matrix and its table of positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Array {
    matrix: PathBuf,
    pub(super) positions: PathBuf,
}

impl Array {
    /// Finds both for `input`: the folder that holds them, or the matrix itself.
    ///
    /// [`Error::Missing`] where one is not there, [`Error::Data`] where there are two.
    pub(crate) fn find(input: &Path) -> Result<Array> {
        let parent = || input.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if input.is_file() {
            let positions = Spots::find(parent(), &prefix(input))?;
            return Ok(Array { matrix: input.to_owned(), positions });
        }
        let Named { prefix, path: matrix, .. } = matrix_in(input)?;
        // A folder of MTX files lies beside the folder `spatial`, unless all files of a section lie in one.
        let flat = matrix.parent() == Some(input) && matrix.is_file() && Mtx::is(&matrix);
        match Spots::find(input, &prefix) {
            Err(Error::Missing(told)) if flat => {
                let positions = Spots::find(parent(), "").map_err(|_| Error::Missing(told))?;
                Ok(Array { matrix, positions })
            }
            positions => Ok(Array { matrix, positions: positions? }),
        }
    }

    /// Everything that is read.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        // A folder of MTX files is one input, as is an HDF5 file.
        let flat = self.matrix.is_file() && Mtx::is(&self.matrix);
        let matrix = if flat { Mtx::open(&self.matrix)?.files() } else { vec![self.matrix.clone()] };
        Ok([matrix, vec![self.positions.clone()]].concat())
    }

    /// Reads all counts; squares, if it is of any, have the side `side_um`, and `places` says where rows and columns of the table lie.
    pub(crate) fn read(
        &self,
        side_um: f64,
        places: impl FnOnce(Vec<[i32; 2]>) -> Places,
        collector: &Collector,
    ) -> Result<ReadStats> {
        let spots = Spots::read(&self.positions)?;
        let matrix = TenX::open(&self.matrix)?;
        let (mut at, mut stranger, mut absent, mut other_um) = (Vec::new(), None, 0, None);
        matrix.barcodes(|barcode| {
            other_um = other_um.or(Square::of(barcode).map(|square| square.side_um).filter(|um| *um != side_um));
            let place = spots.get(barcode);
            if place.is_none() {
                absent += 1;
                stranger.get_or_insert_with(|| barcode.to_owned());
            }
            at.push(place.unwrap_or(Places::NOWHERE));
        })?;
        if let Some(other_um) = other_um {
            let what = format!("barcodes of squares of {other_um} µm in a folder of {side_um} µm");
            return Err(Error::data(&self.matrix, format!("{what}. Give the folder the name that it had")));
        }
        if let Some(stranger) = stranger {
            if 2 * absent > at.len() {
                return Err(spots.strangers(&stranger, absent, at.len()));
            }
            collector.note(format!(
                "{absent} of {} barcodes left out: not in {}, for example {stranger}",
                at.len(),
                self.positions.display()
            ));
        }
        if spots.unplaced > 0 {
            let table = self.positions.display();
            collector.note(format!("{} rows of {table} left out: without a place or in_tissue", spots.unplaced));
        }
        drop(spots);
        let places = places(at);
        if let Some(twice) = places.taken_twice() {
            let [a, b] = twice.pair;
            return Err(Error::data(
                &self.positions,
                format!(
                    "{} places are taken twice, for example by barcodes {a} and {b} of the matrix (counted from 0). Give one section",
                    twice.taken
                ),
            ));
        }
        matrix.read(&places, collector)
    }

    /// The side of Visium HD's squares, if the barcodes of the matrix are theirs.
    pub(crate) fn squares_um(&self) -> Result<Option<f64>> {
        let mut side_um = None;
        TenX::open(&self.matrix)?.barcodes(|barcode| side_um = side_um.or(Square::of(barcode).map(|s| s.side_um)))?;
        Ok(side_um)
    }
}

/// The matrix of `folder`, filtered before raw.
fn matrix_in(folder: &Path) -> Result<Named> {
    let remedy = "Give the matrix to read itself, or the folder of one section";
    let here = entries(folder).map_err(|_| Error::Missing(format!("{}: no folder", folder.display())))?;
    let mut named = Named::among(&here, &MATRICES);
    named.retain(|found| found.path.is_file() || Mtx::is(&found.path));
    if named.is_empty() {
        named = Named::among(&here, &FLAT);
    }
    if named.is_empty() {
        named = Named::among(&here, &[".h5"]).into_iter().filter(|found| !is_stranger(&found.path)).collect();
    }
    Named::only(named, folder, remedy)?.ok_or_else(|| {
        Error::Missing(format!("{}: no count matrix in it (looked for {})", folder.display(), MATRICES.join(", ")))
    })
}

/// Files of the pipelines that are no matrix of spots.
fn is_stranger(path: &Path) -> bool {
    let name = lower_name(path);
    ["molecule_info.h5", "feature_slice.h5", "cell_matrix.h5", "cell_feature_matrix.h5", "probe_bc_matrix.h5"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// The words of the sample's before the name of a matrix.
fn prefix(matrix: &Path) -> String {
    let ends = [MATRICES.as_slice(), &FLAT].concat();
    Named::among(&[matrix.to_owned()], &ends).into_iter().next().map(|found| found.prefix).unwrap_or_default()
}
