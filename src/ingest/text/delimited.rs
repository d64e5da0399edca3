//! Tables in text form, whatever platform wrote them: comments, a header, and rows of which some columns matter.

use super::lines::{Chunk, Lines};
use crate::error::nearest_names;
use crate::ingest::binning::{Collector, Feature, Intake, Molecule, ReadStats};
use crate::{Error, Result};
use memchr::memchr;
use std::ops::Add;
use std::path::{Path, PathBuf};

/// A table whose header has been read.
pub(crate) struct Table {
    path: PathBuf,
    lines: Lines,
    delimiter: u8,
    /// The names of the columns.
    pub names: Vec<String>,
    /// The lines before the header that start with `#`, without it.
    pub comments: Vec<String>,
}

/// The positions of the columns that matter, and what x and y mean.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub gene: usize,
    pub x: usize,
    pub y: usize,
    /// Molecules per row; without it, 1.
    pub count: Option<usize>,
    /// Phred-scaled quality.
    pub qv: Option<usize>,
    /// Whether the feature is a gene.
    pub is_gene: Option<usize>,
    /// Added to x and y, in their own unit.
    pub offset: [f64; 2],
    /// µm per unit of x and y.
    pub um_per_unit: f64,
}

impl Table {
    /// Opens `path` and reads its header. The delimiter is the one of comma, tab and semicolon that the header has most of.
    ///
    /// [`Error::Data`] if it is empty or no text.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut lines = Lines::open(path)?;
        let mut comments = Vec::new();
        let header = loop {
            match lines.next_line()? {
                Some(line) if line.starts_with(b"#") => comments.push(String::from_utf8_lossy(&line[1..]).into_owned()),
                Some(line) if line.trim_ascii().is_empty() => {}
                line => break line.unwrap_or_default(),
            }
            if comments.len() > 10_000 {
                return Err(Error::data(path, "10,000 lines of comments, and no header. Is this a table?"));
            }
        };
        let delimiter = delimiter(&header);
        let mut names = Vec::new();
        fields(&header, delimiter, |_, name| names.push(String::from_utf8_lossy(name).trim().to_owned()))
            .map_err(|what| Error::data(path, format!("the header: {what}")))?;
        if names.iter().all(String::is_empty) {
            return Err(Error::data(
                path,
                "the table is empty. Expected a header line with the columns' names, and rows",
            ));
        }
        Ok(Table { path: path.to_owned(), lines, delimiter, names, comments })
    }

    /// Whether it has all of these columns; case does not count.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.usual(&[name]).is_some())
    }

    /// The first of `candidates` (in lower case) that it has; case does not count.
    pub(crate) fn usual(&self, candidates: &[&str]) -> Option<usize> {
        let position = |wanted: &&str| self.names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
        candidates.iter().find_map(position)
    }

    /// As [`Table::usual`], but it has to be there; `hint` says what to do otherwise.
    pub(crate) fn needed(&self, candidates: &[&str], hint: &str) -> Result<usize> {
        self.usual(candidates).ok_or_else(|| {
            let (found, looked) = (self.names.join(", "), candidates.join(", "));
            Error::data(&self.path, format!("no column named {looked}; found {found}. {hint}"))
        })
    }

    /// The column that `flag` calls `name`.
    pub(crate) fn given(&self, name: &str, flag: &str) -> Result<usize> {
        self.names.iter().position(|found| found == name).ok_or_else(|| {
            let near = nearest_names(name, self.names.iter().map(String::as_str));
            let near = near.first().copied().unwrap_or("none");
            let found = self.names.join(", ");
            Error::data(&self.path, format!("no column {name} ({flag}); found {found} (nearest: {near})"))
        })
    }

    /// Reads all rows into `collector`, on all cores. [`Error::Data`] names the first bad line and what is wrong with it.
    pub(crate) fn read(self, columns: &Columns, collector: &Collector) -> Result<ReadStats> {
        let Columns { gene, x, y, count, qv, is_gene, .. } = *columns;
        let slots = [Some(gene), Some(x), Some(y), count, qv, is_gene];
        let take = |intake: &mut Intake, fields: [&[u8]; 6]| columns.give(fields, intake);
        let stats = self.for_each_row(slots, || collector.intake(), take, Intake::finish)?;
        Ok(stats.into_iter().fold(ReadStats::default(), Add::add))
    }

    /// Gives the fields of `columns` of every row to `take`, on all cores: each makes a state by `start` and ends with
    /// `finish`. [`Error::Data`] names the first bad line and what is wrong with it.
    pub(crate) fn for_each_row<S, T: Send, const N: usize>(
        self,
        columns: [Option<usize>; N],
        start: impl Fn() -> S + Sync,
        take: impl Fn(&mut S, [&[u8]; N]) -> Result<(), String> + Sync,
        finish: impl Fn(S) -> T + Sync,
    ) -> Result<Vec<T>> {
        let Table { path, lines, delimiter, names, .. } = self;
        let slots: Vec<Option<usize>> =
            (0..names.len()).map(|field| columns.iter().position(|column| *column == Some(field))).collect();
        let row = |state: &mut S, line: &[u8]| {
            let mut found: [&[u8]; N] = [b""; N];
            let width = fields(line, delimiter, |number, field| {
                if let Some(Some(slot)) = slots.get(number) {
                    found[*slot] = field;
                }
            })?;
            if width != slots.len() {
                return Err(format!("{width} fields, but the header has {}. Is the file complete?", slots.len()));
            }
            take(state, found)
        };
        let each = |state: &mut S, chunk: &Chunk| {
            let lines = chunk.lines().filter(|(_, line)| !line.is_empty() && line[0] != b'#');
            let bad = |number: u64, what: String| Error::data(&path, format!("line {number}: {what}"));
            lines.into_iter().try_for_each(|(number, line)| row(state, line).map_err(|what| bad(number, what)))
        };
        lines.share(start, each, finish)
    }
}

