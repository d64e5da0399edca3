//! What `s2s-predict` promises: measured bins as measured, every tissue bin predicted, a store that says by what.

mod common;
#[path = "common/section.rs"]
mod section;

use s2s::dataset::{Dataset, Mode};
use s2s::section::{Interpolation, Raster, interpolate};
use s2s::store::Store;
use std::path::Path;
use std::process::{Command, Output};

const RECIPES: [(&str, &str); 2] = [
    (
        "whole",
        "fit: {crop: whole, batch: 1, steps: 2, images: false, guides: [lattice], upsampling: bilinear, gene_scale: rms}",
    ),
    ("patches", "fit: {batch: 2, steps: 2, images: false, guides: [lattice]}\npredict: {overlap: 8, batch: 3}"),
];
const NETWORK: &str =
    "network: {cascades: 1, channels: 8, growth: 4, blocks: 1, layers: 1, window: 4, heads: 2, input_channels: 2}";

fn run(binary: &str, folder: &Path, arguments: &[&str]) -> Output {
    let binary = if binary == "fit" { env!("CARGO_BIN_EXE_s2s-fit") } else { env!("CARGO_BIN_EXE_s2s-predict") };
    let force = if arguments.contains(&"--into") { None } else { Some("--force") };
    Command::new(binary).current_dir(folder).args(arguments).args(force).output().unwrap()
}

fn succeed(done: Output) {
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Fits `gene` with a recipe of a few steps into `NAME.safetensors`.
fn fit(folder: &Path, recipe: &(&str, &str), gene: &str, output: &str) {
    let config = format!("{}.yaml", recipe.0);
    std::fs::write(folder.join(&config), format!("{NETWORK}\n{}\n", recipe.1)).unwrap();
    succeed(run("fit", folder, &["--dataset", "sample.s2s", "--gene", gene, "--config", &config, "--output", output]));
}

/// Measured bins are exact, other tissue bins finite and not negative, everything else NaN.
fn check(dataset: &Dataset, gene: &str, found: &Raster<f32>) {
    let measured = dataset.values(gene).unwrap();
    assert_eq!(found.shape(), dataset.tissue().shape());
    for row in 0..found.rows() {
        for col in 0..found.cols() {
            let value = found[(row, col)];
            match (dataset.tissue()[(row, col)], dataset.lattice().measures(row, col)) {
                (false, _) => assert!(value.is_nan()),
                (true, true) => assert_eq!(value, measured[(row / 2, col / 2)]),
                (true, false) => assert!(value.is_finite() && value >= 0.0, "({row}, {col}): {value}"),
            }
        }
    }
}

#[test]
fn networks_predict_every_bin_of_any_size() {
    // Odd sides, and sides smaller than the patch of 32.
    for (rows, cols) in [(48, 40), (47, 71), (21, 90), (13, 15)] {
        let folder = tempfile::tempdir().unwrap();
        let dataset = Dataset::open(&section::dataset(folder.path(), rows, cols, Mode::Impute)).unwrap();
        for recipe in &RECIPES {
            fit(folder.path(), recipe, "WAVE", "w.safetensors");
            let config = format!("{}.yaml", recipe.0);
            let arguments =
                ["--dataset", "sample.s2s", "--model", "w.safetensors", "--config", &config, "--output", "o.zarr"];
            succeed(run("predict", folder.path(), &arguments));
            let store = Store::open(&folder.path().join("o.zarr")).unwrap();
            check(&dataset, "WAVE", &store.gene("WAVE").unwrap());
        }
    }
}

#[test]
fn baselines_are_the_interpolation_of_the_measured_bins() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(&section::dataset(folder.path(), 31, 44, Mode::Benchmark)).unwrap();
    let methods = [
        ("nearest", Interpolation::Nearest),
        ("bilinear", Interpolation::Bilinear),
        ("bicubic", Interpolation::Bicubic),
    ];
    for (name, method) in methods {
        succeed(run("predict", folder.path(), &["--dataset", "sample.s2s", "--method", name, "--output", "o.zarr"]));
        let store = Store::open(&folder.path().join("o.zarr")).unwrap();
        assert_eq!((store.genes(), store.method()), (&["STRIPE".to_owned(), "WAVE".to_owned()][..], name));
        for gene in store.genes() {
            let found = store.gene(gene).unwrap();
            check(&dataset, gene, &found);
            let known = dataset.measured_tissue();
            let expected = interpolate(method, dataset.lattice(), &dataset.values(gene).unwrap(), &known, 31, 44);
            let off = found.values().iter().zip(expected.values()).filter(|(f, e)| f.is_finite() && **f != e.max(0.0));
            assert_eq!(off.count(), 0, "{name} {gene}");
        }
    }
}

