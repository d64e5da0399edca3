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
    let stores = ["nearest", "bilinear", "bicubic"].map(|method| {
        let output = format!("{method}.zarr");
        let predict = format!("--dataset section.s2s --method {method} --output {output}");
        run(at, env!("CARGO_BIN_EXE_s2s-predict"), &predict);
        output
    });
    let score = format!("--dataset section.s2s --prediction {} --reference nearest --output scores", stores.join(" "));
    run(at, env!("CARGO_BIN_EXE_s2s-score"), &score);

    let path = |name: &str| at.join(name).into_os_string();
    let mut arguments = vec!["--dataset".into(), path("section.s2s"), "--scores".into(), path("scores")];
    arguments.extend(["--reference".into(), "nearest".into(), "--prediction".into()]);
    arguments.extend(stores.iter().map(|name| path(name)));
    let arguments: Vec<&OsStr> = arguments.iter().map(|argument| argument.as_os_str()).collect();
    let modules = ["numpy", "pandas", "pyarrow", "scipy", "skimage", "zarr"];
    let Some(found) = common::python("check_scores.py", &modules, &arguments) else { return };
    // 12 genes × 3 methods × (8 figures over unmeasured bins and 13 over the tissue), 3 gains for the 2 methods compared, and
    // the ceiling of each gene.
    assert_eq!(found["compared"], 12 * (3 * (8 + 13) + 2 * 3 + 1), "{found}");
    assert_eq!(found["panel"], 3 * 5, "{found}");
    assert!(found["profiles"].as_u64().unwrap() >= 3 * 4 * 8, "{found}");
    assert!(found["reliability_difference"].as_f64().unwrap() < 0.05, "{found}");
}
