//! Where a picture of a Visium section lies: the table of positions has every spot in pixels of the full picture, and Space Ranger's smaller
//! ones are so many times smaller (`scalefactors_json.json`).

use super::spots::COLUMNS;
use crate::guides::Affine;
use crate::ingest::text::KeyedTable;
use crate::section::{cholesky, solve};
use crate::{Error, Result};
use serde_json::Value;
use std::path::Path;

/// Space Ranger's smaller pictures, by a part of their names, and the key of their scale.
const SMALLER: [(&str, &str); 2] = [("hires", "tissue_hires_scalef"), ("lowres", "tissue_lowres_scalef")];

/// The map from pixels of `image` to µm of the squares of `side_um` that the rows and columns of the table `positions` become; `to_square`
/// gives the middle of such a square in squares, right and down, for a row and a column.
///
/// By least squares over all spots, so that a turned slide is turned back.
pub(super) fn to_um(
    positions: &Path,
    side_um: f64,
    to_square: fn(f64, f64) -> [f64; 2],
    image: &Path,
) -> Result<Affine> {
    let numbers = ["array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres"];
    let table = KeyedTable { path: positions, key: "barcode", numbers, flag: None, headerless: Some(&COLUMNS) };
    let (mut normal, mut towards) = ([[0.0; 3]; 3], [[0.0; 3]; 2]);
    table.for_each(|_, [row, col, down, right]| {
        let seen = [right, down, 1.0];
        let wanted = to_square(row, col);
        if seen.iter().chain(&wanted).all(|number| number.is_finite()) {
            for i in 0..3 {
                (0..3).for_each(|j| normal[i][j] += seen[i] * seen[j]);
                (0..2).for_each(|axis| towards[axis][i] += seen[i] * wanted[axis]);
            }
        }
        Ok(())
    })?;
    let factor = cholesky(normal.iter().map(|row| row.to_vec()).collect()).ok_or_else(|| {
        Error::data(positions, "its pixels lie on a line: no image can be laid on them. Give --image-transform")
    })?;
    let row = |axis: usize| {
        let weights = solve(&factor, towards[axis].to_vec());
        [weights[0] * side_um, weights[1] * side_um, weights[2] * side_um]
    };
    let full = Affine([row(0), row(1)]);
    let times = 1.0 / scale(image)?;
    Ok(Affine::pixels([times; 2], [0.0; 2]).then(&full))
}

/// Pixels of `image` for one of the full picture.
fn scale(image: &Path) -> Result<f64> {
    let name = image.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let Some((_, key)) = SMALLER.iter().find(|(part, _)| name.contains(part)) else { return Ok(1.0) };
    let path = image.with_file_name("scalefactors_json.json");
    let text = std::fs::read_to_string(&path).map_err(|e| Error::io(&path, "read", e))?;
    let scales: Value = serde_json::from_str(&text).map_err(|e| Error::data(&path, format!("no JSON: {e}")))?;
    let scale = scales.get(key).and_then(Value::as_f64).filter(|scale| scale.is_finite() && *scale > 0.0);
    scale.ok_or_else(|| Error::data(&path, format!("no {key} above 0, which says how small {name} is")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_slide_is_turned_back_and_a_smaller_picture_is_scaled() {
        let folder = tempfile::tempdir().expect("a folder");
        let positions = folder.path().join("tissue_positions_list.csv");
        // Rows run to the left and columns down, 50 pixels a square from (900, 100) on.
        let spot =
            |row: i32, col: i32| format!("{row}-{col},1,{row},{col},{},{}\n", 100 + 50 * col + 25, 900 - 50 * row - 25);
        let all: String = (0..6).flat_map(|row| (0..9).map(move |col| spot(row, col))).collect();
        std::fs::write(&positions, all).expect("written");
        std::fs::write(folder.path().join("scalefactors_json.json"), r#"{"tissue_hires_scalef": 0.1}"#)
            .expect("written");
        let map = |image: &str| to_um(&positions, 8.0, |row, col| [col + 0.5, row + 0.5], &folder.path().join(image));
        let near = |found: [f64; 2], expected: [f64; 2]| {
            assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6), "{found:?}");
        };
        near(map("slide.tif").expect("a map").at([900.0, 100.0]), [0.0, 0.0]);
        near(map("slide.tif").expect("a map").at([900.0 - 100.0, 100.0 + 350.0]), [56.0, 16.0]);
        near(map("tissue_hires_image.png").expect("a map").at([80.0, 45.0]), [56.0, 16.0]);
        let error = map("tissue_lowres_image.png").expect_err("no scale").to_string();
        assert!(error.contains("tissue_lowres_scalef"), "{error}");
    }
}
