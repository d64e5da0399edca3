//! Small tables that go with a matrix: a key (barcode, cell) and a few numbers per row, as Parquet or CSV.

use super::lines::unpacked;
use crate::{Error, Result};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::Path;

/// Takes the key and the numbers of a row; the error says what is wrong with them.
type Row<'a, const N: usize> = &'a mut dyn FnMut(&str, [f64; N]) -> Result<(), String>;

/// A table of which the column `key` and `N` columns of numbers are read.
pub(crate) struct KeyedTable<'a, const N: usize> {
    /// Parquet by its name, else CSV, which may be gzipped.
    pub path: &'a Path,
    /// The column of the keys.
    pub key: &'a str,
    /// The columns of numbers.
    pub numbers: [&'a str; N],
    /// The columns of a CSV file without a header line.
    pub headerless: Option<&'a [&'a str]>,
}

impl<const N: usize> KeyedTable<'_, N> {
    /// Gives key and numbers of every row to `each`; errors name the row.
    pub(crate) fn for_each(&self, mut each: impl FnMut(&str, [f64; N]) -> Result<(), String>) -> Result<()> {
        if self.path.extension().is_some_and(|extension| extension == "parquet") {
            self.parquet(&mut each)
        } else {
            self.csv(&mut each)
        }
    }

    fn no_column(&self, name: &str, found: &[&str]) -> Error {
        Error::data(self.path, format!("no column {name}; found {}", found.join(", ")))
    }

    fn parquet(&self, each: Row<N>) -> Result<()> {
        let file = File::open(self.path).map_err(|e| Error::io(self.path, "read", e))?;
        let unreadable = |e: &dyn std::fmt::Display| {
            Error::data(self.path, format!("not readable as Parquet ({e}). Is the file complete?"))
        };
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| unreadable(&e))?;
        let wanted = std::iter::once(self.key).chain(self.numbers);
        let found: Vec<String> = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        if let Some(name) = wanted.clone().find(|name| !found.contains(name)) {
            return Err(self.no_column(name, &found));
        }
        let columns = ProjectionMask::columns(builder.parquet_schema(), wanted);
        let mut row = 0;
        for batch in builder.with_projection(columns).build().map_err(|e| unreadable(&e))? {
            let batch = batch.map_err(|e| unreadable(&e))?;
            let column = |name: &str, to: &DataType| -> Result<ArrayRef> {
                let column = batch.column_by_name(name).ok_or_else(|| self.no_column(name, &found))?;
                cast(column, to).map_err(|e| Error::data(self.path, format!("column {name}: {e}")))
            };
            let keys = column(self.key, &DataType::Utf8)?;
            let keys = keys.as_string::<i32>();
            let numbers = self.numbers.map(|name| column(name, &DataType::Float64));
            for i in 0..batch.num_rows() {
                let mut values = [0.0; N];
                for (value, column) in values.iter_mut().zip(&numbers) {
                    let column = column.as_ref().map_err(|e| Error::Data(e.to_string()))?.as_primitive::<Float64Type>();
                    *value = if column.is_null(i) { f64::NAN } else { column.value(i) };
                }
                let key = if keys.is_null(i) { "" } else { keys.value(i) };
                each(key, values)
                    .map_err(|what| Error::data(self.path, format!("row {row} (counted from 0): {what}")))?;
                row += 1;
            }
        }
        Ok(())
    }

    fn csv(&self, each: Row<N>) -> Result<()> {
        let bad = |e: csv::Error| Error::data(self.path, format!("{e}. Is the file complete?"));
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(unpacked(self.path)?);
        let mut record = csv::StringRecord::new();
        let mut columns: Option<Vec<usize>> = None;
        while reader.read_record(&mut record).map_err(bad)? {
            let header = || record.iter().any(|field| field.trim() == self.key);
            let columns = match &columns {
                Some(columns) => columns,
                None => {
                    let is_header = header();
                    let names: Vec<&str> = match self.headerless {
                        Some(names) if !is_header => names.to_vec(),
                        _ => record.iter().map(str::trim).collect(),
                    };
                    let position = |wanted: &str| names.iter().position(|name| *name == wanted);
                    let wanted = std::iter::once(self.key).chain(self.numbers);
                    let found = wanted.map(|name| position(name).ok_or_else(|| self.no_column(name, &names)));
                    let found = columns.insert(found.collect::<Result<_>>()?);
                    if is_header {
                        continue;
                    }
                    found
                }
            };
            let line = record.position().map_or(0, |at| at.line());
            let wrong = |what: String| Error::data(self.path, format!("line {line}: {what}"));
            let field = |column: usize| record.get(columns[column]).unwrap_or_default().trim();
            let mut values = [0.0; N];
            for (i, value) in values.iter_mut().enumerate() {
                let text = field(i + 1);
                *value =
                    text.parse().map_err(|_| wrong(format!("{} is {text:?}, expected a number", self.numbers[i])))?;
            }
            each(field(0), values).map_err(wrong)?;
        }
        Ok(())
    }
}
