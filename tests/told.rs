//! Damaged and doubtful files: what is wrong with them is told in words that fit them.

#[path = "common/transcripts.rs"]
mod transcripts;

use arrow_array::{ArrayRef, Float64Array, StringArray};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use transcripts::prep;

fn own(rel: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(rel)
}

fn run(folder: &Path, input: &Path, flags: &str) -> (Option<i32>, String) {
    let output = folder.join("a.s2s");
    let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap(), "--patch", "4"];
    let done = prep(paths.into_iter().chain(["--mode", "benchmark"]).chain(flags.split_whitespace()));
    (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
}

/// The run has to be refused with all of `words` and none of `others`.
fn refused(folder: &Path, input: &Path, flags: &str, words: &[&str], others: &[&str]) {
    let (code, said) = run(folder, input, flags);
    assert_eq!(code, Some(65), "{said}");
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
    assert!(!others.iter().chain(&[": :"]).any(|word| said.contains(word)), "{said}");
}

#[test]
fn a_cut_file_of_hdf5_is_told_as_such_wherever_it_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(own("cells.h5ad")).unwrap();
    let input = folder.path().join("cut.h5ad");
    for tenths in 1..10 {
        fs::write(&input, &whole[..whole.len() * tenths / 10]).unwrap();
        refused(folder.path(), &input, "--bin-um 30 --um-per-unit 0.5", &["Is the file complete?"], &[]);
    }
}

#[test]
fn an_object_that_is_no_geojson_is_told_without_an_empty_place() {
    let folder = tempfile::tempdir().unwrap();
    let area = folder.path().join("a.geojson");
    fs::write(&area, "{}").unwrap();
    let flags = format!("--bin-um 30 --um-per-unit 0.5 --exclude {}", area.display());
    refused(folder.path(), &own("cells.h5ad"), &flags, &["a.geojson: no GeoJSON: an object without \"type\""], &[]);
}

#[test]
fn two_columns_of_one_name_are_refused_in_any_table() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = |of: fn(u32) -> u32| (0..4000).map(move |i| f64::from(of(i) % 8000) / 100.0);
    let column = |of: fn(u32) -> u32| Arc::new(numbers(of).collect::<Float64Array>()) as ArrayRef;
    let genes = Arc::new((0..4000).map(|i| Some(["A", "B"][i % 2])).collect::<StringArray>()) as ArrayRef;
    let columns = [
        ("feature_name", genes),
        ("x_location", column(|i| i * 7919)),
        ("x_location", column(|i| i * 31)),
        ("y_location", column(|i| i * 104_729)),
    ];
    let parquet = folder.path().join("transcripts.parquet");
    transcripts::write_columns(&parquet, columns.to_vec(), 1000);
    let text = folder.path().join("transcripts.csv");
    fs::write(&text, "feature_name,x_location,x_location,y_location\nA,1,2,3\n").unwrap();
    for input in [&parquet, &text] {
        refused(folder.path(), input, "--bin-um 10", &["2 columns are called x_location", "Rename or remove"], &[]);
        let flags = "--bin-um 10 --platform csv --gene-column feature_name --x-column x_location --y-column y_location";
        refused(folder.path(), input, flags, &["2 columns are called x_location"], &[]);
    }
    // Of a column that nothing is read of, there may be two.
    let columns: Vec<_> =
        columns.into_iter().enumerate().map(|(i, (name, c))| (if i == 2 { "z" } else { name }, c)).collect();
    let twice = columns.iter().cloned().chain([columns[2].clone()]).collect();
    transcripts::write_columns(&parquet, twice, 1000);
    let (code, said) = run(folder.path(), &parquet, "--bin-um 10");
    assert_eq!(code, Some(0), "{said}");
}

/// A Visium folder of 16 × 16 spots and two genes, whose file of entries holds `text`.
fn visium(folder: &Path, text: &str) -> std::path::PathBuf {
    let at = folder.join("outs");
    let matrix = at.join("filtered_feature_bc_matrix");
    fs::create_dir_all(&matrix).unwrap();
    fs::create_dir_all(at.join("spatial")).unwrap();
    let spots: String = (0..256).map(|i| format!("S{i}-1,1,{},{},0,0\n", i / 16, 2 * (i % 16) + i / 16 % 2)).collect();
    fs::write(at.join("spatial/tissue_positions_list.csv"), spots).unwrap();
    let barcodes: String = (0..256).map(|i| format!("S{i}-1\n")).collect();
    fs::write(matrix.join("barcodes.tsv"), barcodes).unwrap();
    fs::write(matrix.join("features.tsv"), "E0\tA\tGene Expression\nE1\tB\tGene Expression\n").unwrap();
    let mut packed = GzEncoder::new(fs::File::create(matrix.join("matrix.mtx.gz")).unwrap(), Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap();
    at
}

#[test]
fn a_matrix_without_entries_or_without_counts_is_told_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let header = "%%MatrixMarket matrix coordinate real general\n";
    for text in ["", header] {
        let input = visium(folder.path(), text);
        refused(
            folder.path(),
            &input,
            "",
            &["matrix.mtx.gz: no line with rows, columns and entries", "empty"],
            &["says 0"],
        );
    }
    let input = visium(folder.path(), &format!("{header}2 256 3\n1 1 4\n"));
    refused(folder.path(), &input, "", &["1 entries, but the header says 3. Is the file complete?"], &[]);
    let input = visium(folder.path(), &format!("{header}2 256 1\n1 1 0.5\n"));
    refused(
        folder.path(),
        &input,
        "",
        &["found 0.5, which is no count", "Give the matrix of counts"],
        &["layer", "--already"],
    );
}

#[test]
fn points_with_a_way_to_micrometres_are_told_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.zarr");
    copy(&own("spatialdata.zarr"), &input);
    let points = input.join("points/transcripts/zarr.json");
    let metadata: serde_json::Value = serde_json::from_slice(&fs::read(&points).unwrap()).unwrap();
    let said = |scale: [f64; 2]| {
        let axes = json!([{"name": "x", "type": "space"}, {"name": "y", "type": "space"}]);
        let system = |name: &str| json!({"name": name, "axes": axes});
        let mut metadata = metadata.clone();
        metadata["attributes"]["coordinateTransformations"] = json!([
            {"type": "scale", "scale": scale, "input": system("xy"), "output": system("global")}
        ]);
        fs::write(&points, metadata.to_string()).unwrap();
        |flags: &str| {
            let (code, said) = run(folder.path(), &input, &format!("--bin-um 20 {flags}"));
            assert_eq!(code, Some(0), "{said}");
            said
        }
    };
    let pixels = said([0.2125, 0.2125])("");
    assert!(
        ["warning: ", "is not applied", "give --um-per-unit 0.2125"].iter().all(|word| pixels.contains(word)),
        "{pixels}"
    );
    let given = said([0.2125, 0.2125])("--um-per-unit 1");
    assert!(!given.contains("not applied"), "{given}");
    let micrometres = said([4.705882, 4.705882])("");
    assert!(micrometres.contains("note       points/transcripts: its coordinates are taken as µm"), "{micrometres}");
    let same = said([1.0, 1.0])("");
    assert!(!same.contains("not applied"), "{same}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &to) } else { fs::copy(entry.path(), to).map(drop).unwrap() }
    }
}
