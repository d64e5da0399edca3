//! Damaged matrix files: an error, never a panic, a crash, a hang or unbounded memory.
//!
//! Each test damages genuine files for `S2S_FUZZ_SECONDS` (default 1), from a fixed seed, and runs the real s2s-prep on them.

mod common;

use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Address space of a run: far more than any of these files needs.
const MEMORY_KIB: u64 = 3 << 20;

fn reference(rel: &str) -> Option<PathBuf> {
    common::shared(&format!("data/formats/{rel}"))
}

fn own(rel: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(rel)
}

fn seconds() -> Duration {
    let given = std::env::var("S2S_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(given.unwrap_or(1))
}

/// Flips, overwrites, repeats or cuts off bytes.
fn damage(bytes: &mut Vec<u8>, rng: &mut impl Rng) {
    for _ in 0..rng.random_range(1..12) {
        if bytes.is_empty() {
            return;
        }
        // Headers stand at the beginning of HDF5 files, and most of what can go wrong with them.
        let end = if rng.random_bool(0.5) { bytes.len().min(4096) } else { bytes.len() };
        let at = rng.random_range(0..end);
        match rng.random_range(0..12) {
            0..6 => bytes[at] ^= 1 << rng.random_range(0..8),
            6..8 => bytes[at] = rng.random_range(0..=255),
            8 | 9 => {
                let value = [0x00, 0x7f, 0xff][rng.random_range(0..3)];
                let until = (at + rng.random_range(1..9)).min(bytes.len());
                bytes[at..until].fill(value);
            }
            10 => {
                let piece: Vec<u8> = bytes[at..(at + 64).min(bytes.len())].to_vec();
                let to = rng.random_range(0..bytes.len());
                bytes.splice(to..(to + piece.len()).min(bytes.len()), piece);
            }
            _ => bytes.truncate(at),
        }
    }
}

/// Every file below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    if folder.is_file() {
        return vec![folder.to_owned()];
    }
    let mut all: Vec<PathBuf> = fs::read_dir(folder).unwrap().flat_map(|entry| files(&entry.unwrap().path())).collect();
    all.sort();
    all
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = if from.is_file() { to.to_owned() } else { to.join(file.strip_prefix(from).unwrap()) };
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, fs::read(file).unwrap()).unwrap();
    }
}

/// Exit code and stderr of s2s-prep, which has 20 seconds and [`MEMORY_KIB`].
fn run(input: &Path, flags: &str, folder: &Path) -> (Option<i32>, String) {
    let (said, output) = (folder.join("said"), folder.join("out.s2s"));
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(format!("ulimit -v {MEMORY_KIB}; exec \"$@\""))
        .args([
            "sh",
            env!("CARGO_BIN_EXE_s2s-prep"),
            "--mode",
            "benchmark",
            "--patch",
            "4",
            "--threads",
            "1",
            "--input",
        ])
        .arg(input)
        .arg("--output")
        .arg(&output)
        .args(flags.split_whitespace())
        .stderr(fs::File::create(&said).unwrap())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status.code(),
            None if start.elapsed() > Duration::from_secs(20) => {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let _ = fs::remove_dir_all(output);
    (status, fs::read_to_string(said).unwrap())
}

/// Damages one file of `genuine` at a time.
fn fuzz(seed: u64, genuine: &Path, flags: &str) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join(genuine.file_name().unwrap());
    copy(genuine, &input);
    let (code, said) = run(&input, flags, folder.path());
    assert_eq!(code, Some(0), "undamaged: {said}");
    let parts = files(&input);
    let start = Instant::now();
    let mut failed = 0;
    // Some damage is to files that are not read: go on until some was noticed.
    while start.elapsed() < seconds() || (failed == 0 && start.elapsed() < 20 * seconds()) {
        let file = &parts[rng.random_range(0..parts.len())];
        let whole = fs::read(file).unwrap();
        let mut damaged = whole.clone();
        damage(&mut damaged, &mut rng);
        fs::write(file, &damaged).unwrap();
        let (code, said) = run(&input, flags, folder.path());
        let good = matches!(code, Some(0 | 2 | 65 | 66 | 74)) && !said.contains("panicked");
        if !good {
            let kept = std::env::temp_dir().join(format!("s2s-fuzz-{seed}"));
            fs::write(&kept, &damaged).unwrap();
            panic!("{} (kept as {}): exit {code:?}: {said}", file.display(), kept.display());
        }
        failed += usize::from(code != Some(0));
        fs::write(file, whole).unwrap();
    }
    assert!(failed > 0, "no damage was noticed");
}

#[test]
fn damaged_h5ad_files_are_errors() {
    fuzz(1, &own("hexagonal_lzf.h5ad"), "");
    fuzz(2, &own("cells.h5ad"), "--bin-um 30 --um-per-unit 0.5");
    if let Some(input) = reference("anndata/hest_like_csr_gzip.h5ad") {
        fuzz(3, &input, "");
    }
}

#[test]
fn damaged_zarr_stores_are_errors() {
    fuzz(4, &own("sharded_v3.zarr"), "--bin-um 10 --layer counts");
    fuzz(5, &own("spatialdata.zarr"), "--bin-um 20");
    fuzz(6, &own("spatialdata.zarr"), "--bin-um 10 --element bins");
    if let Some(input) = reference("anndata/hest_like.zarr") {
        fuzz(7, &input, "");
    }
}

#[test]
fn damaged_matrices_of_10x_are_errors() {
    let (Some(visium), Some(mini)) = (reference("visium"), reference("xenium_mini")) else { return };
    fuzz(8, &visium, "--min-counts 1");
    fuzz(9, &mini, "--bin-um 50 --xenium-cells");
    if let Some(squares) = reference("visium_hd_layout/binned_outputs/square_008um") {
        fuzz(10, &squares, "--bin-um 40 --min-counts 1");
    }
}

/// Metadata that claims 10¹² rows, or a chunk of them, is refused before anything is allocated for it.
#[test]
fn claims_of_a_million_million_rows_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (array, claim) in [
        ("X/data", "\"shape\":[1000000000000]"),
        ("X/indptr", "\"shape\":[1000000000000]"),
        ("obs/array_row", "\"shape\":[1000000000000]"),
        ("X/data", "\"chunk_shape\":[1000000000000]"),
    ] {
        let input = folder.path().join("store.zarr");
        let _ = fs::remove_dir_all(&input);
        copy(&own("spatialdata.zarr/tables/bins"), &input);
        let metadata = input.join(array).join("zarr.json");
        let (key, value) = claim.split_once(':').unwrap();
        let mut text: serde_json::Value = serde_json::from_str(&fs::read_to_string(&metadata).unwrap()).unwrap();
        let value: serde_json::Value = serde_json::from_str(value).unwrap();
        match key.trim_matches('"') {
            "shape" => text["shape"] = value,
            _ => text["chunk_grid"]["configuration"]["chunk_shape"] = value,
        }
        fs::write(&metadata, text.to_string()).unwrap();
        let (code, said) = run(&input, "--bin-um 10", folder.path());
        assert_eq!(code, Some(65), "{array} {claim}: {said}");
    }
}
