//! The scores of s2s-score beside those that NumPy and scikit-image compute from the same files.

mod common;

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

fn run(folder: &Path, binary: &str, arguments: &str) {
    let done = Command::new(binary).current_dir(folder).args(arguments.split(' ')).output().unwrap();
    assert!(done.status.success(), "{binary}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn numpy_finds_the_same_scores_and_gains() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    run(at, env!("CARGO_BIN_EXE_s2s-simulate"), "--rows 40 --cols 48 --genes 12 --seed 3 --output section");
    let prep = "--input section --bin-um 30 --mode benchmark --set prep.scale=2 --output section.s2s";
    run(at, env!("CARGO_BIN_EXE_s2s-prep"), prep);
    let Some(found) = scored(at, "section.s2s", &["nearest", "bilinear", "bicubic"]) else { return };
    // 12 genes × 3 methods × (8 figures over unmeasured bins and 13 over the tissue), 3 gains for the 2 methods compared, and
    // the ceiling of each gene.
    assert_eq!(found["compared"], 12 * (3 * (8 + 13) + 2 * 3 + 1), "{found}");
    assert_eq!(found["panel"], 3 * 5, "{found}");
    assert!(found["profiles"].as_u64().unwrap() >= 3 * 4 * 8, "{found}");
    assert!(found["reliability_difference"].as_f64().unwrap() < 0.05, "{found}");
}

#[test]
fn numpy_finds_the_same_errors_correlations_and_coverage_by_distance_in_holes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    run(at, env!("CARGO_BIN_EXE_s2s-simulate"), "--rows 48 --cols 56 --genes 4 --seed 5 --output section");
    // A hole of 13 bins across, and one of 5.
    let inside =
        |row: i64, col: i64| (row - 24).pow(2) + (col - 26).pow(2) < 43 || (row - 12).pow(2) + (col - 40).pow(2) < 7;
    let bins = (0..48).flat_map(|row| (0..56).map(move |col| (row, col))).filter(|(row, col)| inside(*row, *col));
    let list: String = bins.map(|(row, col)| format!("{row},{col}\n")).collect();
    std::fs::write(at.join("holes.csv"), format!("row,col\n{list}")).unwrap();
    let prep = "section --bin-um 30 --mode benchmark --exclude holes.csv --output holes.s2s";
    run(at, env!("CARGO_BIN_EXE_s2s-prep"), prep);
    let Some(found) = scored(at, "holes.s2s", &["idw", "blend"]) else { return };
    // Two methods, four classes of distances with six figures, of which one has no intervals.
    assert!(found["profiles"].as_u64().unwrap() >= 2 * 4 * 6 - 4, "{found}");
    let report = std::fs::read_to_string(at.join("scores/report.html")).unwrap();
    assert!(report.contains("Errors by distance from measured bins"));
    let mut rows = csv::Reader::from_path(at.join("scores/profiles.csv")).unwrap();
    let rows: Vec<std::collections::HashMap<String, String>> = rows.deserialize().map(|row| row.unwrap()).collect();
    let of =
        |method: &str| rows.iter().filter(|row| row["by"] == "distance" && row["method"] == method).collect::<Vec<_>>();
    let classes = |method: &str| of(method).iter().map(|row| row["class"].clone()).collect::<Vec<_>>();
    assert_eq!(classes("blend"), ["1", "2", "3–4", "5–8"]);
    assert!(
        of("blend").iter().all(|row| !row["coverage"].is_empty())
            && of("idw").iter().all(|row| row["coverage"].is_empty())
    );
}

/// Scores these methods on a dataset, and has NumPy score them; `None` without NumPy.
fn scored(at: &Path, dataset: &str, methods: &[&str]) -> Option<serde_json::Value> {
    let predicted = |method: &&str| {
        let output = format!("{method}.zarr");
        run(at, env!("CARGO_BIN_EXE_s2s-predict"), &format!("{dataset} --method {method} --output {output}"));
        output
    };
    let stores: Vec<String> = methods.iter().map(predicted).collect();
    let score = format!("{dataset} {} --reference {} --output scores", stores.join(" "), methods[0]);
    run(at, env!("CARGO_BIN_EXE_s2s-score"), &score);
    let path = |name: &str| at.join(name).into_os_string();
    let mut arguments = vec!["--dataset".into(), path(dataset), "--scores".into(), path("scores")];
    arguments.extend(["--reference".into(), methods[0].into(), "--prediction".into()]);
    arguments.extend(stores.iter().map(|name| path(name)));
    let arguments: Vec<&OsStr> = arguments.iter().map(|argument| argument.as_os_str()).collect();
    common::python("check_scores.py", &["numpy", "pandas", "pyarrow", "scipy", "skimage", "zarr"], &arguments)
}
