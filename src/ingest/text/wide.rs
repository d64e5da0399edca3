//! A matrix as text: a name in front of every row and above every column, and a count in every other field.

use super::fields::{delimiter, fields, texts};
use super::lines::Lines;
use super::values::count;
use crate::{Error, Result};
use std::path::Path;

/// The fields of the first line of a table.
pub(crate) fn first_fields(path: &Path) -> Result<Vec<String>> {
    let first = Lines::open(path)?.next_line()?.unwrap_or_default();
    Ok(texts(&first, delimiter(&first)))
}

/// A matrix of text, read up to its first row.
pub(crate) struct Wide {
    lines: Lines,
    delimiter: u8,
    /// The names above the columns.
    header: Vec<String>,
    /// The name of the first row.
    first: String,
}

impl Wide {
    /// Opens `path`, gzipped or not.
    pub(crate) fn open(path: &Path) -> Result<Wide> {
        let mut lines = Lines::open(path)?;
        let first = lines.next_line()?.unwrap_or_default();
        let delimiter = delimiter(&first);
        let header: Vec<String> = texts(&first, delimiter).iter().map(|name| name.trim().to_owned()).collect();
        if header.len() < 2 {
            return Err(Error::data(
                path,
                "one column, expected a name above each. Is it a matrix of genes and places?",
            ));
        }
        let mut wide = Wide { lines, delimiter, header, first: String::new() };
        // R writes no name above those of the rows.
        let second = texts(wide.lines.peek()?, delimiter);
        if second.len() == wide.header.len() {
            wide.header.remove(0);
        }
        wide.first = second.into_iter().next().unwrap_or_default();
        Ok(wide)
    }

    /// The name of the first row.
    pub(crate) fn first_row(&self) -> &str {
        &self.first
    }

    /// The names of the columns.
    pub(crate) fn columns(&self) -> &[String] {
        &self.header
    }

    /// Gives the name of every row, and the columns of its counts above 0 with these, to `each`; errors name the line.
    pub(crate) fn for_each(self, mut each: impl FnMut(&str, &[(usize, u32)]) -> Result<(), String>) -> Result<()> {
        let Wide { lines, delimiter, header, .. } = self;
        let mut entries = Vec::new();
        lines.for_each(|line| {
            if line.trim().is_empty() {
                return Ok(());
            }
            let (mut name, mut wrong) = ("", None);
            entries.clear();
            let width = fields(line.as_bytes(), delimiter, |i, field| match i.checked_sub(1) {
                None => name = std::str::from_utf8(field).unwrap_or_default().trim().trim_matches('"'),
                Some(_) if field == b"0" => {}
                Some(column) => match count(field, "the count") {
                    Ok(0) => {}
                    Ok(count) => entries.push((column, count)),
                    Err(what) => wrong = wrong.take().or(Some((column, what))),
                },
            })?;
            if width != header.len() + 1 {
                return Err(format!(
                    "{width} fields, expected a name and {} counts. Is the file complete?",
                    header.len()
                ));
            }
            match wrong {
                Some((column, what)) => Err(format!("{name}, {}: {what}", header[column])),
                None => each(name, &entries),
            }
        })
    }
}
