//! What a stage says: as much as was asked for, as text or as JSON, and nothing that is said can stop it.

#[path = "common/fitting.rs"]
mod fitting;
#[path = "common/section.rs"]
mod section;

use fitting::{WAVE, command, fit, said};
use s2s::dataset::Mode;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    section::dataset(folder.path(), 48, 40, Mode::Impute);
    folder
}

fn of(folder: &Path, more: &[&str]) -> std::process::Output {
    fit(folder, &[&WAVE[..], &["--restart"], more].concat())
}

#[test]
fn quiet_leaves_errors_alone_and_verbose_adds_to_what_is_said() {
    let folder = folder();
    assert_eq!(said(&of(folder.path(), &["--quiet"])), "");
    let usual = said(&of(folder.path(), &[]));
    assert!(usual.lines().last().unwrap().starts_with("fit WAVE: 4 steps in "), "{usual}");
    let verbose = said(&of(folder.path(), &["-v"]));
    assert!(verbose.lines().count() > usual.lines().count() && verbose.contains("fit WAVE: 4 steps in "), "{verbose}");
    let done = of(folder.path(), &["--quiet", "--set", "fit.lerning_rate=1"]);
    assert!(said(&done).starts_with("error: --set fit.lerning_rate=1: unknown key"), "{}", said(&done));
    assert_eq!(done.status.code(), Some(2));
}

#[test]
fn as_json_every_line_is_an_object() {
    let folder = folder();
    let done = of(folder.path(), &["--log-format", "json"]);
    let lines = said(&done);
    let objects: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = objects.last().unwrap();
    assert!(last["message"].as_str().unwrap().starts_with("fit WAVE: 4 steps in "), "{lines}");
    assert!(last["level"] == "info" && last["time"].as_f64().unwrap() > 1e9, "{lines}");
    let done = of(folder.path(), &["--log-format", "json", "--set", "fit.betas=1"]);
    let error: serde_json::Value = serde_json::from_str(said(&done).trim()).unwrap();
    assert!(error["level"] == "error" && error["exit_code"] == 2, "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn messages_that_nobody_hears_cost_no_work() {
    let folder = folder();
    let full = || File::options().write(true).open("/dev/full").unwrap();
    for (name, stderr) in [("full", Stdio::from(full())), ("closed", closed())] {
        let output = format!("{name}.safetensors");
        let arguments = [&WAVE[..], &["--restart", "-v", "--output", &output]].concat();
        let status = command(folder.path(), &arguments).stderr(stderr).status().unwrap();
        assert!(status.success(), "{name}: {status}");
        assert!(folder.path().join(output).is_file());
    }
}

/// A pipe that nobody reads.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    Stdio::from(writer)
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_of_results_may_go_away_but_a_full_disk_is_an_error() {
    let folder = folder();
    let arguments = [&WAVE[..], &["--dry-run", "--json"]].concat();
    let to = |stdout: Stdio| {
        let mut child = command(folder.path(), &arguments).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let mut told = String::new();
        child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        (child.wait().unwrap().code(), told)
    };
    let (code, told) = to(closed());
    assert!(code == Some(0) && !told.contains("error"), "{code:?}: {told}");
    let (code, told) = to(Stdio::from(File::options().write(true).open("/dev/full").unwrap()));
    assert!(code == Some(74) && told.contains("standard output: could not write"), "{code:?}: {told}");
}
