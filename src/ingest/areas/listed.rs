//! Tables that list bins.

use crate::error::listed;
use crate::files::fingerprint;
use crate::ingest::binning::{AbsoluteBin, BinSet};
use crate::ingest::text::{TextTable, parse};
use crate::{Error, Result};

/// Reads a table with the columns `row` and `col` (bins counted from the origin, rows down, columns right; they may be
/// negative), or `x` and `y` (µm, anywhere in the bin); `bin_at` says which bin holds a point. `flag` asks for it. Gives the bins and the
/// table's SHA-256.
///
/// [`Error::Data`] names the line and what is wrong with it.
pub(crate) fn read_listed(
    table: TextTable,
    flag: &str,
    bin_at: impl Fn(f64, f64) -> Option<AbsoluteBin> + Sync,
) -> Result<(BinSet, String)> {
    let header = &table.header;
    let path = header.path.clone();
    let pair = |first: &str, second: &str| {
        let columns = [header.usual(&[first], flag)?, header.usual(&[second], flag)?];
        Ok::<_, Error>(columns[0].zip(columns[1]).map(|(first, second)| [first, second]))
    };
    let (in_bins, columns) = match (pair("row", "col")?, pair("x", "y")?) {
        (Some(columns), _) => (true, columns),
        (None, Some(columns)) => (false, columns),
        (None, None) => {
            return Err(Error::data(
                &path,
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
    let sha256 = digest.map_or_else(|| fingerprint(&path), |digest| Ok(digest.fingerprint()))?;
    if bins.is_empty() {
        return Err(Error::data(&path, "lists no bin. Expected one bin per line"));
    }
    Ok((BinSet::of(&bins).map_err(|what| Error::data(&path, what))?, sha256))
}

/// Reads a table with a column `barcode`; `bins_of` says where the bins of these names are.
pub(super) fn read_barcodes(
    table: TextTable,
    column: usize,
    bins_of: impl Fn(&[String]) -> Result<Vec<AbsoluteBin>>,
) -> Result<(BinSet, String)> {
    let path = table.header.path.clone();
    let take = |names: &mut Vec<String>, [name]: [&[u8]; 1]| {
        names.push(String::from_utf8_lossy(name).trim().to_owned());
        Ok(())
    };
    let names = table.for_each_row([Some(column)], Vec::new, take, |names| names)?.concat();
    if names.is_empty() {
        return Err(Error::data(&path, "lists no bin. Expected one barcode per line"));
    }
    let bins = bins_of(&names)?;
    Ok((BinSet::of(&bins).map_err(|what| Error::data(&path, what))?, fingerprint(&path)?))
}
