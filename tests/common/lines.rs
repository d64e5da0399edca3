//! Runs stages by their command lines, and compares what they leave.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The stage of a command line, its arguments parted at spaces, in `folder`.
pub fn command(folder: &Path, line: &str) -> Command {
    let (stage, arguments) = line.split_once(' ').unwrap();
    let mut command = Command::new(match stage {
        "s2s-simulate" => env!("CARGO_BIN_EXE_s2s-simulate"),
        "s2s-prep" => env!("CARGO_BIN_EXE_s2s-prep"),
        "s2s-fit" => env!("CARGO_BIN_EXE_s2s-fit"),
        "s2s-predict" => env!("CARGO_BIN_EXE_s2s-predict"),
        _ => env!("CARGO_BIN_EXE_s2s-score"),
    });
    command.current_dir(folder).args(arguments.split(' '));
    command
}

/// Exit code and stderr of a run.
#[allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]
pub fn run(folder: &Path, line: &str) -> (Option<i32>, String) {
    let done = command(folder, line).output().unwrap();
    (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
}

/// Stderr of a run that succeeds.
#[allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]
pub fn succeed(folder: &Path, line: &str) -> String {
    let (code, said) = run(folder, line);
    assert_eq!(code, Some(0), "{line}: {said}");
    said
}

/// Every file of a folder by its name, with its content.
pub fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in std::fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                all.insert(path.strip_prefix(folder).unwrap().display().to_string(), std::fs::read(path).unwrap());
            }
        }
    }
    all
}
