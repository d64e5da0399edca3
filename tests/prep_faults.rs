//! Each mistake gives one clear error, the exit code of the contract, and leaves nothing behind.

#[path = "common/transcripts.rs"]
mod transcripts;

use arrow_array::{ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, StringArray};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use transcripts::{Transcript, prep, read_manifest, read_values, write_columns, write_parquet};

/// A folder with a good input, and the names of all files in it.
struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        let case = Case { folder: tempfile::tempdir().unwrap() };
        write_parquet(&case.path("good.parquet"), &good(), 100);
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn listing(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                names.push(format!("{} {:?}", path.display(), path.metadata().map(|m| m.len())));
                folders.extend(path.is_dir().then_some(path));
            }
        }
        names.sort();
        names
    }

    /// The flags over those of a good run: `--flag value` given here replaces the good one.
    fn arguments(&self, input: &str, flags: &[&str]) -> Vec<String> {
        let (input, output) = (self.path(input).display().to_string(), self.path("out.s2s").display().to_string());
        let good = [
            ("--input", &*input),
            ("--output", &output),
            ("--mode", "benchmark"),
            ("--bin-um", "10"),
            ("--patch", "16"),
        ];
        let kept = good.iter().filter(|(flag, _)| !flags.contains(flag)).flat_map(|(flag, value)| [*flag, *value]);
        kept.chain(flags.iter().copied()).map(str::to_owned).collect()
    }

    /// The run has to end with `code`, one error that holds all of `words`, and no trace.
    fn fails(&self, input: &str, flags: &[&str], code: i32, words: &[&str]) {
        let before = self.listing();
        let output = prep(self.arguments(input, flags));
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{input} {flags:?}: {message}");
        assert_eq!(message.lines().filter(|line| line.starts_with("error:")).count(), 1, "{message}");
        for word in words {
            assert!(message.contains(word), "no {word:?} in: {message}");
        }
        assert_eq!(self.listing(), before, "{input} {flags:?}");
    }
}

/// 12 × 12 bins of 10 µm with 20 transcripts each.
fn good() -> Vec<Transcript> {
    let bins = (0..12).flat_map(|row| (0..12).map(move |col| (f64::from(row), f64::from(col))));
    let genes = ["ERBB2", "ERBB3", "CD8A", "INS"];
    bins.flat_map(|(row, col)| (0..20).map(move |i| Transcript::new(genes[i % 4], col * 10.0 + 5.0, row * 10.0 + 5.0)))
        .collect()
}

#[test]
fn inputs_that_are_not_there_or_not_what_they_seem() {
    let case = Case::new();
    case.fails("nothing.parquet", &[], 66, &["nothing.parquet", "no such file"]);
    fs::create_dir(case.path("bundle")).unwrap();
    case.fails("bundle", &[], 66, &["bundle", "transcripts.parquet"]);
    case.text("text.parquet", "this is no Parquet file, and long enough to look for a footer");
    case.fails("text.parquet", &[], 65, &["text.parquet", "not readable as Parquet"]);
    case.text("empty.parquet", "");
    case.fails("empty.parquet", &[], 65, &["empty.parquet", "not readable as Parquet"]);
    case.text("matrix.rds", "");
    case.fails("matrix.rds", &[], 65, &["matrix.rds", "an object of R", ".h5ad"]);
    case.text("matrix.xyz", "");
    case.fails("matrix.xyz", &[], 65, &["matrix.xyz", "--platform"]);
}

#[test]
fn a_file_that_was_cut_short_or_damaged() {
    let case = Case::new();
    let whole = fs::read(case.path("good.parquet")).unwrap();
    for length in [6, whole.len() / 2, whole.len() - 5] {
        fs::write(case.path("cut.parquet"), &whole[..length]).unwrap();
        case.fails("cut.parquet", &[], 65, &["cut.parquet", "complete"]);
    }
    let mut damaged = whole;
    let half = damaged.len() / 2;
    damaged[4..half].fill(0xff);
    fs::write(case.path("damaged.parquet"), damaged).unwrap();
    case.fails("damaged.parquet", &[], 65, &["damaged.parquet"]);
}

