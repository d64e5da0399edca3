//! `tissue_positions` of Visium and Visium HD: barcode → row and column of the array.

use crate::ingest::matrix::Places;
use crate::ingest::text::KeyedTable;
use crate::{Error, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The names that the table has had, newest first.
const TABLES: [&str; 3] = ["tissue_positions.parquet", "tissue_positions.csv", "tissue_positions_list.csv"];

/// The columns of `tissue_positions_list.csv`, which has no header.
const COLUMNS: [&str; 6] =
    ["barcode", "in_tissue", "array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres"];

/// The largest row or column that a table may name.
const MAX_INDEX: f64 = 1e6;

/// Where the spots of an array lie.
pub(crate) struct Spots {
    path: PathBuf,
    /// Row and column, or [`Places::NOWHERE`] outside the tissue; without the barcodes that tell their place themselves.
    by_barcode: HashMap<Box<str>, [i32; 2]>,
}

impl Spots {
    /// The table in `folder/spatial`.
    pub(crate) fn find(folder: &Path) -> Option<PathBuf> {
        TABLES.iter().map(|name| folder.join("spatial").join(name)).find(|path| path.is_file())
    }

    /// Reads the table `path`.
    pub(crate) fn read(path: &Path) -> Result<Spots> {
        let numbers = ["in_tissue", "array_row", "array_col"];
        let table = KeyedTable { path, key: "barcode", numbers, headerless: Some(&COLUMNS) };
        let mut by_barcode = HashMap::new();
        table.for_each(|barcode, [in_tissue, row, col]| {
            let index =
                |value: f64| ((0.0..MAX_INDEX).contains(&value) && value.fract() == 0.0).then_some(value as i32);
            let (Some(row), Some(col)) = (index(row), index(col)) else {
                return Err(format!("array_row {row}, array_col {col}: expected whole numbers, 0 or more"));
            };
            let place = if in_tissue == 0.0 { Places::NOWHERE } else { [row, col] };
            // Eleven million barcodes of 2 µm would fill a gigabyte: they are kept only where they say something else.
            if own_place(barcode) != Some(place) && by_barcode.insert(barcode.into(), place).is_some() {
                return Err(format!("barcode {barcode} stands twice in the table"));
            }
            Ok(())
        })?;
        Ok(Spots { path: path.to_owned(), by_barcode })
    }

    /// The place of a barcode.
    pub(crate) fn get(&self, barcode: &str) -> Result<[i32; 2]> {
        self.by_barcode.get(barcode).copied().or_else(|| own_place(barcode)).ok_or_else(|| {
            Error::data(
                &self.path,
                format!("barcode {barcode} of the matrix is not in it. Are matrix and table of the same section?"),
            )
        })
    }
}

/// Row and column of a Visium HD barcode such as `s_008um_00305_01021-1`.
fn own_place(barcode: &str) -> Option<[i32; 2]> {
    let mut parts = barcode.strip_prefix("s_")?.split(['_', '-']);
    let number = |part: Option<&str>| part.filter(|part| part.len() == 5)?.parse::<u16>().ok().map(i32::from);
    parts.next()?.strip_suffix("um")?;
    Some([number(parts.next())?, number(parts.next())?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn barcodes_of_visium_hd_tell_their_place() {
        assert_eq!(own_place("s_002um_00305_01021-1"), Some([305, 1021]));
        for other in ["AAACCCAAGGAGAGTA-1", "s_002um_305_01021-1", "s_002um_00305", "s_"] {
            assert_eq!(own_place(other), None, "{other}");
        }
    }
}
