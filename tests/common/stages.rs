//! Runs the stages by their binaries.

use std::path::Path;
use std::process::Command;

/// Runs a stage in `folder` that succeeds and writes nothing to stdout; what it says on stderr.
pub fn run(folder: &Path, stage: &str, arguments: &str) -> String {
    let binary = match stage {
        "s2s-simulate" => env!("CARGO_BIN_EXE_s2s-simulate"),
        "s2s-prep" => env!("CARGO_BIN_EXE_s2s-prep"),
        "s2s-fit" => env!("CARGO_BIN_EXE_s2s-fit"),
        "s2s-predict" => env!("CARGO_BIN_EXE_s2s-predict"),
        _ => env!("CARGO_BIN_EXE_s2s-score"),
    };
    let done = Command::new(binary).current_dir(folder).args(arguments.split(' ')).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{stage}: {said}");
    assert!(done.stdout.is_empty(), "{stage} writes files and stderr, nothing else");
    said
}
