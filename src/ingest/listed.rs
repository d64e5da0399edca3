//! The table of measured bins that a user gives.

use super::binning::{AbsoluteBin, Listed};
use super::text::{TextTable, parse};
use crate::error::listed;
use crate::files::fingerprint;
use crate::{Error, Result};
use std::path::Path;

/// Reads a table with the columns `row` and `col` (bins counted from the origin, rows down, columns right; they may be
/// negative) or `x` and `y` (µm, anywhere in the bin); `bin_at` says which bin holds a point.
///
/// [`Error::Data`] names the line and what is wrong with it.
pub(crate) fn read_listed(path: &Path, bin_at: impl Fn(f64, f64) -> Option<AbsoluteBin> + Sync) -> Result<Listed> {
    let table = TextTable::open(path)?;
    let header = &table.header;
    let pair = |first: &str, second: &str| {
        let columns = [header.usual(&[first], "--measured")?, header.usual(&[second], "--measured")?];
        Ok::<_, Error>(columns[0].zip(columns[1]).map(|(first, second)| [first, second]))
    };
    let (in_bins, columns) = match (pair("row", "col")?, pair("x", "y")?) {
        (Some(columns), _) => (true, columns),
        (None, Some(columns)) => (false, columns),
        (None, None) => {
            return Err(Error::data(
                path,
                format!(
                    "found the columns {}, expected row and col (bins) or x and y (µm)",
                    listed(header.names.iter().map(String::as_str))
                ),
            ));
        }
    };
    let far = || "out of reach of the grid. Check the unit, --origin and --bin-um".to_owned();
    let take = |bins: &mut Vec<AbsoluteBin>, [a, b]: [&[u8]; 2]| {
        bins.push(if in_bins {
            let index = |field| parse(field, "the position", "a whole number");
            let (row, col): (i32, i32) = (index(a)?, index(b)?);
            AbsoluteBin::within_reach(row, col).ok_or_else(far)?
        } else {
            let number = |field| parse::<f64>(field, "the position", "a number");
            bin_at(number(a)?, number(b)?).ok_or_else(far)?
        });
        Ok(())
    };
    let digest = table.digest();
    let bins = table.for_each_row(columns.map(Some), Vec::new, take, |bins| bins)?.concat();
    let sha256 = digest.map_or_else(|| fingerprint(path), |digest| Ok(digest.fingerprint()))?;
    Listed::of(path, &bins, sha256)
}
