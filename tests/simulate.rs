//! Synthetic sections: reproducible, Poisson around their known rates, in the layout of a Xenium bundle.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, UInt32Type};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use s2s::section::Raster;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};

fn simulate(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_s2s-simulate")).current_dir(folder).args(arguments).output().unwrap()
}

const SMALL: [&str; 8] = ["--rows", "30", "--cols", "40", "--genes", "6", "--seed", "3"];

#[test]
fn the_seed_decides_everything_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let content = |output: &str, seed: &str, threads: &str| {
        let done = Command::new(env!("CARGO_BIN_EXE_s2s-simulate"))
            .current_dir(folder.path())
            .env("RAYON_NUM_THREADS", threads)
            .args(&SMALL[..7])
            .args([seed, "--output", output])
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        molecules(&folder.path().join(output))
    };
    let first = content("a", "3", "1");
    assert!(first == content("b", "3", "2"));
    assert!(first != content("c", "4", "2"));
}

/// (feature, x, y, qv) of every molecule.
fn molecules(bundle: &Path) -> Vec<(String, f32, f32, f32)> {
    let file = File::open(bundle.join("transcripts.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let mut all = Vec::new();
    for batch in reader.map(Result::unwrap) {
        let number = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<Float32Type>().clone();
        let names = batch.column_by_name("feature_name").unwrap().as_string::<i32>().clone();
        let (x, y, qv) = (number("x_location"), number("y_location"), number("qv"));
        all.extend((0..names.len()).map(|i| (names.value(i).to_owned(), x.value(i), y.value(i), qv.value(i))));
    }
    all
}

#[test]
fn counts_are_poisson_around_the_rates() {
    let folder = tempfile::tempdir().unwrap();
    assert!(simulate(folder.path(), &[&SMALL[..], &["--output", "s"]].concat()).status.success());
    let mut counts: HashMap<(String, usize), f64> = HashMap::new();
    for (name, x, y, qv) in molecules(&folder.path().join("s")) {
        assert!((0.0..=1200.0).contains(&x) && (0.0..=900.0).contains(&y));
        if qv >= 20.0 {
            let bin = (y / 30.0).min(29.0) as usize * 40 + (x / 30.0).min(39.0) as usize;
            *counts.entry((name, bin)).or_default() += 1.0;
        }
    }
    let file = File::open(folder.path().join("s/rates.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let (mut chi, mut bins) = (0.0, 0.0);
    for batch in reader.map(Result::unwrap) {
        let names = batch.column_by_name("gene").unwrap().as_string::<i32>();
        let index = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<UInt32Type>();
        let (row, col) = (index("row"), index("col"));
        let rates = batch.column_by_name("rate").unwrap().as_primitive::<Float64Type>();
        for i in 0..names.len() {
            let rate = rates.value(i);
            let bin = row.value(i) as usize * 40 + col.value(i) as usize;
            let count = counts.get(&(names.value(i).to_owned(), bin)).copied().unwrap_or(0.0);
            if rate > 2.0 {
                chi += (count - rate).powi(2) / rate;
                bins += 1.0;
            }
        }
    }
    assert!(bins > 500.0);
    let dispersion = chi / bins;
    assert!((0.9..1.1).contains(&dispersion), "χ² per bin is {dispersion}");
}

/// The columns of a bundle's transcripts.parquet as Xenium Onboard Analysis writes them, those that a section has without cells.
#[test]
fn the_layout_is_that_of_a_xenium_bundle() {
    let folder = tempfile::tempdir().unwrap();
    assert!(simulate(folder.path(), &[&SMALL[..], &["--output", "s"]].concat()).status.success());
    let file = File::open(folder.path().join("s/transcripts.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let columns: Vec<_> = reader.schema().fields().iter().map(|f| (f.name().as_str(), f.data_type().clone())).collect();
    let expected = [
        ("transcript_id", DataType::UInt64),
        ("cell_id", DataType::Utf8),
        ("overlaps_nucleus", DataType::UInt8),
        ("feature_name", DataType::Utf8),
        ("x_location", DataType::Float32),
        ("y_location", DataType::Float32),
        ("z_location", DataType::Float32),
        ("qv", DataType::Float32),
    ];
    assert_eq!(columns, expected);
    let entries = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let provenance = entries.iter().find(|entry| entry.key == "provenance").unwrap().value.as_deref().unwrap();
    assert!(provenance.contains("s2s-simulate") && provenance.contains("\"seed\":3"), "{provenance}");
    let experiment = std::fs::read_to_string(folder.path().join("s/experiment.xenium")).unwrap();
    let experiment: serde_json::Value = serde_json::from_str(&experiment).unwrap();
    let all = molecules(&folder.path().join("s"));
    assert_eq!(experiment["num_transcripts"], all.len());
    for control in ["NegControlProbe_", "NegControlCodeword_", "UnassignedCodeword_", "BLANK_"] {
        assert!(all.iter().any(|(name, ..)| name.starts_with(control)), "{control}");
    }
    let poor = all.iter().filter(|(.., qv)| *qv < 20.0).count() as f64 / all.len() as f64;
    assert!((0.03..0.05).contains(&poor), "{poor} of the molecules are of poor quality");
}

/// Rates of all genes added up [rows, cols].
fn total_rates(bundle: &Path, rows: usize, cols: usize) -> Raster<f64> {
    let file = File::open(bundle.join("rates.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let mut totals = Raster::filled(rows, cols, 0.0);
    for batch in reader.map(Result::unwrap) {
        let index = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<UInt32Type>();
        let (row, col) = (index("row"), index("col"));
        let rates = batch.column_by_name("rate").unwrap().as_primitive::<Float64Type>();
        for i in 0..batch.num_rows() {
            totals[(row.value(i) as usize, col.value(i) as usize)] += rates.value(i);
        }
    }
    totals
}

/// Totals of a bin of 30 µm are those of the Xenium pancreas section: 160, 256 and 397 at the quartiles, 1.5 off the tissue.
#[test]
fn totals_are_those_of_tissue_and_of_bare_glass() {
    let folder = tempfile::tempdir().unwrap();
    for seed in ["1", "2", "3"] {
        let arguments = ["--rows", "60", "--cols", "80", "--genes", "50", "--seed", seed, "--output", seed];
        assert!(simulate(folder.path(), &arguments).status.success());
        let totals = total_rates(&folder.path().join(seed), 60, 80);
        // The outline never reaches the corners.
        for corner in [(0, 0), (0, 79), (59, 0), (59, 79)] {
            assert!((0.01..3.0).contains(&totals[corner]), "{}", totals[corner]);
        }
        let mut tissue: Vec<f64> = totals.values().iter().copied().filter(|total| *total >= 10.0).collect();
        tissue.sort_by(f64::total_cmp);
        let share = tissue.len() as f64 / 4800.0;
        assert!((0.3..0.95).contains(&share), "{share} of the section is tissue");
        let median = tissue[tissue.len() / 2];
        assert!((100.0..500.0).contains(&median), "seed {seed}: {median} molecules in a bin");
    }
}

/// The tissue is a function of position in µm: bins of half the size see the same one.
#[test]
fn smaller_bins_see_the_same_tissue() {
    let folder = tempfile::tempdir().unwrap();
    assert!(simulate(folder.path(), &[&SMALL[..], &["--output", "coarse"]].concat()).status.success());
    let fine = ["--rows", "60", "--cols", "80", "--genes", "6", "--seed", "3", "--bin-um", "15", "--output", "fine"];
    assert!(simulate(folder.path(), &fine).status.success());
    let coarse = total_rates(&folder.path().join("coarse"), 30, 40);
    let fine = total_rates(&folder.path().join("fine"), 60, 80);
    let blocks = Raster::from_fn(30, 40, |row, col| {
        [(0, 0), (0, 1), (1, 0), (1, 1)]
            .map(|(down, right)| fine[(2 * row + down, 2 * col + right)])
            .iter()
            .sum::<f64>()
    });
    let pairs = || coarse.values().iter().zip(blocks.values());
    let apart: f64 = pairs().map(|(a, b)| (a - b).abs()).sum();
    let all: f64 = pairs().map(|(a, _)| a).sum();
    assert!(apart / all < 0.05, "{} of the molecules moved", apart / all);
}

#[test]
fn mistakes_are_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    std::fs::write(folder.path().join("mine/notes.txt"), "keep").unwrap();
    let cases: [(&[&str], i32, &str); 4] = [
        (&["--rows", "0", "--cols", "4", "--genes", "2", "--output", "a"], 2, "--rows 0"),
        (&["--rows", "4", "--cols", "4", "--genes", "2", "--bin-um", "-1", "--output", "a"], 2, "bin-um"),
        (&["--rows", "4", "--cols", "4", "--genes", "2", "--output", "no/such/place"], 74, "no/such"),
        (&["--rows", "4", "--cols", "4", "--genes", "2", "--output", "mine"], 2, "mine"),
    ];
    for (arguments, code, word) in cases {
        let done = simulate(folder.path(), arguments);
        let text = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{text}");
        assert!(text.contains(word), "{text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