#[test]
fn columns_that_are_missing_or_of_another_type() {
    let case = Case::new();
    let names: ArrayRef = Arc::new(StringArray::from(vec!["INS"]));
    let number: ArrayRef = Arc::new(Float32Array::from(vec![1.0]));
    let columns = vec![("feature_name", names.clone()), ("x_location", number.clone()), ("y_centroid", number.clone())];
    write_columns(&case.path("a.parquet"), columns, 10);
    case.fails("a.parquet", &[], 65, &["a.parquet", "y_location", "feature_name, x_location, y_centroid"]);
    let columns = vec![("feature_name", names.clone()), ("x_location", names), ("y_location", number.clone())];
    write_columns(&case.path("b.parquet"), columns, 10);
    case.fails("b.parquet", &[], 65, &["row 0 ", "x_location is \"INS\"", "expected a number"]);
    let codes: ArrayRef = Arc::new(Int32Array::from(vec![3]));
    let columns = vec![("feature_name", codes), ("x_location", number.clone()), ("y_location", number)];
    write_columns(&case.path("c.parquet"), columns, 10);
    case.fails("c.parquet", &[], 65, &["feature_name", "found Int32", "expected strings"]);
}

#[test]
fn tables_without_anything_to_use() {
    let case = Case::new();
    write_parquet(&case.path("none.parquet"), &[], 100);
    case.fails("none.parquet", &[], 65, &["none.parquet", "empty"]);
    let controls: Vec<_> = good().into_iter().map(|t| Transcript { gene: "BLANK_0001".into(), ..t }).collect();
    write_parquet(&case.path("controls.parquet"), &controls, 100);
    case.fails("controls.parquet", &[], 65, &["controls.parquet", "no transcript of a gene"]);
    case.fails("good.parquet", &["--min-counts", "21"], 65, &["21 counts", "--min-counts"]);
    case.text("none.csv", "");
    case.fails("none.csv", &[], 65, &["none.csv", "empty"]);
    case.text("header.csv", "gene,x,y\n");
    case.fails("header.csv", &[], 65, &["header.csv", "empty"]);
}

#[test]
fn genes_that_were_not_measured() {
    let case = Case::new();
    case.fails("good.parquet", &["--genes", "INS,ERB2"], 65, &["ERB2", "Nearest names: ERBB2, ERBB3"]);
    let mut withheld = good();
    withheld.push(Transcript::new("HIDDEN", 15.0, 15.0));
    write_parquet(&case.path("withheld.parquet"), &withheld, 100);
    case.fails("withheld.parquet", &["--genes", "HIDDEN"], 65, &["HIDDEN", "any measured bin"]);
    case.text("genes.txt", "\n \n");
    let file = case.path("genes.txt");
    case.fails("good.parquet", &["--genes", file.to_str().unwrap()], 2, &["genes.txt", "no gene names"]);
}

#[test]
fn grids_that_make_no_sense() {
    let case = Case::new();
    for bin in ["0", "-30", "NaN", "inf"] {
        case.fails("good.parquet", &["--bin-um", bin], 2, &["bin-um", "above 0"]);
    }
    case.fails("good.parquet", &["--scale", "1"], 2, &["scale 1", "2 or more"]);
    case.fails("good.parquet", &["--patch", "30"], 2, &["patch 30", "multiple of scale² = 4"]);
    case.fails("good.parquet", &["--bin-um", "60"], 65, &["2 × 2 bins", "too small for scale 2", "--bin-um"]);
    case.fails("good.parquet", &["--scale", "4"], 65, &["12 × 12 bins", "too small for scale 4", "16 or more"]);
    case.fails("good.parquet", &["--bin-um", "0.001"], 65, &["bins at most", "--bin-um"]);
    case.fails("good.parquet", &["--origin", "5"], 2, &["--origin", "two numbers"]);
}

