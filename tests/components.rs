//! The panel's principal components beside those of NumPy's SVD, from the same dataset.

mod common;

use std::ffi::OsStr;
use std::process::Command;

#[test]
fn numpy_finds_the_same_components() {
    let folder = tempfile::tempdir().unwrap();
    let run = |binary: &str, arguments: &str| {
        let done = Command::new(binary).current_dir(folder.path()).args(arguments.split(' ')).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    run(env!("CARGO_BIN_EXE_s2s-simulate"), "--rows 48 --cols 60 --genes 20 --seed 3 --output section");
    let prep = "--input section --bin-um 30 --scale 2 --mode benchmark --output section.s2s";
    run(env!("CARGO_BIN_EXE_s2s-prep"), prep);
    let dataset = folder.path().join("section.s2s");
    let arguments = [OsStr::new("--dataset"), dataset.as_os_str()];
    let Some(found) = common::python("check_components.py", &["numpy", "pandas", "pyarrow"], &arguments) else {
        return;
    };
    let shares: Vec<[f64; 2]> = serde_json::from_value(found["shares"].clone()).unwrap();
    assert_eq!(shares.len(), 20);
    for (number, [ours, svd]) in shares.iter().enumerate() {
        assert!((ours / svd - 1.0).abs() < 1e-3, "component {}: {ours}, expected {svd}", number + 1);
    }
    // Single components may turn within a plane of nearly equal variance; what the first four span together may not.
    assert!(found["spanned"].as_f64().unwrap() > 0.999, "{found}");
}