#[test]
fn the_table_tells_the_network_of_each_gene() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = section::dataset(folder.path(), 48, 40, Mode::Impute);
    fit(folder.path(), &RECIPES[0], "WAVE", "w.safetensors");
    let arguments =
        ["--dataset", "sample.s2s", "--model", "w.safetensors", "--config", "whole.yaml", "--into", "o.zarr"];
    succeed(run("predict", folder.path(), &arguments));
    let path = folder.path().join("o.zarr");
    let store = Store::open(&path).unwrap();
    let model = store.records()[1].as_ref().and_then(|record| record.model.clone()).unwrap();
    assert_eq!((store.missing(), model.path.as_str(), model.steps), (vec!["STRIPE".to_owned()], "w.safetensors", 2));
    let clients = ["spatialdata", "anndata", "ome_zarr", "zarr"];
    let Some(found) = common::python("check_store.py", &clients, &[path.as_os_str(), dataset.as_os_str()]) else {
        return;
    };
    assert_eq!(found["predicted"], serde_json::json!(["WAVE"]));
    assert_eq!(found["model_steps"], serde_json::json!([0, 2]));
    assert_eq!(
        found["model_sha256"],
        serde_json::json!(["", s2s::files::fingerprint(&folder.path().join("w.safetensors")).unwrap()])
    );
}

#[test]
fn mistakes_are_one_clear_error_and_leave_nothing() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    section::dataset(folder.path(), 48, 40, Mode::Impute);
    section::dataset(other.path(), 47, 41, Mode::Impute);
    fit(other.path(), &RECIPES[0], "WAVE", "foreign.safetensors");
    fit(folder.path(), &RECIPES[0], "WAVE", "own.safetensors");
    std::fs::copy(other.path().join("foreign.safetensors"), folder.path().join("foreign.safetensors")).unwrap();
    let whole = std::fs::read(folder.path().join("own.safetensors")).unwrap();
    std::fs::write(folder.path().join("cut.safetensors"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(folder.path().join("text.safetensors"), "no weights").unwrap();
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    std::fs::write(folder.path().join("mine/notes.txt"), "keep").unwrap();
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    let model = |name: &'static str| vec!["--model", name];
    let cases: [(Vec<&str>, i32, &[&str]); 10] = [
        (model("none.safetensors"), 66, &["none.safetensors"]),
        (model("text.safetensors"), 65, &["text.safetensors"]),
        (model("cut.safetensors"), 65, &["cut.safetensors"]),
        (model("foreign.safetensors"), 65, &["foreign.safetensors", "another dataset"]),
        (vec!["--model", "own.safetensors", "own.safetensors"], 2, &["WAVE"]),
        (vec!["--method", "bilinear", "--genes", "WAVY"], 65, &["WAVY", "WAVE"]),
        (vec!["--method", "cubist"], 2, &["cubist", "bicubic"]),
        (vec![], 2, &["--model", "--method"]),
        (vec!["--method", "nearest", "--output", "mine"], 2, &["mine"]),
        (vec!["--method", "nearest", "--output", "no/such/o.zarr"], 74, &["no/such"]),
    ];
    for (arguments, code, words) in cases {
        let output: &[&str] = if arguments.contains(&"--output") { &[] } else { &["--output", "o.zarr"] };
        let done = run("predict", folder.path(), &[&["--dataset", "sample.s2s"], &arguments[..], output].concat());
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(words.iter().all(|word| text.contains(word)), "{arguments:?}: {text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before);
}
