//! Small transcript files for the tests of s2s-prep, and datasets read back without the crate's own reader.
#![allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt32Type};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

/// A molecule of `gene` at (x, y) in µm.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    pub gene: String,
    pub x: f64,
    pub y: f64,
    pub qv: f64,
}

impl Transcript {
    pub fn new(gene: &str, x: f64, y: f64) -> Self {
        Transcript { gene: gene.to_owned(), x, y, qv: 40.0 }
    }
}

/// Writes a file as Xenium does, with row groups of `group` rows.
pub fn write_parquet(path: &Path, transcripts: &[Transcript], group: usize) {
    let numbers =
        |value: fn(&Transcript) -> f64| Arc::new(Float64Array::from_iter_values(transcripts.iter().map(value)));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("feature_name", Arc::new(StringArray::from_iter_values(transcripts.iter().map(|t| &t.gene)))),
        ("x_location", numbers(|t| t.x)),
        ("y_location", numbers(|t| t.y)),
        ("qv", numbers(|t| t.qv)),
    ];
    write_columns(path, columns, group);
}

/// Writes any columns.
pub fn write_columns(path: &Path, columns: Vec<(&str, ArrayRef)>, group: usize) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// The real s2s-prep, which replaces what another case wrote.
pub fn prep<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_s2s-prep")).args(arguments).arg("--force").output().unwrap()
}

/// The real s2s-prep, which has to succeed.
pub fn prep_well<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) {
    let output = prep(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// (row, col) → (count, value) of a gene.
pub type Values = BTreeMap<(u32, u32), (u32, f32)>;

/// The entries of a file `measured.parquet` or `truth.parquet`; the totals of the truth stand under `None`.
pub fn read_values(path: &Path) -> BTreeMap<Option<String>, Values> {
    let mut all: BTreeMap<Option<String>, Values> = BTreeMap::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let numbers = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<UInt32Type>();
        let (row, col, count) = (numbers("row"), numbers("col"), numbers("count"));
        let value = batch.column_by_name("value").unwrap().as_primitive::<Float32Type>();
        for (i, gene) in batch.column_by_name("gene").unwrap().as_string::<i32>().iter().enumerate() {
            let values = all.entry(gene.map(str::to_owned)).or_default();
            // A gene without any count holds one explicit zero.
            if gene.is_none() || count.value(i) > 0 {
                let before = values.insert((row.value(i), col.value(i)), (count.value(i), value.value(i)));
                assert_eq!(before, None, "{gene:?} twice in one bin");
            }
        }
    }
    all
}

/// (gene, row, column) → count.
pub type Counts = BTreeMap<(String, u32, u32), u32>;

/// The counts of a dataset, in the measured bins and in those withheld, if there are any.
pub fn read_counts(dataset: &Path) -> Counts {
    let files =
        ["measured.parquet", "truth.parquet"].map(|name| dataset.join(name)).into_iter().filter(|path| path.is_file());
    let entries = files.flat_map(|path| read_values(&path)).filter_map(|(gene, values)| Some((gene?, values)));
    let each = |(gene, values): (String, Values)| {
        values.into_iter().map(move |((row, col), (count, _))| ((gene.clone(), row, col), count))
    };
    entries.flat_map(each).collect()
}

/// (row, col) → (tissue, total) of `bins.parquet`.
pub fn read_bins(path: &Path) -> BTreeMap<(u32, u32), (bool, Option<u32>)> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    let mut bins = BTreeMap::new();
    for batch in reader {
        let batch = batch.unwrap();
        let numbers = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<UInt32Type>().clone();
        let (row, col) = (numbers("row"), numbers("col"));
        let tissue = batch.column_by_name("tissue").unwrap().as_boolean().clone();
        for (i, total) in numbers("total").iter().enumerate() {
            bins.insert((row.value(i), col.value(i)), (tissue.value(i), total));
        }
    }
    bins
}

/// `manifest.json`.
pub fn read_manifest(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}
