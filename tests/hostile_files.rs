//! Files that claim to hold more than anybody has room for: refused before it is made, in a process with little memory.

mod common;
#[path = "common/panel.rs"]
mod panel;
#[path = "common/zip.rs"]
mod zip;

use s2s::dataset::Dataset;
use s2s::imputation::{Baseline, Job, Method, Output, PredictConfig, PredictSettings, Source, run};
use s2s::network::weights::{NamedTensor, encode_tensors};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Address space of a run: far more than any of these files needs, and less than what they claim.
const MEMORY_KIB: u64 = 2 << 20;

const PREP: &str = env!("CARGO_BIN_EXE_s2s-prep");

/// The exit code of a stage, and what it says.
fn told(folder: &Path, binary: &str, arguments: &str) -> (Option<i32>, String) {
    let shell = format!("ulimit -v {MEMORY_KIB}; exec \"$@\"");
    let done = Command::new("sh")
        .current_dir(folder)
        .args(["-c", &shell, "sh", binary])
        .args(arguments.split(' '))
        .output()
        .unwrap();
    (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
}

fn refused(folder: &Path, binary: &str, arguments: &str, (code, words): (i32, &str)) {
    let (found, said) = told(folder, binary, arguments);
    assert!(found == Some(code) && said.contains(words), "{arguments}: {found:?}: {said}");
}

/// An AnnData store of our test data.
fn anndata(folder: &Path) -> PathBuf {
    let store = folder.join("store.zarr");
    let _ = fs::remove_dir_all(&store);
    common::copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/spatialdata.zarr/tables/bins"), &store);
    store
}

fn change(file: &Path, pointer: &str, value: Value) {
    let mut text: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    *text.pointer_mut(pointer).unwrap() = value;
    fs::write(file, text.to_string()).unwrap();
}

/// Three gigabytes of zeros in some 96 kB.
fn bomb() -> Vec<u8> {
    let mut packed = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..3 << 10).for_each(|_| packed.write_all(&zeros).unwrap());
    packed.finish().unwrap()
}

#[test]
fn arrays_of_a_million_million_rows() {
    let folder = tempfile::tempdir().unwrap();
    for (array, pointer) in [
        ("X/data", "/shape"),
        ("X/indptr", "/shape"),
        ("obs/array_row", "/shape"),
        ("X/data", "/chunk_grid/configuration/chunk_shape"),
    ] {
        change(&anndata(folder.path()).join(array).join("zarr.json"), pointer, json!([1_000_000_000_000_u64]));
        let (code, said) = told(folder.path(), PREP, "store.zarr --bin-um 10 --mode benchmark --patch 4 -o out.s2s");
        assert_eq!(code, Some(65), "{array} {pointer}: {said}");
    }
}

#[test]
fn chunks_that_unpack_to_gigabytes() {
    let (folder, bomb) = (tempfile::tempdir().unwrap(), bomb());
    assert!(bomb.len() < 400_000, "{}", bomb.len());
    let store = anndata(folder.path());
    let chunk = store.join("obs/array_row/c/0");
    assert!(chunk.is_file());
    fs::write(chunk, &bomb).unwrap();
    let line = "store.zarr --bin-um 10 --mode benchmark --patch 4 -o out.s2s";
    // 320 elements of at most 16 bytes, a 64th of that, and 64 KiB.
    refused(folder.path(), PREP, line, (65, "obs/array_row/c/0 holds more than 70736 bytes"));
    // Blosc tells in sixteen bytes that it unpacks to two gigabytes.
    let blosc = [[2, 1, 1, 4], (2_000_000_000_u32).to_le_bytes(), [0; 4], 16_u32.to_le_bytes()].concat();
    fs::write(anndata(folder.path()).join("obs/array_row/c/0"), blosc).unwrap();
    refused(folder.path(), PREP, line, (65, "obs/array_row/c/0 unpacks to more than 70736 bytes"));

    let output = predicted(folder.path());
    let score = env!("CARGO_BIN_EXE_s2s-score");
    for file in ["images/imputed/s0/c.0.0.0", "s2s/genes/c.1"] {
        let whole = fs::read(output.join(file)).unwrap();
        fs::write(output.join(file), &bomb).unwrap();
        refused(folder.path(), score, "sample.s2s p.zarr -o report", (65, "holds more than"));
        fs::write(output.join(file), whole).unwrap();
    }
}

/// A prediction of a small dataset, in the folder.
fn predicted(folder: &Path) -> PathBuf {
    let dataset = Dataset::open(&panel::dataset(folder, (24, 20), 2)).unwrap();
    let (output, config) = (folder.join("p.zarr"), PredictConfig::default());
    let source = Source::Method(Method::Baseline(Baseline::Nearest));
    let settings = PredictSettings { dataset: &dataset, source, genes: &[], config: &config };
    run(&Job { settings, output: Output::New(&output), force: false, cells: None, command: &[] }).unwrap();
    output
}

