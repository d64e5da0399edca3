//! `tissue_positions` of Visium and Visium HD: barcode → row and column of the array.

use crate::ingest::folders::{Named, entries};
use crate::ingest::matrix::{Places, Square};
use crate::ingest::text::KeyedTable;
use crate::{Error, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The names that the table has had, newest first.
const TABLES: [&str; 7] = [
    "tissue_positions.parquet",
    "tissue_positions.csv",
    "tissue_positions.csv.gz",
    "tissue_positions_list.csv",
    "tissue_positions_list.csv.gz",
    "tissue_positions_list.txt",
    "tissue_positions_list.txt.gz",
];

/// The columns of `tissue_positions_list.csv`, which has no header.
pub(super) const COLUMNS: [&str; 6] =
    ["barcode", "in_tissue", "array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres"];

/// The largest row or column that a table may name.
const MAX_INDEX: f64 = 1e6;

/// Where the spots of an array lie.
pub(crate) struct Spots {
    path: PathBuf,
    /// Row and column, or [`Places::NOWHERE`] outside the tissue; without the barcodes that tell their place themselves.
    by_barcode: HashMap<Box<str>, [i32; 2]>,
    /// Rows of the table without a place, or which do not say whether they are under tissue.
    pub unplaced: usize,
}

impl Spots {
    /// The table in `folder`, or in its folder `spatial`; of several, that of the matrix whose name starts with `prefix`.
    ///
    /// [`Error::Missing`] without one, [`Error::Data`] for two of which none is the matrix's.
    pub(crate) fn find(folder: &Path, prefix: &str) -> Result<PathBuf> {
        let here = entries(folder)?;
        let folders = Named::among(&here, &["spatial"]).into_iter().filter(|found| found.path.is_dir());
        let inside = |found: Named| {
            let tables = Named::among(&entries(&found.path).unwrap_or_default(), &TABLES).into_iter();
            tables.map(move |table| Named { prefix: format!("{}{}", found.prefix, table.prefix), ..table })
        };
        let mut tables: Vec<Named> = folders.flat_map(inside).chain(Named::among(&here, &TABLES)).collect();
        tables.retain(|table| table.path.is_file());
        tables.sort();
        tables.dedup_by(|later, first| later.prefix == first.prefix);
        if tables.iter().any(|table| table.prefix == prefix) {
            tables.retain(|table| table.prefix == prefix);
        }
        let remedy = "Give a folder of one section, or names that start as that of the matrix";
        Named::only(tables, folder, remedy)?.map(|table| table.path).ok_or_else(|| {
            Error::Missing(format!(
                "{}: no spatial/tissue_positions.parquet, tissue_positions.csv or tissue_positions_list.csv (or .gz). Give the folder outs of Space Ranger",
                folder.display()
            ))
        })
    }

    /// Row and column of every spot in the table `path`, whether it is under tissue or not.
    pub(crate) fn all(path: &Path) -> Result<Vec<[i32; 2]>> {
        let numbers = ["array_row", "array_col"];
        let table = KeyedTable { path, key: "barcode", numbers, flag: None, headerless: Some(&COLUMNS) };
        let mut all = Vec::new();
        table.for_each(|_, place| {
            if place.iter().all(|index| (0.0..MAX_INDEX).contains(index) && index.fract() == 0.0) {
                all.push(place.map(|index| index as i32));
            }
            Ok(())
        })?;
        Ok(all)
    }

    /// Reads the table `path`.
    pub(crate) fn read(path: &Path) -> Result<Spots> {
        let numbers = ["in_tissue", "array_row", "array_col"];
        let table = KeyedTable { path, key: "barcode", numbers, flag: Some("in_tissue"), headerless: Some(&COLUMNS) };
        let mut by_barcode = HashMap::new();
        let mut unplaced = 0;
        table.for_each(|barcode, [in_tissue, row, col]| {
            let index =
                |value: f64| ((0.0..MAX_INDEX).contains(&value) && value.fract() == 0.0).then_some(value as i32);
            let missing = [in_tissue, row, col].iter().any(|value| value.is_nan());
            unplaced += usize::from(missing);
            let place = match (index(row), index(col), in_tissue) {
                _ if missing => Places::NOWHERE,
                (Some(row), Some(col), 1.0) => [row, col],
                (Some(_), Some(_), 0.0) => Places::NOWHERE,
                (Some(_), Some(_), flag) => return Err(format!("in_tissue is {flag}, expected 0 or 1")),
                _ => return Err(format!("array_row {row}, array_col {col}: expected whole numbers, 0 or more")),
            };
            // Eleven million barcodes of 2 µm would fill a gigabyte: they are kept only where they say something else.
            if own_place(barcode) != Some(place) && by_barcode.insert(barcode.into(), place).is_some() {
                return Err(format!("barcode {barcode} stands twice in the table"));
            }
            Ok(())
        })?;
        Ok(Spots { path: path.to_owned(), by_barcode, unplaced })
    }

    /// The place of a barcode; `None` if the table does not have it.
    pub(crate) fn get(&self, barcode: &str) -> Option<[i32; 2]> {
        self.by_barcode.get(barcode).copied().or_else(|| own_place(barcode))
    }

    /// The error for a matrix of which the table lacks `absent` of `all` barcodes, for example `barcode`.
    pub(crate) fn strangers(&self, barcode: &str, absent: usize, all: usize) -> Error {
        let what = format!("barcode {barcode} of the matrix is not in it, nor are {} of {all} others", absent - 1);
        Error::data(&self.path, format!("{what}. Are matrix and table of the same section?"))
    }
}

/// Row and column of a Visium HD barcode.
fn own_place(barcode: &str) -> Option<[i32; 2]> {
    Square::of(barcode).map(|square| square.at)
}
