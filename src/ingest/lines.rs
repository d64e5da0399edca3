//! Text files that may be gzipped, which their first bytes tell, whatever they are called.

use crate::{Error, Result};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// No line of a table or matrix is longer: a longer one is no text.
const MAX_LINE: u64 = 1 << 16;

/// The text of `path`, unpacked.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
    let mut packed = BufReader::with_capacity(1 << 18, file);
    if packed.fill_buf().map_err(|e| Error::io(path, "read", e))?.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(1 << 18, MultiGzDecoder::new(packed))));
    }
    Ok(Box::new(packed))
}

/// Gives each line of `path` to `each`, without its end; errors name the line, counted from 1.
pub(super) fn for_each(path: &Path, mut each: impl FnMut(&str) -> Result<(), String>) -> Result<()> {
    use std::io::Read;
    let mut text = open(path)?;
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let broken =
            |what: &dyn std::fmt::Display| Error::data(path, format!("line {number}: {what}. Is the file complete?"));
        if text.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(|e| broken(&e))? == 0 {
            break;
        }
        if line.len() as u64 == MAX_LINE {
            return Err(broken(&"longer than any line of a table"));
        }
        let line = std::str::from_utf8(&line).map_err(|e| broken(&e))?.trim_end_matches(['\n', '\r']);
        each(line).map_err(|what| Error::data(path, format!("line {number}: {what}")))?;
    }
    Ok(())
}
