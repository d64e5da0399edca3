//! A plain table of molecules or spots: gene, x, y and perhaps a count; comma, tab or semicolon, with or without gzip.

use super::intake::{Collector, Intake, Molecule, Tally};
use crate::cli::Progress;
use crate::config::CsvConfig;
use crate::error::nearest_names;
use crate::{Error, Result};
use csv::{ByteRecord, ReaderBuilder};
use flate2::read::MultiGzDecoder;
use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

/// The usual names of the columns, best first, in lower case.
const GENE: &[&str] = &["gene", "feature_name", "geneid", "gene_id", "gene_name", "target"];
const X: &[&str] = &["x_location", "x_um", "global_x", "x"];
const Y: &[&str] = &["y_location", "y_um", "global_y", "y"];
const COUNT: &[&str] = &["count", "counts", "midcount", "midcounts", "umicount"];
const QUALITY: &[&str] = &["qv"];

/// Rows between two looks at the progress.
const BATCH: u64 = 1 << 16;

/// Reads all rows of `path` into `collector`.
///
/// [`Error::Data`] names the line and what is wrong with it.
pub(super) fn read(path: &Path, options: &CsvConfig, collector: &Collector) -> Result<Tally> {
    let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
    let length = file.metadata().map_err(|e| Error::io(path, "read", e))?.len();
    let position = Rc::new(Cell::new(0));
    let counted = Counted { inner: file, position: position.clone() };
    let mut text = plain_text(counted).map_err(|e| unreadable(path, &e))?;
    let delimiter = delimiter(text.fill_buf().map_err(|e| unreadable(path, &e))?);
    let mut reader = ReaderBuilder::new().delimiter(delimiter).comment(Some(b'#')).from_reader(text);
    let header = reader.byte_headers().map_err(|e| bad_row(path, &e))?.clone();
    let columns = Columns::of(path, &header, options)?;
    let mut intake = collector.intake();
    let mut progress = Progress::new("reading", "bytes", length);
    let mut record = ByteRecord::new();
    let mut rows: u64 = 0;
    while reader.read_byte_record(&mut record).map_err(|e| bad_row(path, &e))? {
        columns.give(&record, options.um_per_unit, &mut intake).map_err(|what| {
            let line = record.position().map_or(0, |at| at.line());
            Error::data(path, format!("line {line}: {what}"))
        })?;
        rows += 1;
        if rows.is_multiple_of(BATCH) {
            progress.at(position.get(), String::new);
        }
    }
    Ok(intake.finish())
}

/// Counts the bytes of the file itself, packed or not.
struct Counted {
    inner: File,
    position: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.position.set(self.position.get() + n as u64);
        Ok(n)
    }
}

/// The text of a file that is gzipped or not, which its first bytes tell.
fn plain_text(file: Counted) -> std::io::Result<Box<dyn BufRead>> {
    let mut packed = BufReader::with_capacity(1 << 18, file);
    if packed.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(1 << 18, MultiGzDecoder::new(packed))));
    }
    Ok(Box::new(packed))
}

/// The one of comma, tab and semicolon that the header line has most of.
fn delimiter(text: &[u8]) -> u8 {
    let header = text.split(|byte| *byte == b'\n').find(|line| !line.starts_with(b"#")).unwrap_or_default();
    let number = |candidate: u8| header.iter().filter(|byte| **byte == candidate).count();
    let best = |best: u8, candidate: u8| if number(candidate) > number(best) { candidate } else { best };
    [b'\t', b';'].into_iter().fold(b',', best)
}

fn unreadable(path: &Path, cause: &std::io::Error) -> Error {
    Error::data(
        path,
        format!("not readable as text or gzip ({cause}). Is the file complete? Copy or download it again"),
    )
}

fn bad_row(path: &Path, error: &csv::Error) -> Error {
    match error.kind() {
        csv::ErrorKind::Io(cause) => unreadable(path, cause),
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, |at| at.line());
            Error::data(
                path,
                format!("line {line}: {len} fields, but the header has {expected_len}. Is the file complete?"),
            )
        }
        _ => Error::data(path, error),
    }
}

/// The positions of the columns that matter.
struct Columns {
    gene: usize,
    x: usize,
    y: usize,
    count: Option<usize>,
    qv: Option<usize>,
}

impl Columns {
    fn of(path: &Path, header: &ByteRecord, options: &CsvConfig) -> Result<Self> {
        let names: Vec<String> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        if names.iter().all(String::is_empty) {
            return Err(Error::data(
                path,
                "the table is empty. Expected a header line with the columns' names, and rows",
            ));
        }
        let usual = |candidates: &[&str]| {
            candidates.iter().find_map(|wanted| names.iter().position(|name| name.to_lowercase() == *wanted))
        };
        let given = |name: &str, flag: &str| {
            names.iter().position(|found| found == name).ok_or_else(|| {
                let near = nearest_names(name, names.iter().map(String::as_str));
                let near = near.first().copied().unwrap_or("none");
                Error::data(path, format!("no column {name} ({flag}); found {} (nearest: {near})", names.join(", ")))
            })
        };
        let needed = |name: &Option<String>, flag: &str, candidates: &[&str]| match name {
            Some(name) => given(name, flag),
            None => usual(candidates).ok_or_else(|| {
                let (found, looked) = (names.join(", "), candidates.join(", "));
                Error::data(path, format!("no column named {looked}; found {found}. Name it with {flag}"))
            }),
        };
        Ok(Columns {
            gene: needed(&options.gene_column, "--gene-column", GENE)?,
            x: needed(&options.x_column, "--x-column", X)?,
            y: needed(&options.y_column, "--y-column", Y)?,
            count: match &options.count_column {
                Some(name) => Some(given(name, "--count-column")?),
                None => usual(COUNT),
            },
            qv: usual(QUALITY),
        })
    }

    /// Gives a row to `intake`; the error says what is wrong with it.
    fn give(&self, record: &ByteRecord, um_per_unit: f64, intake: &mut Intake) -> Result<(), String> {
        let number = |column: usize, what: &str| parse::<f64>(&record[column], what, "a number");
        let molecule = Molecule {
            feature: intake.feature(record[self.gene].trim_ascii())?,
            x: number(self.x, "x")? * um_per_unit,
            y: number(self.y, "y")? * um_per_unit,
            qv: self.qv.map_or(Ok(f64::INFINITY), |column| number(column, "qv"))?,
            count: self.count.map_or(Ok(1), |column| parse(&record[column], "count", "a whole number, 0 or more"))?,
        };
        intake.take(molecule)
    }
}

fn parse<T: std::str::FromStr>(field: &[u8], what: &str, expected: &str) -> Result<T, String> {
    let text = std::str::from_utf8(field.trim_ascii()).ok();
    text.and_then(|text| text.parse().ok()).ok_or_else(|| {
        format!("{what} is {:?}, expected {expected}. Mend the row or remove it", String::from_utf8_lossy(field))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_one_the_header_has_most_of() {
        for (text, expected) in
            [("gene\tx\ty\na,b,c,d", b'\t'), ("#a,b,c,d\ngene;x;y", b';'), ("gene,x,y", b','), ("", b',')]
        {
            assert_eq!(delimiter(text.as_bytes()), expected, "{text}");
        }
    }
}