#[test]
fn tiles_of_molecules_and_pictures_that_claim_to_be_large() {
    const HUGE: u64 = 1 << 31;
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let write = |path: &str, value: Value| {
        let path = at.join("t.zarr").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, value.to_string()).unwrap();
    };
    write(".zattrs", json!({"gene_names": ["A"], "major_version": 4, "spatial_units": "micron", "number_genes": 1}));
    for group in ["", "grids/", "grids/0/", "grids/0/0,0/"] {
        write(&format!("{group}.zgroup"), json!({"zarr_format": 2}));
    }
    for (name, kind, rows, cols) in [
        ("location", "<f4", HUGE, 3),
        ("gene_identity", "<u2", 300, 1),
        ("quality_score", "<f4", 300, 1),
        ("valid", "|u1", 300, 1),
    ] {
        let array = json!({"zarr_format": 2, "shape": [rows, cols], "chunks": [300, cols], "dtype": kind, "compressor": null,
            "fill_value": 0, "order": "C", "filters": null});
        write(&format!("grids/0/0,0/{name}/.zarray"), array);
    }
    let line = "--bin-um 10 --mode impute --patch 4 -o out.s2s";
    refused(at, PREP, &format!("t.zarr {line}"), (65, "300 genes and 2147483648 rows of location"));
    change(&predicted(at).join("images/imputed/s0/zarr.json"), "/shape", json!([2, 24, HUGE]));
    let rows: String = (0..400).map(|i| format!("A,{}5,{}5,9\n", i / 20, i % 20)).collect();
    fs::write(at.join("t.csv"), format!("gene,x,y,count\n{rows}")).unwrap();
    refused(at, PREP, &format!("t.csv --image p.zarr/images/imputed {line}"), (65, "shape [2, 24, 2147483648]"));
}

#[test]
fn entries_of_a_zip_file_that_claim_gigabytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = zip::zipped(&anndata(folder.path())).unwrap();
    let line = "store.zarr.zip --bin-um 10 --mode benchmark --patch 4 -o out.s2s";
    assert_eq!(told(folder.path(), PREP, line).0, Some(0));
    let mut whole = fs::read(&path).unwrap();
    let name = b"obs/array_row/c/0";
    // The name at the end of its entry in the list, and the length that it unpacks to.
    let at = whole.windows(name.len()).rposition(|part| part == name).unwrap() - 46;
    assert_eq!(&whole[at..at + 4], b"PK\x01\x02");
    whole[at + 24..at + 28].copy_from_slice(&1_500_000_000_u32.to_le_bytes());
    fs::write(&path, whole).unwrap();
    refused(folder.path(), PREP, &format!("{line} --force"), (65, "array_row/c/0 holds more than"));
}

#[test]
fn a_line_of_a_packed_table_that_never_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"gene,x,y\n").unwrap();
    let zeros = vec![b'0'; 1 << 20];
    (0..3 << 10).for_each(|_| packed.write_all(&zeros).unwrap());
    fs::write(folder.path().join("t.csv.gz"), packed.finish().unwrap()).unwrap();
    refused(folder.path(), PREP, "t.csv.gz --bin-um 10 --mode impute -o out.s2s", (65, "line"));
}

#[test]
fn networks_that_nobody_can_build() {
    let folder = tempfile::tempdir().unwrap();
    panel::dataset(folder.path(), (24, 20), 1);
    let fit = env!("CARGO_BIN_EXE_s2s-fit");
    for (config, words) in [
        ("{network: {cascades: 1000000}}", "network.cascades is 1000000"),
        ("{network: {channels: 65536, growth: 65536, blocks: 65536, cascades: 65536}}", "expected 1073741824 at most"),
        ("{network: {window: 4000000000000000000}}", "network.window"),
        ("{fit: {image_patch: 4611686018427387904}}", "fit.image_patch"),
        ("{fit: {batch: 4611686018427387904}}", "fit.batch"),
        ("{fit: {components: 4611686018427387904}}", "fit.components"),
    ] {
        fs::write(folder.path().join("c.yaml"), config).unwrap();
        refused(folder.path(), fit, "sample.s2s --gene GENE00 --config c.yaml -o a.safetensors", (2, words));
    }
    let metadata = BTreeMap::from([("network".to_owned(), json!({"cascades": 60000, "channels": 32}).to_string())]);
    let tensor = NamedTensor { name: "a".to_owned(), shape: vec![1], values: vec![0.0] };
    fs::write(folder.path().join("b.safetensors"), encode_tensors(vec![tensor], &metadata).unwrap()).unwrap();
    let predict = env!("CARGO_BIN_EXE_s2s-predict");
    refused(folder.path(), predict, "sample.s2s --model b.safetensors -o p.zarr", (65, "b.safetensors"));
}

#[test]
fn grids_and_patches_that_no_section_has() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..400).map(|i| format!("A,{}5,{}5,9\n", i / 20, i % 20)).collect();
    fs::write(folder.path().join("t.csv"), format!("gene,x,y,count\n{rows}")).unwrap();
    for set in
        ["patch=4611686018427387904", "scale=4294967296", "min_counts=18446744073709551615", "phase=[4294967296,0]"]
    {
        let (code, said) =
            told(folder.path(), PREP, &format!("t.csv --bin-um 10 --mode impute -o out.s2s --set prep.{set}"));
        assert!(matches!(code, Some(2 | 65)) && said.contains("error:"), "{set}: {code:?}: {said}");
    }
}
