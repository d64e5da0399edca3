//! Real sections: what s2s-prep makes of them equals what pandas makes of them (tests/python/expected_prep.py).

mod common;
#[path = "common/expected.rs"]
mod expected;
#[path = "common/transcripts.rs"]
mod transcripts;

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
