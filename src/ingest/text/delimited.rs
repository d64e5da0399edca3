//! Tables in text form, whatever platform wrote them: rows of which some columns matter.

use super::columns::Columns;
use super::fields::{fields, texts};
use super::header::Header;
use super::lines::{Chunk, Lines};
use super::preamble::Preamble;
use super::stream::Digest;
use super::values::{count, is_number, number, truth};
use crate::ingest::binning::{Collector, Feature, Intake, Molecule, ReadStats};
use crate::{Error, Result};
use std::ops::Add;
use std::path::Path;

/// A table in text form whose header has been read.
pub(crate) struct TextTable {
    /// The names of its columns.
    pub header: Header,
    lines: Lines,
    delimiter: u8,
    row_names: bool,
}

impl TextTable {
    /// Opens `path` and reads its header. The delimiter is the one that the header has most of.
    ///
    /// [`Error::Data`] if it is empty or no text.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut lines = Lines::open(path)?;
        let Preamble { header, delimiter, row_names } = Preamble::read(&mut lines)?;
        Ok(TextTable { header, lines, delimiter, row_names })
    }

    /// Of a stream: what identifies its content, once all of it has been read.
    pub(crate) fn digest(&self) -> Option<Digest> {
        self.lines.digest()
    }

    /// Reads all rows into `collector`, on all cores. [`Error::Data`] names the first bad line and what is wrong with it.
    pub(crate) fn read(mut self, columns: &Columns, collector: &Collector) -> Result<ReadStats> {
        self.check_row_names(columns)?;
        let Columns { gene, x, y, count, qv, is_gene, .. } = *columns;
        let slots = [Some(gene), Some(x), Some(y), count, qv, is_gene];
        let take = |intake: &mut Intake, fields: [&[u8]; 6]| give(columns, fields, intake);
        let stats = self.for_each_row(slots, || collector.intake(), take, Intake::finish)?;
        Ok(stats.into_iter().fold(ReadStats::default(), Add::add))
    }

    /// A row with one field more than there are names may have R's row name in front, or a number in two by its decimal comma: then
    /// the gene is a number.
    fn check_row_names(&mut self, columns: &Columns) -> Result<()> {
        let row = texts(self.lines.peek()?, self.delimiter);
        let is_shifted = row.get(columns.gene).is_some_and(|gene| is_number(gene.as_bytes()));
        if self.row_names && self.delimiter == b',' && is_shifted {
            return Err(Error::data(
                &self.header.path,
                "its rows have a field more than its header. Are numbers written with decimal commas? Write the table with decimal points",
            ));
        }
        Ok(())
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
        let TextTable { header: Header { path, names, .. }, lines, delimiter, .. } = self;
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
                return Err(another_width(width, slots.len(), delimiter));
            }
            take(state, found)
        };
        let each = |state: &mut S, chunk: &Chunk| {
            let lines = chunk.lines().filter(|(_, line)| !is_blank(line) && line[0] != b'#');
            let bad = |number: u64, what: String| Error::data(&path, format!("line {number}: {what}"));
            lines.into_iter().try_for_each(|(number, line)| row(state, line).map_err(|what| bad(number, what)))
        };
        lines.share(start, each, finish)
    }
}

/// Whether there is nothing on a line; the first byte nearly always says that there is.
fn is_blank(line: &[u8]) -> bool {
    line.first().is_none_or(|first| first.is_ascii_whitespace() && line.trim_ascii().is_empty())
}

#[cold]
fn another_width(width: usize, expected: usize, delimiter: u8) -> String {
    let commas = if delimiter == b',' && width > expected {
        " Or are numbers written with decimal commas? Write the table with decimal points then."
    } else {
        ""
    };
    format!("{width} fields, but the header has {expected}. Is the file complete?{commas}")
}

/// Gives the fields of a row to `intake`; the error says what is wrong with it.
fn give(columns: &Columns, [gene, x, y, counts, qv, flag]: [&[u8]; 6], intake: &mut Intake) -> Result<(), String> {
    let mut feature = intake.feature(gene.trim_ascii())?;
    if columns.is_gene.is_some() && truth(flag, "is_gene")? != Some(true) {
        feature = Feature::Control;
    }
    intake.take(Molecule {
        feature,
        x: (number(x, "x")? + columns.offset[0]) * columns.um_per_unit,
        y: (number(y, "y")? + columns.offset[1]) * columns.um_per_unit,
        qv: if columns.qv.is_some() { number(qv, "qv")? } else { f64::INFINITY },
        count: if columns.count.is_some() { count(counts, "count")? } else { 1 },
    })
}