#[test]
fn positions_and_names_that_are_no_positions_and_names() {
    let case = Case::new();
    let mut all = good();
    all[1234].y = f64::INFINITY;
    write_parquet(&case.path("bad.parquet"), &all, 100);
    case.fails("bad.parquet", &[], 65, &["bad.parquet", "row 1234", "inf", "finite"]);
    let mut far = good();
    far[1].x = 1e12;
    write_parquet(&case.path("far.parquet"), &far, 100);
    case.fails("far.parquet", &[], 65, &["row 1 ", "1000000000000", "unit"]);
}

/// What is missing is no mistake of one row: it is left out, and the summary says how much of it.
#[test]
fn molecules_without_a_name_or_a_position_are_left_out_and_told() {
    let case = Case::new();
    let whole = good();
    let dataset = |input: &str, dropped: &[&str]| {
        let done = prep(case.arguments(input, &[]));
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{said}");
        dropped.iter().for_each(|words| assert!(said.contains(words), "no {words:?} in: {said}"));
        let output = case.path("out.s2s");
        (read_values(&output.join("measured.parquet")), read_values(&output.join("truth.parquet")))
    };
    let expected = dataset("good.parquet", &[]);
    let (lost, nowhere) = (3, 2);
    let names =
        whole.iter().map(|t| Some(t.gene.as_str())).chain([None, Some(""), Some("NA"), Some("INS"), Some("INS")]);
    let x = whole.iter().map(|t| Some(t.x)).chain([Some(5.0), Some(5.0), Some(5.0), None, Some(f64::NAN)]);
    let y = whole.iter().map(|t| Some(t.y)).chain([Some(5.0); 5]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("feature_name", Arc::new(names.clone().collect::<StringArray>())),
        ("x_location", Arc::new(x.clone().collect::<Float64Array>())),
        ("y_location", Arc::new(y.clone().collect::<Float64Array>())),
    ];
    write_columns(&case.path("lost.parquet"), columns, 500);
    let told = [format!("{lost} without the name of a gene"), format!("{nowhere} without a position")];
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    assert_eq!(dataset("lost.parquet", &told), expected);
    let row = |((name, x), y): ((Option<&str>, Option<f64>), Option<f64>)| {
        let number = |number: Option<f64>| number.map_or("NA".to_owned(), |number| number.to_string());
        format!("{},{},{}\n", name.unwrap_or_default(), number(x), number(y))
    };
    let rows: String = names.zip(x).zip(y).map(row).collect();
    case.text("lost.csv", &format!("gene,x,y\n{rows}"));
    assert_eq!(dataset("lost.csv", &told), expected);
}

#[test]
fn tables_with_bad_lines() {
    let case = Case::new();
    let table = |line: &str| case.text("t.csv", &format!("# a comment\ngene,x,y,count\nINS,1,2,3\n{line}\n"));
    for (line, words) in [
        ("INS,1,two,3", ["line 4", "y is \"two\""]),
        ("INS,1,2,-1", ["line 4", "count is \"-1\""]),
        ("INS,1,2,1.5", ["line 4", "whole number"]),
        ("INS,1,2", ["line 4", "3 fields"]),
        ("INS,inf,2,1", ["line 4", "finite"]),
        ("INS,1,2,", ["line 4", "count is \"\""]),
    ] {
        table(line);
        case.fails("t.csv", &[], 65, &[&["t.csv"], words.as_slice()].concat());
    }
    case.fails("t.csv", &["--gene-column", "Gen"], 65, &["no column Gen", "found gene, x, y, count", "nearest: gene"]);
    case.text("u.csv", "gene,row,column\nINS,1,2\n");
    case.fails("u.csv", &[], 65, &["found gene, row, column", "--x-column"]);
    case.fails("u.csv", &["--um-per-unit", "0"], 2, &["um-per-unit 0"]);
    case.fails("good.parquet", &["--um-per-unit", "2"], 2, &["--um-per-unit", "plain tables"]);
    fs::write(case.path("cut.csv.gz"), [0x1f, 0x8b, 8, 0, 0, 0]).unwrap();
    case.fails("cut.csv.gz", &[], 65, &["cut.csv.gz", "complete"]);
}

