//! What the integration tests share.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The reference file `rel` of the shared folder: `$S2S_SHARED`, or `../shared` beside the crate.
///
/// `None`, with a line that says so, where it is not present: such tests pass without having run.
#[allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]
pub fn shared(rel: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let path = std::env::var_os("S2S_SHARED").map_or_else(beside, PathBuf::from).join(rel);
    if path.exists() {
        return Some(path);
    }
    say(&format!("skipped: ../shared/{rel} not present"));
    None
}

/// The first Vulkan adapter, which may be software; `None`, with the reason, where there is none.
#[cfg(feature = "vulkan")]
#[allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]
pub fn adapter() -> Option<burn::tensor::Device> {
    let adapter = s2s::compute::DeviceChoice::Vulkan(0).open();
    adapter.map_err(|error| say(&format!("skipped: {error}"))).ok()
}

/// The Python that `S2S_PYTHON` names, else that of `.venv` beside Cargo.toml; `None`, with a line that says so, where it or one of
/// the `modules` is not present.
#[allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]
pub fn python_with(modules: &[&str]) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    let python = std::env::var_os("S2S_PYTHON").map_or_else(beside, PathBuf::from);
    let imports = modules.iter().map(|module| format!("import {module}\n")).collect::<String>();
    let present = std::process::Command::new(&python).args(["-c", &imports]).output();
    if present.is_ok_and(|done| done.status.success()) {
        return Some(python);
    }
    say(&format!("skipped: no Python with {}; `make venv` makes one", modules.join(", ")));
    None
}

/// What the script `tests/python/NAME` prints, as JSON; `None` where [`python_with`] finds no Python.
#[allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]
pub fn python(name: &str, modules: &[&str], arguments: &[&std::ffi::OsStr]) -> Option<serde_json::Value> {
    let python = python_with(modules)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(name);
    let done = std::process::Command::new(python).arg(script).args(arguments).output().unwrap();
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    Some(serde_json::from_slice(&done.stdout).unwrap())
}

/// Copies a folder and all in it.
#[allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let target = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            copy(&entry, &target);
        } else {
            std::fs::copy(&entry, &target).unwrap();
        }
    }
}

/// Written past the test harness, which hides what passing tests print.
#[allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
