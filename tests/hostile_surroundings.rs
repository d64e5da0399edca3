//! What is around a run: logs that cannot be written, little memory, few threads, no network. Nothing of it loses work, and what cannot go on
//! is told as one clear error that is no bug.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

/// Every stage with arguments that are over in a moment, in an order in which each finds what it needs.
const STAGES: [(&str, &str); 5] = [
    (env!("CARGO_BIN_EXE_s2s-simulate"), "--rows 20 --cols 20 --genes 3 --output section"),
    (env!("CARGO_BIN_EXE_s2s-prep"), "section --bin-um 30 --scale 2 --patch 16 --mode benchmark --output d.s2s"),
    (
        env!("CARGO_BIN_EXE_s2s-fit"),
        "d.s2s --gene DUCT1 --set fit.steps=2 --set fit.images=false --output fits/DUCT1.safetensors",
    ),
    (env!("CARGO_BIN_EXE_s2s-predict"), "d.s2s --method blend --output p.zarr"),
    (env!("CARGO_BIN_EXE_s2s-score"), "d.s2s p.zarr --output report"),
];

/// What each stage leaves.
const OUTPUTS: [&str; 5] = [
    "section/transcripts.parquet",
    "d.s2s/manifest.json",
    "fits/DUCT1.safetensors",
    "p.zarr/zarr.json",
    "report/scores.json",
];

/// A stage as `shell` starts it: `exec "$@"` with whatever stands around it.
fn run(folder: &Path, shell: &str, (binary, arguments): (&str, &str)) -> Output {
    Command::new("sh")
        .current_dir(folder)
        .args(["-c", shell, "sh", binary])
        .args(arguments.split(' '))
        .output()
        .unwrap()
}

/// A folder in which all stages have run.
fn complete() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("fits")).unwrap();
    for stage in STAGES {
        let done = run(folder.path(), "exec \"$@\"", stage);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    folder
}

#[test]
fn a_log_that_cannot_be_written_loses_no_work() {
    for shell in [
        "exec \"$@\" 2>/dev/full",
        "exec \"$@\" 2>&-",
        "exec \"$@\" >/dev/full 2>/dev/full",
        "exec \"$@\" >&- 2>&- <&-",
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("fits")).unwrap();
        for (stage, output) in STAGES.into_iter().zip(OUTPUTS) {
            let done = run(folder.path(), shell, stage);
            assert!(
                done.status.success() && folder.path().join(output).exists(),
                "{shell}: {}: {:?}",
                stage.0,
                done.status
            );
        }
    }
}

/// A disk that takes files of so many KiB and no larger ones is full where it matters: of a fit the curves are small, the weights are not.
#[test]
fn a_full_disk_leaves_no_part_of_a_fit() {
    let folder = complete();
    let of_fit = || {
        let files = std::fs::read_dir(folder.path().join("fits")).unwrap();
        files
            .map(|file| (file.as_ref().unwrap().file_name(), std::fs::read(file.unwrap().path()).unwrap()))
            .collect::<BTreeMap<_, _>>()
    };
    let (whole, (binary, arguments)) = (of_fit(), STAGES[2]);
    assert_eq!(whole.len(), 2, "{:?}", whole.keys());
    let blocks = whole.values().map(Vec::len).min().unwrap() / 512 + 8;
    assert!(whole.values().any(|content| content.len() > 512 * blocks));
    let full = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    let fails = |arguments: &str| {
        let done = run(folder.path(), &full, (binary, arguments));
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(74) && said.contains("fits/DUCT1.safetensors: could not write"), "{said}");
    };
    // What stood there is whole, and of one run.
    fails(&format!("{arguments} --seed 3 --force"));
    assert!(of_fit() == whole);
    whole.keys().for_each(|name| std::fs::remove_file(folder.path().join("fits").join(name)).unwrap());
    fails(arguments);
    assert!(of_fit().is_empty(), "{:?}", of_fit().keys());
}

#[test]
fn little_memory_and_threads_that_do_not_start_are_told() {
    let folder = complete();
    let mut told = 0;
    for kib in [40_000, 60_000, 90_000, 130_000, 180_000, 250_000, 400_000] {
        for (binary, arguments) in STAGES {
            // What was done already would not be done again.
            let _ = std::fs::remove_file(folder.path().join("fits/DUCT1.safetensors"));
            let done = run(folder.path(), &format!("ulimit -v {kib}; exec \"$@\""), (binary, arguments));
            let said = String::from_utf8_lossy(&done.stderr);
            match done.status.code() {
                Some(0) => {}
                Some(74) => {
                    assert!(said.contains("memory") && !said.contains("bug"), "{binary} in {kib} KiB: {said}");
                    told += 1;
                }
                // The system's loader found no room for a library, or the C library for what a thread keeps.
                Some(127) => {}
                None if said.contains("Fatal glibc error") && said.contains("out of memory") => {}
                code => panic!("{binary} in {kib} KiB: {code:?}: {said}"),
            }
        }
    }
    assert!(told > 0, "all of these are enough");
}

#[test]
fn no_stage_needs_a_network() {
    let without = "unshare --map-root-user --net -- \"$@\"";
    if !run(Path::new("/"), without, ("true", "true")).status.success() {
        eprintln!("skipped: this system gives nobody a network of his own (unshare --net)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("fits")).unwrap();
    for (stage, output) in STAGES.into_iter().zip(OUTPUTS) {
        let done = run(folder.path(), without, stage);
        assert!(done.status.success(), "{}: {}", stage.0, String::from_utf8_lossy(&done.stderr));
        assert!(folder.path().join(output).exists(), "{output}");
    }
}
