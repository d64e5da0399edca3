//! Small tables that go with a matrix: a key (barcode, cell) and a few numbers per row, as Parquet or CSV.

use super::lines::unpacked;
use super::types::{bytes, floats, plain, texts};
use crate::error::listed;
use crate::ingest::words;
use crate::{Error, Result};
use arrow_array::{Array, ArrayRef, Float64Array};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::io::{BufRead, Read};
use std::path::Path;

/// Takes the key and the numbers of a row, and where it stands; the error says what is wrong with them.
type Row<'a, const N: usize> = &'a mut dyn FnMut(&str, [f64; N], Place) -> Result<(), String>;

/// Where a row stands, as errors tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Of a text, from 1.
    Line(u64),
    /// Of Parquet, from 0.
    Row(u64),
}

impl std::fmt::Display for Place {
    fn fmt(&self, to: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Place::Line(line) => write!(to, "line {line}"),
            Place::Row(row) => write!(to, "row {row} (counted from 0)"),
        }
    }
}

/// A table of which the column `key` and `N` columns of numbers are read.
pub(crate) struct KeyedTable<'a, const N: usize> {
    /// Parquet by its name, else CSV, which may be gzipped.
    pub path: &'a Path,
    /// The column of the keys.
    pub key: &'a str,
    /// The columns of numbers.
    pub numbers: [&'a str; N],
    /// The one of them that says yes or no, and may do so in words: 1 and 0.
    pub flag: Option<&'a str>,
    /// The columns of a CSV file without a header line.
    pub headerless: Option<&'a [&'a str]>,
}