impl Columns {
    /// Gives the fields of a row to `intake`; the error says what is wrong with it.
    fn give(&self, [gene, x, y, count, qv, flag]: [&[u8]; 6], intake: &mut Intake) -> Result<(), String> {
        let number = |field: &[u8], what: &str| parse::<f64>(field, what, "a number");
        let mut feature = intake.feature(gene.trim_ascii())?;
        if self.is_gene.is_some() && !truth(flag)? {
            feature = Feature::Control;
        }
        intake.take(Molecule {
            feature,
            x: (number(x, "x")? + self.offset[0]) * self.um_per_unit,
            y: (number(y, "y")? + self.offset[1]) * self.um_per_unit,
            qv: if self.qv.is_some() { number(qv, "qv")? } else { f64::INFINITY },
            count: if self.count.is_some() { parse(count, "count", "a whole number, 0 or more")? } else { 1 },
        })
    }
}

/// Calls `each` with the number and the content of every field, and returns how many there are.
///
/// A field may be quoted; a quoted quote (`""`) stays doubled, which no gene or number has use for.
fn fields<'a>(line: &'a [u8], delimiter: u8, mut each: impl FnMut(usize, &'a [u8])) -> Result<usize, String> {
    let mut rest = line;
    for number in 0.. {
        let (field, after) = match rest.strip_prefix(b"\"") {
            None => rest.split_at(memchr(delimiter, rest).unwrap_or(rest.len())),
            Some(quoted) => {
                let end = closing_quote(quoted).ok_or(
                    "a quoted field that does not end on this line. Line breaks within a field are not supported",
                )?;
                (&quoted[..end], &quoted[end + 1..])
            }
        };
        each(number, field);
        match after.split_first() {
            None => return Ok(number + 1),
            Some((next, after)) if *next == delimiter => rest = after,
            Some(_) => return Err("text between a closing quote and the next field".to_owned()),
        }
    }
    Ok(0)
}

fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let quote = from + memchr(b'"', &text[from..])?;
        if text.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        from = quote + 2;
    }
}

/// The one of comma, tab and semicolon that the header line has most of.
fn delimiter(header: &[u8]) -> u8 {
    let number = |candidate: u8| header.iter().filter(|byte| **byte == candidate).count();
    let best = |best: u8, candidate: u8| if number(candidate) > number(best) { candidate } else { best };
    [b'\t', b';'].into_iter().fold(b',', best)
}

/// The value of a field; the error says `what` it is and what was `expected`.
pub(crate) fn parse<T: std::str::FromStr>(field: &[u8], what: &str, expected: &str) -> Result<T, String> {
    let text = std::str::from_utf8(field.trim_ascii()).ok();
    text.and_then(|text| text.parse().ok()).ok_or_else(|| {
        format!("{what} is {:?}, expected {expected}. Mend the row or remove it", String::from_utf8_lossy(field))
    })
}

fn truth(field: &[u8]) -> Result<bool, String> {
    match field.trim_ascii().to_ascii_lowercase().as_slice() {
        b"true" | b"1" => Ok(true),
        b"false" | b"0" => Ok(false),
        _ => Err(format!("is_gene is {:?}, expected true or false", String::from_utf8_lossy(field))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_one_the_header_has_most_of() {
        for (text, expected) in [("gene\tx\ty", b'\t'), ("gene;x;y,z", b';'), ("gene,x,y", b','), ("", b',')] {
            assert_eq!(delimiter(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn fields_are_split_as_the_csv_crate_does() {
        for line in ["a,b,,c", "", ",", "\"a,b\",2,\"\"", "1,\"x\"", "\"\"\"q\"\"\",2"] {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            let expected: Vec<Vec<u8>> =
                reader.byte_records().next().map_or(vec![vec![]], |r| r.unwrap().iter().map(<[u8]>::to_vec).collect());
            let mut got = Vec::new();
            fields(line.as_bytes(), b',', |_, field| {
                got.push(String::from_utf8_lossy(field).replace("\"\"", "\"").into_bytes());
            })
            .unwrap();
            assert_eq!(got, expected, "{line}");
        }
        for line in ["\"a", "a,\"b\"\"", "\"a\"b,c"] {
            assert!(fields(line.as_bytes(), b',', |_, _| ()).is_err(), "{line}");
        }
    }
}
