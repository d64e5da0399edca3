//! The columns of a record batch that matter, of whatever type their writer chose.

use super::parts::Part;
use super::types::{bytes, dictionary, floats};
use super::values::{COUNT, number, truth, whole};
use crate::ingest::words::is_missing;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, BooleanArray, DictionaryArray, RecordBatch, StringArray};
use arrow_buffer::ScalarBuffer;
use std::sync::Arc;

/// What is wrong with a batch: in which of its rows, if it is one, and what.
pub(crate) type Problem = (Option<usize>, String);

/// The names of the columns that matter.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub gene: String,
    pub x: String,
    pub y: String,
    pub count: Option<String>,
    pub qv: Option<String>,
    pub is_gene: Option<String>,
}

impl Names {
    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        let optional = [&self.count, &self.qv, &self.is_gene].into_iter().flatten();
        [&self.gene, &self.x, &self.y].into_iter().chain(optional).map(String::as_str)
    }
}

/// The columns of some rows.
pub(crate) struct Batch {
    /// Names of genes, each once: bytes.
    pub genes: DictionaryArray<Int32Type>,
    /// NaN where it is missing, as in all numbers.
    pub x: ScalarBuffer<f64>,
    pub y: ScalarBuffer<f64>,
    pub count: Option<ScalarBuffer<f64>>,
    pub qv: Option<ScalarBuffer<f64>>,
    pub is_gene: Option<BooleanArray>,
}

impl Batch {
    /// Takes the columns out of `batch`, a piece of `part`.
    pub(crate) fn of(batch: &RecordBatch, part: &Part, names: &Names) -> Result<Self, Problem> {
        let column = |name: &str| column(batch, part, name);
        let optional = |name: &Option<String>| name.as_deref().map(|name| numbers(&column(name)?, name)).transpose();
        let flags = |name: &str| booleans(&column(name)?, name);
        Ok(Batch {
            genes: words(&column(&names.gene)?, &names.gene)?,
            x: numbers(&column(&names.x)?, &names.x)?,
            y: numbers(&column(&names.y)?, &names.y)?,
            count: optional(&names.count)?,
            qv: optional(&names.qv)?,
            is_gene: names.is_gene.as_deref().map(flags).transpose()?,
        })
    }

    /// The count in row `i`.
    pub(crate) fn count(&self, i: usize, names: &Names) -> Result<u32, String> {
        let Some(counts) = &self.count else { return Ok(1) };
        let found = || if counts[i].is_nan() { "missing".to_owned() } else { counts[i].to_string() };
        let name = || names.count.as_deref().unwrap_or_default();
        whole(counts[i]).ok_or_else(|| format!("{} is {}, expected {COUNT}", name(), found()))
    }
}

/// A column of the batch, or the value that the part's folder has for it.
fn column(batch: &RecordBatch, part: &Part, name: &str) -> Result<ArrayRef, Problem> {
    if let Some(column) = batch.column_by_name(name) {
        return Ok(column.clone());
    }
    let value = part.keys.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let value = value.ok_or_else(|| (None, format!("no column {name}, which other parts have")))?;
    Ok(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, batch.num_rows()))))
}

fn wrong(column: &ArrayRef, name: &str, expected: &str) -> Problem {
    (None, format!("column {name}: found {}, expected {expected}. Is this a table of transcripts?", column.data_type()))
}

/// Names as a dictionary, which the reader makes of texts and bytes of any length.
fn words(column: &ArrayRef, name: &str) -> Result<DictionaryArray<Int32Type>, Problem> {
    dictionary(column).ok_or_else(|| wrong(column, name, "strings"))
}

/// Numbers of any type, or text that holds some; NaN where one is missing.
fn numbers(column: &ArrayRef, name: &str) -> Result<ScalarBuffer<f64>, Problem> {
    if let Some(fields) = bytes(column) {
        let parse = |(i, field): (usize, Option<&[u8]>)| {
            number(field.unwrap_or_default(), name).map_err(|what| (Some(i), what))
        };
        return fields.iter().enumerate().map(parse).collect();
    }
    let numbers = floats(column).ok_or_else(|| wrong(column, name, "numbers"))?;
    Ok(match numbers.null_count() {
        0 => numbers.values().clone(),
        _ => numbers.iter().map(|number| number.unwrap_or(f64::NAN)).collect(),
    })
}

/// Whether something is so, as a boolean, 0 or 1, or a word; what is missing is null.
fn booleans(column: &ArrayRef, name: &str) -> Result<BooleanArray, Problem> {
    if let Some(flags) = column.as_boolean_opt() {
        return Ok(flags.clone());
    }
    if let Some(fields) = bytes(column) {
        let parse =
            |(i, field): (usize, Option<&[u8]>)| truth(field.unwrap_or_default(), name).map_err(|what| (Some(i), what));
        return fields.iter().enumerate().map(parse).collect();
    }
    let flag = |(i, number): (usize, &f64)| match *number {
        0.0 => Ok(Some(false)),
        1.0 => Ok(Some(true)),
        number if number.is_nan() => Ok(None),
        number => Err((Some(i), format!("{name} is {number}, expected 0 or 1"))),
    };
    numbers(column, name)?.iter().enumerate().map(flag).collect()
}

/// The names of a dictionary, `None` where one is missing. Names of a fixed length are filled up with zeros.
pub(crate) fn entries(dictionary: &ArrayRef, name: &str) -> Result<Vec<Option<Vec<u8>>>, Problem> {
    let text = |field: Option<&[u8]>| {
        let field = field?;
        let end = field.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Some(field[..end].to_vec()).filter(|field| !is_missing(field))
    };
    let names = bytes(dictionary).ok_or_else(|| wrong(dictionary, name, "strings"))?;
    Ok(names.iter().map(text).collect())
}