impl<const N: usize> KeyedTable<'_, N> {
    /// Gives key and numbers of every row to `each`, NaN where one is missing; errors name the row.
    pub(crate) fn for_each(&self, mut each: impl FnMut(&str, [f64; N]) -> Result<(), String>) -> Result<()> {
        self.for_each_placed(|key, numbers, _| each(key, numbers))
    }

    /// The same for who has to tell of two rows.
    pub(crate) fn for_each_placed(
        &self,
        mut each: impl FnMut(&str, [f64; N], Place) -> Result<(), String>,
    ) -> Result<()> {
        if self.path.extension().is_some_and(|extension| extension == "parquet") {
            self.parquet(&mut each)
        } else {
            self.csv(&mut each)
        }
    }

    fn no_column(&self, name: &str, found: &[&str]) -> Error {
        Error::data(self.path, format!("no column {name}; found {}", listed(found.iter().copied())))
    }

    fn parquet(&self, each: Row<N>) -> Result<()> {
        let file = File::open(self.path).map_err(|e| Error::io(self.path, "read", e))?;
        let unreadable = |e: &dyn std::fmt::Display| {
            Error::data(self.path, format!("not readable as Parquet ({e}). Is the file complete?"))
        };
        let builder =
            ParquetRecordBatchReaderBuilder::try_new_with_options(file, plain()).map_err(|e| unreadable(&e))?;
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
            let column = |name: &str| batch.column_by_name(name).ok_or_else(|| self.no_column(name, &found));
            let keys = column(self.key)?;
            let keys = texts(keys).ok_or_else(|| self.wrong_type(self.key, keys, "strings or whole numbers"))?;
            let mut numbers = Vec::with_capacity(N);
            for name in self.numbers {
                numbers.push(self.floats(name, column(name)?)?);
            }
            for i in 0..batch.num_rows() {
                let mut values = [0.0; N];
                for (value, column) in values.iter_mut().zip(&numbers) {
                    *value = if column.is_null(i) { f64::NAN } else { column.value(i) };
                }
                let key = if keys.is_null(i) { "" } else { keys.value(i) };
                let place = Place::Row(row);
                each(key, values, place).map_err(|what| Error::data(self.path, format!("{place}: {what}")))?;
                row += 1;
            }
        }
        Ok(())
    }

    /// The numbers of a column, whatever they are written as; null where one is missing.
    fn floats(&self, name: &str, column: &ArrayRef) -> Result<Float64Array> {
        let Some(fields) = bytes(column) else {
            return floats(column).ok_or_else(|| self.wrong_type(name, column, "numbers"));
        };
        let number = |field: Option<&[u8]>| self.number(name, &String::from_utf8_lossy(field.unwrap_or_default()));
        let numbers: Result<Float64Array, String> = fields.iter().map(|field| number(field).map(Some)).collect();
        numbers.map_err(|what| Error::data(self.path, what))
    }

    fn wrong_type(&self, name: &str, column: &ArrayRef, expected: &str) -> Error {
        Error::data(self.path, format!("column {name}: found {}, expected {expected}", column.data_type()))
    }

    fn csv(&self, each: Row<N>) -> Result<()> {
        let bad = |e: csv::Error| Error::data(self.path, format!("{e}. Is the file complete?"));
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.delimiter()?)
            .from_reader(unpacked(self.path)?);
        let mut record = csv::StringRecord::new();
        let mut header: Option<Vec<String>> = None;
        let mut columns: Option<Vec<usize>> = None;
        while reader.read_record(&mut record).map_err(bad)? {
            let fields: Vec<&str> = record.iter().map(|field| field.trim().trim_start_matches('\u{feff}')).collect();
            if header.is_none() {
                let names = self.numbers.iter().chain([&self.key]);
                let is_header = names.clone().any(|name| fields.contains(name));
                let names = self.headerless.filter(|_| !is_header).unwrap_or(&fields);
                header = Some(names.iter().map(|name| (*name).to_owned()).collect());
                if is_header {
                    continue;
                }
            }
            let columns = match (&columns, &header) {
                (None, Some(names)) => columns.insert(self.columns(names, fields.len())?),
                (Some(columns), _) => columns,
                (None, None) => continue,
            };
            let place = Place::Line(record.position().map_or(0, |at| at.line()));
            let wrong = |what: String| Error::data(self.path, format!("{place}: {what}"));
            let field = |column: usize| fields.get(columns[column]).copied().unwrap_or_default();
            let mut values = [0.0; N];
            for (i, value) in values.iter_mut().enumerate() {
                *value = self.number(self.numbers[i], field(i + 1)).map_err(wrong)?;
            }
            each(field(0), values, place).map_err(wrong)?;
        }
        Ok(())
    }

    /// What separates the fields: whichever of comma, tab and semicolon the first line has most of.
    fn delimiter(&self) -> Result<u8> {
        let mut first = String::new();
        let read = std::io::BufReader::new(unpacked(self.path)?).take(1 << 16).read_line(&mut first);
        read.map_err(|e| Error::io(self.path, "read", e))?;
        let times = |delimiter: &u8| first.bytes().filter(|byte| byte == delimiter).count();
        Ok([b';', b'\t', b','].into_iter().max_by_key(times).unwrap_or(b','))
    }

    /// Where the key and the numbers stand in rows of `width` fields below a header with these names. R writes the names of
    /// rows without a name above them.
    fn columns(&self, names: &[String], width: usize) -> Result<Vec<usize>> {
        let shifted = usize::from(width == names.len() + 1);
        let position = |wanted: &str| names.iter().position(|name| name == wanted).map(|at| at + shifted);
        let unnamed = || (shifted == 1 || names.first().is_some_and(String::is_empty)).then_some(0);
        let found: Vec<&str> = names.iter().map(String::as_str).collect();
        let needed = |name: &str, at: Option<usize>| at.ok_or_else(|| self.no_column(name, &found));
        let key = needed(self.key, position(self.key).or_else(unnamed));
        std::iter::once(key).chain(self.numbers.iter().map(|name| needed(name, position(name)))).collect()
    }

    /// The number of a field of the column `name`.
    fn number(&self, name: &str, text: &str) -> Result<f64, String> {
        let is_flag = self.flag == Some(name);
        let flag = || words::flag(text).filter(|_| is_flag).map(|flag| f64::from(u8::from(flag)));
        let missing = || words::is_missing(text).then_some(f64::NAN);
        let expected = if is_flag { "true or false, yes or no, 1 or 0" } else { "a number" };
        let number = text.parse().ok().or_else(flag).or_else(missing);
        number.ok_or_else(|| format!("{name} is {text:?}, expected {expected}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::*;
    use parquet::arrow::ArrowWriter;
    use std::sync::Arc;

    fn rows(columns: [ArrayRef; 2]) -> Result<Vec<(String, f64)>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cells.parquet");
        let batch = RecordBatch::try_from_iter(["cell_id", "x"].into_iter().zip(columns)).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let mut rows = Vec::new();
        let table = KeyedTable { path: &path, key: "cell_id", numbers: ["x"], flag: Some("x"), headerless: None };
        table.for_each(|key, [x]| {
            rows.push((key.to_owned(), x));
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn columns_may_be_of_any_type_that_holds_their_values() {
        // More than a 64-bit float tells apart, as the cells of MERSCOPE are numbered.
        let ids = [1_188_921_700_084_100_049_i64, 1_188_921_700_084_100_050];
        let texts = || ids.iter().map(|id| Some(id.to_string()));
        let bytes = || ids.iter().map(|id| id.to_string().into_bytes());
        let x = || Arc::new(Float64Array::from(vec![1.0, 0.0])) as ArrayRef;
        let expected = vec![(ids[0].to_string(), 1.0), (ids[1].to_string(), 0.0)];
        let keys: [ArrayRef; 7] = [
            Arc::new(texts().collect::<StringArray>()),
            Arc::new(texts().collect::<LargeStringArray>()),
            Arc::new(texts().collect::<StringViewArray>()),
            Arc::new(bytes().map(Some).collect::<BinaryArray>()),
            Arc::new(FixedSizeBinaryArray::try_from_iter(bytes()).unwrap()),
            Arc::new(Int64Array::from_iter_values(ids)),
            Arc::new(UInt64Array::from_iter_values(ids.map(|id| id as u64))),
        ];
        for key in keys {
            assert_eq!(rows([key.clone(), x()]).unwrap(), expected, "{}", key.data_type());
        }
        let numbers: [ArrayRef; 6] = [
            Arc::new(Float32Array::from(vec![1.0, 0.0])),
            Arc::new(Int8Array::from(vec![1, 0])),
            Arc::new(UInt32Array::from(vec![1, 0])),
            Arc::new(BooleanArray::from(vec![true, false])),
            Arc::new(StringArray::from(vec!["TRUE", "no"])),
            Arc::new(Decimal128Array::from(vec![100, 0]).with_precision_and_scale(9, 2).unwrap()),
        ];
        for number in numbers {
            let keys = Arc::new(texts().collect::<StringArray>());
            assert_eq!(rows([keys, number.clone()]).unwrap(), expected, "{}", number.data_type());
        }
        let missing =
            rows([Arc::new(Int16Array::from(vec![Some(7), None])), Arc::new(Int32Array::from(vec![None, Some(2)]))]);
        let missing = missing.unwrap();
        assert_eq!((missing[0].0.as_str(), missing[1].0.as_str(), missing[1].1), ("7", "", 2.0));
        assert!(missing[0].1.is_nan());
        let wrong = rows([x(), x()]).unwrap_err().to_string();
        assert!(wrong.contains("column cell_id: found Float64, expected strings or whole numbers"), "{wrong}");
    }
}
