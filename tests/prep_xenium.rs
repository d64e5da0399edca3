//! Real sections: what s2s-prep makes of them equals what pandas makes of them (tests/python/expected_prep.py); and Parquet of
//! every type that its writers choose.

mod common;
#[path = "common/expected.rs"]
mod expected;
#[path = "common/transcripts.rs"]
mod transcripts;
#[path = "common/typed.rs"]
mod typed;

use arrow_array::{ArrayRef, BooleanArray, FixedSizeBinaryArray, StringArray};
use arrow_schema::DataType;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use transcripts::{prep, prep_well, read_values, write_columns};
use typed::{numbers, texts};

const EXPECTED: &str = include_str!("expected/prep.json");

/// Prepares `input` as a benchmark and compares it with `expected[name]`.
fn compare(name: &str, input: &str, flags: &[&str]) {
    if let Some(input) = common::shared(&format!("data/{input}")) {
        expected::compare(EXPECTED, name, &input, flags);
    }
}

#[test]
fn the_pancreas_section_equals_pandas() {
    compare("pancreas", "xenium_pancreas", &["--bin-um", "30"]);
    compare(
        "pancreas_scale_3",
        "xenium_pancreas/transcripts.parquet",
        &["--bin-um", "17.5", "--scale", "3", "--patch", "63"],
    );
}

#[test]
fn a_bundle_is_filtered_by_quality() {
    compare("xenium_mini", "formats/xenium_mini", &["--bin-um", "20"]);
    compare("xenium_mini_qv", "formats/xenium_mini", &["--bin-um", "20", "--min-qv", "35"]);
}

#[test]
fn the_table_of_a_bundle_equals_its_parquet_file() {
    compare("xenium_mini_qv", "formats/xenium_mini/transcripts.csv.gz", &["--bin-um", "20", "--min-qv", "35"]);
}

#[test]
fn a_plain_table_in_pixels_equals_pandas() {
    let flags = ["--bin-um", "30", "--um-per-unit", "0.5", "--gene-column", "Gene"];
    compare("iss", "formats/iss/spots.csv", &flags);
}

/// 24 × 24 bins of 10 µm: names, whole positions, qualities and marks of genes, of which every eighth is a control.
struct Columns {
    genes: Vec<Option<String>>,
    x: Vec<i64>,
    y: Vec<i64>,
    count: Vec<i64>,
}

impl Columns {
    fn new() -> Self {
        let genes = ["ACTB", "CD3E", "INS", "VIM"];
        let gene = |i: i64| Some(if i % 8 == 7 { "CONTROL" } else { genes[(i % 4) as usize] }.to_owned());
        let at = |i: i64| i % 240;
        let rows = 0..4000_i64;
        Columns {
            genes: rows.clone().map(gene).collect(),
            x: rows.clone().map(|i| at(i * 7919)).collect(),
            y: rows.clone().map(|i| at(i * 3571 + i / 240)).collect(),
            count: rows.map(|i| 1 + i % 3).collect(),
        }
    }

    fn is_gene(&self) -> Vec<bool> {
        self.genes.iter().map(|gene| gene.as_deref() != Some("CONTROL")).collect()
    }

    fn texts(&self) -> ArrayRef {
        texts(&self.genes, &DataType::Utf8)
    }
}

/// What s2s-prep writes of `path`, but for how it came to be.
fn values(path: &Path) -> Vec<std::collections::BTreeMap<Option<String>, transcripts::Values>> {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("a.s2s");
    let paths = ["--input", path.to_str().unwrap(), "--output", output.to_str().unwrap()];
    prep_well(paths.iter().chain(&["--mode", "benchmark", "--bin-um", "10", "--min-counts", "1"]));
    ["measured.parquet", "truth.parquet"].map(|name| read_values(&output.join(name))).to_vec()
}

