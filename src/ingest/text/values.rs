//! What a field of a table says, whatever form the table has: numbers, counts, truth, and nothing.

use crate::ingest::words::{flag, is_missing};

/// The value of a field; the error says `what` it is and what was `expected`.
pub(crate) fn parse<T: std::str::FromStr>(field: &[u8], what: &str, expected: &str) -> Result<T, String> {
    let text = std::str::from_utf8(field.trim_ascii()).ok();
    text.and_then(|text| text.parse().ok()).ok_or_else(|| wrong(field, what, expected))
}

/// A number; NaN where it is missing.
pub(crate) fn number(field: &[u8], what: &str) -> Result<f64, String> {
    parse(field, what, "a number").or_else(|error| if is_missing(field) { Ok(f64::NAN) } else { Err(error) })
}

/// A count, which other programs may have written as a float: `3`, `3.0`, `3e+00`.
pub(crate) fn count(field: &[u8], what: &str) -> Result<u32, String> {
    let text = std::str::from_utf8(field.trim_ascii()).unwrap_or_default();
    let whole = || whole(text.parse().ok()?);
    text.parse().ok().or_else(whole).ok_or_else(|| wrong(field, what, COUNT))
}

/// What is expected of a count.
pub(crate) const COUNT: &str = "a whole number, 0 or more";

/// The count that a number is, if it is one.
pub(crate) fn whole(number: f64) -> Option<u32> {
    (number >= 0.0 && number < f64::from(u32::MAX) && number.fract() == 0.0).then_some(number as u32)
}

/// Whether it is true; `None` where it is missing.
pub(crate) fn truth(field: &[u8], what: &str) -> Result<Option<bool>, String> {
    match flag(field) {
        None if is_missing(field) => Ok(None),
        None => Err(wrong(field, what, "true or false")),
        known => Ok(known),
    }
}

/// Whether a field is a number.
pub(crate) fn is_number(field: &[u8]) -> bool {
    std::str::from_utf8(field.trim_ascii()).is_ok_and(|text| text.parse::<f64>().is_ok())
}

#[cold]
fn wrong(field: &[u8], what: &str, expected: &str) -> String {
    let text = String::from_utf8_lossy(field);
    let shown: String = text.chars().take(60).collect();
    let advice = if expected == COUNT && is_number(field) && !text.contains('-') {
        "Values that are normalised or fractions are no counts: choose the column of counts with --count-column"
    } else if text.contains(',') && is_number(text.replacen(',', ".", 1).as_bytes()) {
        "It is written with a decimal comma: write the table with decimal points"
    } else {
        "Mend the row or remove it"
    };
    format!("{what} is {shown:?}, expected {expected}. {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_floats_are_counts_and_nothing_else_is() {
        for (text, expected) in [("3", 3), (" 3.0 ", 3), ("3e+00", 3), ("1e2", 100), ("0", 0), ("-0.0", 0)] {
            assert_eq!(count(text.as_bytes(), "count"), Ok(expected), "{text}");
        }
        for text in ["2.5", "-1", "", "NA", "inf", "4294967295.0", "1,5", "three"] {
            assert!(count(text.as_bytes(), "count").is_err(), "{text}");
        }
    }

    #[test]
    fn a_decimal_comma_is_told_as_such() {
        assert!(number(b"61,45", "x").unwrap_err().contains("decimal comma"));
        assert!(!number(b"6,1,45", "x").unwrap_err().contains("decimal comma"));
    }

    #[test]
    fn what_is_missing_is_no_number_and_neither_true_nor_false() {
        for text in ["", " ", "NA", "<NA>", "null", "NaN"] {
            assert!(number(text.as_bytes(), "x").unwrap().is_nan(), "{text:?}");
            assert_eq!(truth(text.as_bytes(), "is_gene"), Ok(None), "{text:?}");
        }
        assert_eq!((truth(b"TRUE", ""), truth(b" 0 ", "")), (Ok(Some(true)), Ok(Some(false))));
        assert!(truth(b"maybe", "is_gene").is_err());
    }
}