#[test]
fn outputs_that_cannot_be_written() {
    let case = Case::new();
    let out = |name: &str| case.path(name).display().to_string();
    case.fails("good.parquet", &["--output", &out("no/such/a.s2s")], 74, &["no/such/a.s2s"]);
    case.fails("good.parquet", &["--output", &out("good.parquet")], 2, &["good.parquet", "left alone"]);
    case.fails("good.parquet", &["--output", &out("good.parquet/a.s2s")], 74, &["good.parquet/a.s2s"]);
    // Many tools write a manifest.json: it alone does not make a folder ours.
    fs::create_dir(case.path("site")).unwrap();
    case.text("site/manifest.json", "{\"name\": \"a web page\"}");
    case.fails("good.parquet", &["--output", &out("site")], 2, &["site", "left alone"]);
}

#[test]
fn configs_with_mistakes() {
    let case = Case::new();
    case.text("c.yaml", "prep:\n  bin: 30\n");
    let config = case.path("c.yaml").display().to_string();
    case.fails("good.parquet", &["--config", &config], 2, &["c.yaml", "prep.bin", "prep.bin_um"]);
    case.fails("good.parquet", &["--mode", "both"], 2, &["both", "benchmark", "impute"]);
}

#[test]
fn a_failed_run_keeps_the_earlier_dataset_and_a_good_one_replaces_it() {
    let case = Case::new();
    transcripts::prep_well(case.arguments("good.parquet", &["--genes", "INS,CD8A,INS"]));
    assert_eq!(genes(&case.path("out.s2s")), ["CD8A", "INS"]);
    case.fails("good.parquet", &["--genes", "NONE"], 65, &["NONE"]);
    case.text("genes.csv", "ERBB2,breast\n\"INS\",pancreas\nERBB2,twice\n");
    transcripts::prep_well(case.arguments("good.parquet", &["--genes", case.path("genes.csv").to_str().unwrap()]));
    assert_eq!(genes(&case.path("out.s2s")), ["ERBB2", "INS"]);
    let left: Vec<_> = fs::read_dir(case.folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

fn genes(dataset: &Path) -> Vec<String> {
    let manifest = read_manifest(dataset);
    manifest["genes"].as_array().unwrap().iter().map(|gene| gene["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_flag_is_gene_of_version_3_excludes_what_is_none() {
    let case = Case::new();
    let all = good();
    let is_gene: BooleanArray = all.iter().map(|t| Some(t.gene != "INS")).collect();
    let numbers = |value: fn(&Transcript) -> f64| Arc::new(Float64Array::from_iter_values(all.iter().map(value)));
    let names = all.iter().map(|t| Some(t.gene.as_bytes())).collect::<arrow_array::BinaryArray>();
    // Earlier versions write names as bytes without saying that they are text.
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("is_gene", Arc::new(is_gene)),
        ("feature_name", Arc::new(names)),
        ("x_location", numbers(|t| t.x)),
        ("y_location", numbers(|t| t.y)),
    ];
    write_columns(&case.path("v3.parquet"), columns, 1000);
    transcripts::prep_well(case.arguments("v3.parquet", &[]));
    assert_eq!(genes(&case.path("out.s2s")), ["CD8A", "ERBB2", "ERBB3"]);
    let truth = read_values(&case.path("out.s2s/truth.parquet"));
    assert!(truth[&None].values().all(|(total, _)| *total == 15));
}
