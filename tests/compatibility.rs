//! Files of every version that was written are read, to the values that other software finds in them; newer ones are refused with what to do.
//!
//! `tests/data/golden/V` holds a dataset, a network and a store as version V of their formats is written, of version 2 a network alone; `make.sh` there tells how.
//! `tests/expected/golden.json` is what pandas, zarr-python and NumPy read in them (`tests/python/expected_golden.py`).

mod common;

use burn::tensor::Device;
use s2s::dataset::{Dataset, Truth};
use s2s::imputation::{NetworkImputer, PredictConfig};
use s2s::section::Raster;
use s2s::store::{Interval, Store};
use s2s::training::ModelMetadata;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden/1")
}

fn expected() -> Value {
    serde_json::from_str(include_str!("expected/golden.json")).unwrap()
}

/// Whether `found` is the list of numbers that Python found, null where it found NaN.
fn same(found: &Raster<f32>, expected: &Value, what: &str) {
    near(found, expected, 1e-6, what);
}

fn near(found: &Raster<f32>, expected: &Value, most: f64, what: &str) {
    let expected: Vec<f64> =
        expected.as_array().unwrap().iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect();
    assert_eq!(found.values().len(), expected.len(), "{what}");
    for (bin, (found, expected)) in found.values().iter().zip(expected).enumerate() {
        let near = (f64::from(*found) - expected).abs() <= most * expected.abs().max(1.0);
        assert!(near || (found.is_nan() && expected.is_nan()), "{what}, bin {bin}: {found}, expected {expected}");
    }
}

#[test]
fn a_dataset_is_read_to_what_pandas_finds() {
    let (expected, dataset) = (expected(), Dataset::open(&golden().join("sample.s2s")).unwrap());
    let truth = Truth::open(&dataset).unwrap().unwrap();
    assert_eq!(json!([dataset.tissue().rows(), dataset.tissue().cols()]), expected["shape"]);
    same(&dataset.tissue().map(|inside| f32::from(u8::from(*inside))), &expected["tissue"], "tissue");
    for (gene, found) in expected["genes"].as_object().unwrap() {
        same(&dataset.measured_values(gene).unwrap(), &found["measured"], gene);
        same(&truth.values(gene).unwrap(), &found["truth"], gene);
    }
    let guides = dataset.guide_maps().unwrap();
    assert_eq!(guides.len(), expected["guides"].as_object().unwrap().len());
    for (guide, entry) in guides.iter().zip(&dataset.manifest().guides) {
        same(guide, &expected["guides"][&entry.name], &entry.name);
    }
}

#[test]
fn a_network_is_read_and_predicts_what_it_predicted() {
    let (expected, golden) = (expected(), golden());
    let path = golden.join("DUCT1.safetensors");
    let metadata = ModelMetadata::read(&path).unwrap();
    assert_eq!(json!(metadata.steps), expected["model"]["steps"]);
    let weights = s2s::network::weights::read(&path).unwrap().0;
    let sum: f64 = weights.iter().flat_map(|tensor| &tensor.values).map(|value| f64::from(value.abs())).sum();
    assert!((sum - expected["model"]["sum"].as_f64().unwrap()).abs() < 1e-6 * sum);
    let dataset = Dataset::open(&golden.join("sample.s2s")).unwrap();
    let networks = NetworkImputer::open(&path, &dataset, &Device::flex()).unwrap();
    let found = networks[0].impute(&dataset, &PredictConfig::default()).unwrap().values;
    // Another processor rounds otherwise.
    near(&found, &expected["network"], 1e-4, "DUCT1");
}

#[test]
fn a_network_of_the_second_format_is_read_and_predicts_what_it_predicted_of_each_gene() {
    let expected: Value = serde_json::from_str(include_str!("expected/golden-2.json")).unwrap();
    let path = golden().with_file_name("2").join("joint.safetensors");
    let weights = s2s::network::weights::read(&path).unwrap().0;
    let table = weights.iter().find(|tensor| tensor.name == "genes.table").unwrap();
    assert_eq!(json!(table.shape), expected["shape"]);
    let known = expected["table"].as_array().unwrap().iter().map(|number| number.as_f64().unwrap());
    assert!(table.values.iter().zip(known).all(|(found, known)| (f64::from(*found) - known).abs() < 1e-6));
    let dataset = Dataset::open(&golden().join("sample.s2s")).unwrap();
    for network in NetworkImputer::open(&path, &dataset, &Device::flex()).unwrap() {
        let found = network.impute(&dataset, &PredictConfig::default()).unwrap().values;
        near(&found, &expected["network"][network.gene()], 1e-4, network.gene());
    }
}

#[test]
fn a_store_is_read_to_what_zarr_finds() {
    let (expected, store) = (expected(), Store::open(&golden().join("blend.zarr")).unwrap());
    let (gene, expected) = ("DUCT1", &expected["blend"]);
    same(&store.gene(gene).unwrap(), &expected["imputed"], gene);
    same(&store.median(gene).unwrap().unwrap(), &expected["median"], gene);
    let Some(Interval::Between(ends, _)) = store.interval(gene).unwrap() else { panic!("no interval") };
    same(&ends[0], &expected["lower"], gene);
    same(&ends[1], &expected["upper"], gene);
}

/// What stages say of files of the version `newer`.
#[test]
fn a_newer_format_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    common::copy(&golden(), folder.path());
    let at = |name: &str| folder.path().join(name);
    let refused = |binary: &str, arguments: &str, file: &str| {
        let done = Command::new(binary).current_dir(folder.path()).args(arguments.split(' ')).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(65), "{arguments}: {said}");
        assert!(
            said.contains(file) && said.contains("written by a newer s2s") && said.contains("Update s2s"),
            "{said}"
        );
    };
    let predict = env!("CARGO_BIN_EXE_s2s-predict");
    let weights = fs::read(at("DUCT1.safetensors")).unwrap();
    let text = String::from_utf8_lossy(&weights);
    let place = text.find("\"s2s.format\":\"1\"").expect("it tells its version") + "\"s2s.format\":\"".len();
    let mut newer = weights.clone();
    newer[place] = b'9';
    fs::write(at("DUCT1.safetensors"), newer).unwrap();
    refused(predict, "sample.s2s --model DUCT1.safetensors -o new.zarr", "DUCT1.safetensors");
    fs::write(at("DUCT1.safetensors"), weights).unwrap();

    let change = |file: &str, pointer: &str| {
        let mut text: Value = serde_json::from_slice(&fs::read(at(file)).unwrap()).unwrap();
        *text.pointer_mut(pointer).expect("it tells its version") = json!(99);
        fs::write(at(file), text.to_string()).unwrap();
    };
    change("blend.zarr/zarr.json", "/attributes/s2s/format");
    refused(env!("CARGO_BIN_EXE_s2s-score"), "sample.s2s blend.zarr -o report", "blend.zarr");
    fs::copy(golden().join("blend.zarr/zarr.json"), at("blend.zarr/zarr.json")).unwrap();
    change("sample.s2s/manifest.json", "/format");
    for (binary, arguments) in [
        (predict, "sample.s2s --method nearest -o new.zarr"),
        (env!("CARGO_BIN_EXE_s2s-fit"), "sample.s2s --gene DUCT1 -o new.safetensors"),
        (env!("CARGO_BIN_EXE_s2s-score"), "sample.s2s blend.zarr -o report"),
    ] {
        refused(binary, arguments, "manifest.json");
    }
}
