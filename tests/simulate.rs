//! Synthetic sections: reproducible, Poisson around their known rates, in the layout of a Xenium bundle.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float32Type, Float64Type, UInt32Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
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
