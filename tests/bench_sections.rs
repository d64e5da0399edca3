//! `scripts/bench-sections` beside `s2s-score` and pandas, on a simulated section.

mod common;
#[allow(dead_code, reason = "the recipe alone is wanted of it")]
#[path = "common/fitting.rs"]
mod fitting;

use std::ffi::OsStr;
use std::path::Path;

#[test]
fn the_bench_scores_as_s2s_score_does_and_keeps_what_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("tiny.yaml");
    std::fs::write(&recipe, fitting::TINY).unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_s2s-prep")).parent().unwrap();
    let work = folder.path().join("work");
    let arguments = [("--programs", programs), ("--recipe", &recipe), ("--work", &work)];
    let arguments: Vec<&OsStr> = arguments.iter().flat_map(|(name, at)| [OsStr::new(*name), at.as_os_str()]).collect();
    let modules = ["numpy", "pandas", "pyarrow", "skimage", "zarr"];
    let Some(found) = common::python("check_bench.py", &modules, &arguments) else { return };
    // 3 genes × (7 figures of 6 methods, and the coverage of the one with intervals).
    assert_eq!(found["compared"], 3 * (7 * 6 + 1), "{found}");
    assert!(found["largest_difference"].as_f64().unwrap() < 1e-6, "{found}");
    assert_eq!(found["by_the_rule"], true, "{found}");
    // Simulated, prepared, scored, five interpolations; of the network three fits and a prediction.
    assert_eq!(found["steps"], 3 + 5 + 3 + 1, "{found}");
    assert_eq!(found["done_again"], 0, "{found}");
    assert_eq!(found["done_after_a_change"], 3 + 1, "{found}");
    assert!(found["thirds_are_the_whole"].as_f64().unwrap() < 1e-3, "{found}");
    assert_eq!(found["layers_are_images"], true, "{found}");
    assert_eq!(found["rates_follow"], true, "{found}");
    // In the mean over sections and in the section's own part, of each of the two selections of genes.
    assert_eq!(found["table"], 4, "{found}");
}
