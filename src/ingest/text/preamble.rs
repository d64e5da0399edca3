//! The lines before the rows of a table in text form: comments, Excel's word on the delimiter, and the names of the columns,
//! which may stand behind a `#` or lack the one of R's row names.

use super::fields::{delimiter, fields, is_data, texts};
use super::header::Header;
use super::lines::Lines;
use super::values::is_number;
use crate::{Error, Result};

/// The names and comments of a table, and how its rows are written.
pub(crate) struct Preamble {
    pub header: Header,
    pub delimiter: u8,
    /// Whether the first column has no name, because R wrote the rows' names in front.
    pub row_names: bool,
}

impl Preamble {
    /// Reads up to the first row of `lines`.
    ///
    /// [`Error::Data`] where there are no names.
    pub(crate) fn read(lines: &mut Lines) -> Result<Preamble> {
        let path = lines.path().to_owned();
        let mut comments: Vec<String> = Vec::new();
        let mut told = None;
        let first = loop {
            let line = lines.peek()?.to_vec();
            let comment = line.strip_prefix(b"#").map(|text| String::from_utf8_lossy(text).into_owned());
            match (comment, line.strip_prefix(b"sep=")) {
                (Some(comment), _) => comments.push(comment),
                (None, Some([separator])) => told = Some(*separator),
                _ if line.trim_ascii().is_empty() && !lines.is_at_end() => {}
                _ => break line,
            }
            lines.next_line()?;
            if comments.len() > 10_000 {
                return Err(Error::data(&path, "10,000 lines of comments, and no header. Is this a table?"));
            }
        };
        let delimiter = told.unwrap_or_else(|| delimiter(&first));
        let mut names = texts(&first, delimiter);
        let commented = comments.last().map(|line| texts(line.trim().as_bytes(), delimiter)).unwrap_or_default();
        if is_data(&names) && commented.len() == names.len() && !commented.iter().any(|name| is_number(name.as_bytes()))
        {
            names = commented;
            comments.pop();
        } else {
            fields(&first, delimiter, |_, _| ()).map_err(|what| Error::data(&path, format!("the header: {what}")))?;
            lines.next_line()?;
        }
        if names.iter().all(String::is_empty) {
            return Err(Error::data(
                &path,
                "the table is empty. Expected a header line with the columns' names, and rows",
            ));
        }
        let row = texts(lines.peek()?, delimiter);
        let one_more = row.len() == names.len() + 1 && names.len() > 1;
        // Some programs end every row with a delimiter, but not the header.
        let row_names = one_more && row.last().is_some_and(|field| !field.is_empty());
        match one_more {
            true if row_names => names.insert(0, String::new()),
            true => names.push(String::new()),
            false => {}
        }
        let header = Header { path, names, comments, is_text: true };
        Ok(Preamble { header, delimiter, row_names })
    }
}