/// The types that pyarrow, pandas, polars, dask, Spark and R write for the same columns, on all platforms.
#[test]
fn columns_may_be_of_any_type_that_holds_their_values() {
    let folder = tempfile::tempdir().unwrap();
    let columns = Columns::new();
    let flags = columns.is_gene();
    let quality: Vec<i64> = flags.iter().map(|is_gene| if *is_gene { 40 } else { 3 }).collect();
    let write = |name: &str, names: [&str; 5], [genes, x, y, count, flag]: [ArrayRef; 5]| {
        let path = folder.path().join(name);
        let columns = names.into_iter().zip([genes, x, y, count, flag]).collect();
        write_columns(&path, columns, 700);
        path
    };
    let usual = |kind: &DataType| [numbers(&columns.x, kind), numbers(&columns.y, kind)];
    let marks = || Arc::new(BooleanArray::from(flags.clone())) as ArrayRef;
    let counts = || numbers(&columns.count, &DataType::Int64);
    let xenium = ["feature_name", "x_location", "y_location", "count", "is_gene"];
    let [x, y] = usual(&DataType::Float64);
    let expected = values(&write("a.parquet", xenium, [columns.texts(), x, y, counts(), marks()]));
    assert!(expected.iter().all(|values| !values.contains_key(&Some("CONTROL".to_owned())) && values.len() > 3));
    let same = |what: &str, path: PathBuf| assert_eq!(values(&path), expected, "{what}");

    use DataType::*;
    for kind in [Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float16, Float32, Decimal128(12, 2), Utf8, Binary]
    {
        let [x, y] = usual(&kind);
        same(&format!("x {kind}"), write("b.parquet", xenium, [columns.texts(), x, y, counts(), marks()]));
    }
    let dictionary = |value: DataType| Dictionary(Box::new(Int32), Box::new(value));
    for kind in [LargeUtf8, Utf8View, Binary, LargeBinary, dictionary(Utf8), FixedSizeBinary(7)] {
        let genes = match &kind {
            FixedSizeBinary(length) => {
                let padded =
                    columns.genes.iter().flatten().map(|gene| format!("{gene:\0<0$}", *length as usize).into_bytes());
                Arc::new(FixedSizeBinaryArray::try_from_iter(padded).unwrap())
            }
            kind => texts(&columns.genes, kind),
        };
        let [x, y] = usual(&Float64);
        same(&format!("gene {kind}"), write("c.parquet", xenium, [genes, x, y, counts(), marks()]));
    }
    let words = |yes: &str, no: &str| {
        Arc::new(flags.iter().map(|flag| Some(if *flag { yes } else { no })).collect::<StringArray>()) as ArrayRef
    };
    let marked = |kind: &DataType| numbers(&flags.iter().map(|flag| i64::from(*flag)).collect::<Vec<_>>(), kind);
    let nulls = Arc::new(flags.iter().map(|flag| flag.then_some(true)).collect::<BooleanArray>()) as ArrayRef;
    for flag in [words("True", "False"), words("1", ""), marked(&Int8), marked(&Float32), nulls] {
        let [x, y] = usual(&Float64);
        same("is_gene", write("d.parquet", xenium, [columns.texts(), x, y, counts(), flag]));
    }
    for kind in [Int32, UInt8, Float16, Utf8] {
        let [x, y] = usual(&Float64);
        let names = ["feature_name", "x_location", "y_location", "count", "qv"];
        same(
            &format!("qv {kind}"),
            write("e.parquet", names, [columns.texts(), x, y, counts(), numbers(&quality, &kind)]),
        );
    }
    for kind in [Int8, UInt32, Float32, Decimal128(6, 1), Utf8] {
        let [x, y] = usual(&Float64);
        let platform = ["gene", "global_x", "global_y", "UMICount", "is_gene"];
        let count = numbers(&columns.count, &kind);
        same(&format!("count {kind}"), write("f.parquet", platform, [columns.texts(), x, y, count, marks()]));
    }
    let missing = columns.genes.iter().map(|gene| gene.as_deref().filter(|gene| *gene != "CONTROL"));
    let [x, y] = usual(&Float64);
    let all = Arc::new(BooleanArray::from(vec![true; flags.len()])) as ArrayRef;
    same("no name", write("g.parquet", xenium, [Arc::new(missing.collect::<StringArray>()), x, y, counts(), all]));
}

/// A data set in parts, plain or by folders that hold the value of a column, is one table.
#[test]
fn a_folder_of_parts_is_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let columns = Columns::new();
    let write = |path: &Path, rows: &[usize], with_gene: bool, kind: &DataType| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let pick = |all: &[i64]| numbers(&rows.iter().map(|row| all[*row]).collect::<Vec<_>>(), kind);
        let genes: StringArray = rows.iter().map(|row| columns.genes[*row].as_deref()).collect();
        let mut table: Vec<(&str, ArrayRef)> = vec![("x", pick(&columns.x)), ("y", pick(&columns.y))];
        if with_gene {
            table.push(("gene", Arc::new(genes)));
        }
        write_columns(path, table, 700);
    };
    let all: Vec<usize> = (0..columns.x.len()).collect();
    let whole = folder.path().join("whole.parquet");
    write(&whole, &all, true, &DataType::Float64);
    let expected = values(&whole);
    let parts = folder.path().join("points.parquet");
    for (i, (rows, kind)) in all.chunks(1500).zip([DataType::Float64, DataType::Int32, DataType::Float32]).enumerate() {
        write(&parts.join(format!("part.{i}.parquet")), rows, true, &kind);
    }
    std::fs::write(parts.join("._part.0.parquet"), "macOS").unwrap();
    std::fs::write(parts.join("_metadata"), "dask").unwrap();
    assert_eq!(values(&parts), expected);
    let hive = folder.path().join("by_gene");
    for gene in ["ACTB", "CD3E", "INS", "VIM", "CONTROL"] {
        let rows: Vec<usize> = all.iter().copied().filter(|row| columns.genes[*row].as_deref() == Some(gene)).collect();
        write(&hive.join(format!("gene={gene}/0.parquet")), &rows, false, &DataType::Float64);
    }
    assert_eq!(values(&hive), expected);
    write(&hive.join("lost.parquet"), &all[..9], false, &DataType::Float64);
    let output = folder.path().join("never.s2s");
    let paths = ["--input", hive.to_str().unwrap(), "--output", output.to_str().unwrap(), "--mode", "benchmark"];
    let failed = prep(paths.iter().chain(&["--bin-um", "10"]));
    let said = String::from_utf8_lossy(&failed.stderr);
    assert!(failed.status.code() == Some(65) && said.contains("lost.parquet: no column gene"), "{said}");
}
