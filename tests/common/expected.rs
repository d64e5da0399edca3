//! Compares what s2s-prep writes with what pandas and NumPy say of the same file.
#![allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]

use super::transcripts::{Values, prep_well, read_bins, read_manifest, read_values};
use s2s::files::content_fingerprint;
use serde_json::Value;
use std::path::Path;

/// Prepares `input` as a benchmark and compares it with `expected[name]`.
pub fn compare(expected: &str, name: &str, input: &Path, flags: &[&str]) {
    let expected: Value = serde_json::from_str(expected).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("a.s2s");
    let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap(), "--mode", "benchmark"];
    prep_well(paths.iter().chain(flags));
    check_grid(&output, &expected[name]);
    check_genes(&output, &expected[name]["genes"]);
    if let Some(list) = expected[name].get("gene_list") {
        let genes = read_manifest(&output)["genes"].clone();
        let names: Vec<&str> = genes.as_array().unwrap().iter().map(|gene| gene["name"].as_str().unwrap()).collect();
        assert_eq!(content_fingerprint(names.join("\n").as_bytes()), list["measured_sha256"], "{name}");
    }
}

fn check_grid(dataset: &Path, expected: &Value) {
    let manifest = read_manifest(dataset);
    for key in ["rows", "cols", "origin_um"] {
        assert_eq!(manifest["grid"][key], expected[key], "{key}");
    }
    assert_eq!(manifest["target"], expected["target"]);
    assert_eq!(manifest["genes"].as_array().unwrap().len() as u64, expected["all_genes"]);
    let bins = read_bins(&dataset.join("bins.parquet"));
    let measured: u64 = bins.values().filter_map(|(_, total)| *total).map(u64::from).sum();
    assert_eq!(measured, expected["measured_total"]);
    let tissue = bins.values().filter(|(tissue, total)| *tissue && total.is_some()).count();
    assert_eq!(tissue as u64, expected["measured_tissue"]);
    let truth = read_values(&dataset.join("truth.parquet"));
    assert_eq!(sum(&truth[&None]), expected["withheld_total"]);
}

fn check_genes(dataset: &Path, expected: &Value) {
    let measured = read_values(&dataset.join("measured.parquet"));
    let truth = read_values(&dataset.join("truth.parquet"));
    let manifest = read_manifest(dataset);
    let entries = manifest["genes"].as_array().unwrap();
    for (gene, expected) in expected.as_object().unwrap() {
        let values = &measured[&Some(gene.clone())];
        assert_eq!(sum(values), expected["measured"], "{gene}");
        assert_eq!(values.len() as u64, expected["bins"], "{gene}");
        assert_eq!(sum(&truth[&Some(gene.clone())]), expected["withheld"], "{gene}");
        if let Some(expected) = expected.get("morans_i") {
            let entry = entries.iter().find(|entry| entry["name"] == gene.as_str()).unwrap();
            let (found, expected) = (entry["morans_i"].as_f64().unwrap(), expected.as_f64().unwrap());
            assert!((found - expected).abs() < 1e-6, "{gene}: Moran's I {found}, expected {expected}");
        }
        let total: f64 = values.values().map(|(_, value)| f64::from(*value)).sum();
        assert!((total / expected["value_sum"].as_f64().unwrap() - 1.0).abs() < 1e-6, "{gene}: {total}");
        for bin in expected["brightest"].as_array().unwrap() {
            let (count, value) = values[&(bin[0].as_u64().unwrap() as u32, bin[1].as_u64().unwrap() as u32)];
            assert_eq!(u64::from(count), bin[2], "{gene} {bin}");
            assert!((f64::from(value) - bin[3].as_f64().unwrap()).abs() < 1e-6, "{gene} {bin}: {value}");
        }
    }
}

fn sum(values: &Values) -> u64 {
    values.values().map(|(count, _)| u64::from(*count)).sum()
}
