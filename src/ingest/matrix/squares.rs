//! Names of Visium HD: a barcode `s_008um_00305_01021-1` is row 305, column 1021 of squares of 8 µm, whatever was put before or
//! behind it; `square_008um` is a folder or a table of them.

/// A square that its barcode tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Square {
    /// Side in µm.
    pub side_um: f64,
    /// Row and column.
    pub at: [i32; 2],
}

impl Square {
    /// The square of a barcode; `None` for one of another kind.
    pub(crate) fn of(barcode: &str) -> Option<Square> {
        let starts = barcode.match_indices("s_").filter(|(at, _)| !barcode[..*at].ends_with(char::is_alphanumeric));
        starts.map(|(at, _)| &barcode[at + 2..]).find_map(|rest| {
            let (side, rest) = rest.split_once("um_")?;
            let (row, rest) = rest.split_once('_')?;
            let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
            Some(Square { side_um: f64::from(number(side, 3)?), at: [number(row, 5)?, number(&rest[..end], 5)?] })
        })
    }
}

/// The side in µm of the squares that a name such as `GSM1_square_008um` tells.
pub(crate) fn side_in_name(name: &str) -> Option<f64> {
    let (_, rest) = name.rsplit_once("square_")?;
    let (side, _) = rest.split_once("um")?;
    side.parse().ok().filter(|side: &f64| side.is_finite() && *side > 0.0)
}

/// A number of so many digits.
fn number(text: &str, digits: usize) -> Option<i32> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn barcodes_of_visium_hd_tell_their_square() {
        let square = Some(Square { side_um: 8.0, at: [305, 1021] });
        for barcode in
            ["s_008um_00305_01021-1", "S1_s_008um_00305_01021-1-0", "s_008um_00305_01021", "A-s_008um_00305_01021"]
        {
            assert_eq!(Square::of(barcode), square, "{barcode}");
        }
        for other in ["AAACCCAAGGAGAGTA-1", "s_008um_305_01021-1", "s_008um_00305", "s_", "cells_008um_00305_01021"] {
            assert_eq!(Square::of(other), None, "{other}");
        }
        assert_eq!(side_in_name("GSM1_square_016um.h5ad"), Some(16.0));
        assert_eq!((side_in_name("square_um"), side_in_name("squares")), (None, None));
    }
}
