//! Real sections: what s2s-prep makes of them equals what pandas makes of them (tests/python/expected_prep.py).

mod common;
#[path = "common/transcripts.rs"]
mod transcripts;

use serde_json::Value;
use std::path::Path;
use transcripts::{Values, prep_well, read_bins, read_manifest, read_values};

/// Prepares `input` as a benchmark and compares it with `expected[name]`.
fn compare(name: &str, input: &str, flags: &[&str]) {
    let Some(input) = common::shared(&format!("data/{input}")) else { return };
    let expected: Value = serde_json::from_str(include_str!("expected/prep.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("a.s2s");
    let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap(), "--mode", "benchmark"];
    prep_well(paths.iter().chain(flags));
    check_grid(&output, &expected[name]);
    check_genes(&output, &expected[name]["genes"]);
    check_structure(&output, &expected[name]["genes"]);
}

/// Moran's I of the measured bins stands in the manifest.
fn check_structure(dataset: &Path, expected: &Value) {
    let manifest = read_manifest(dataset);
    for (gene, expected) in expected.as_object().unwrap() {
        let entry = manifest["genes"].as_array().unwrap().iter().find(|entry| entry["name"] == gene.as_str()).unwrap();
        let (found, expected) = (entry["morans_i"].as_f64().unwrap(), expected["morans_i"].as_f64().unwrap());
        assert!((found - expected).abs() < 1e-6, "{gene}: {found}, expected {expected}");
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
    for (gene, expected) in expected.as_object().unwrap() {
        let values = &measured[&Some(gene.clone())];
        assert_eq!(sum(values), expected["measured"], "{gene}");
        assert_eq!(values.len() as u64, expected["bins"], "{gene}");
        assert_eq!(sum(&truth[&Some(gene.clone())]), expected["withheld"], "{gene}");
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
