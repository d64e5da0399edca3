//! What `s2s-fit` promises to a cluster: killed or asked to stop at any moment, it goes on as if nothing had been.

#[path = "common/fitting.rs"]
mod fitting;
#[path = "common/section.rs"]
mod section;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use fitting::{TINY, WAVE, command, fit, said, weights};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use s2s::dataset::Mode;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Saves after every step; long enough to be stopped in between.
const SAVED: [&str; 4] = ["--checkpoint-minutes", "0", "--max-steps", "120"];

/// A folder with a dataset and a recipe that holds bins out.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    section::dataset(folder.path(), 48, 40, Mode::Impute);
    let recipe = TINY.replace("average: 0.9", "average: 0.9, holdout: 0.2, evaluate_every: 7, clip: 1");
    std::fs::write(folder.path().join("tiny.yaml"), recipe).unwrap();
    folder
}

/// All columns of the loss curves as bits: NaN equals itself.
fn curves(folder: &Path, name: &str) -> Vec<(String, Vec<u64>)> {
    let file = std::fs::File::open(folder.join(name)).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batch = reader.map(Result::unwrap).next().unwrap();
    let names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    let bits = |name: &String| {
        let column = batch.column_by_name(name)?.as_primitive_opt::<Float64Type>()?;
        Some((name.clone(), column.values().iter().map(|value| value.to_bits()).collect()))
    };
    names.iter().filter_map(bits).collect()
}

#[test]
fn killed_ten_times_at_random_moments_it_ends_where_an_undisturbed_run_ends() {
    let folder = folder();
    let arguments = [&WAVE[..], &SAVED].concat();
    let undisturbed = fit(folder.path(), &[&arguments[..], &["--output", "whole.safetensors"]].concat());
    assert!(undisturbed.status.success(), "{}", said(&undisturbed));
    let arguments = [&arguments[..], &["--output", "killed.safetensors"]].concat();
    let checkpoint = folder.path().join("killed.ckpt");
    let written = || std::fs::metadata(&checkpoint).and_then(|metadata| metadata.modified()).ok();
    for kill in 0..10u64 {
        let before = written();
        let mut running = command(folder.path(), &arguments).stderr(Stdio::null()).spawn().unwrap();
        // Every other time at a moment that knows nothing of the run, otherwise some steps after it went on: that is within
        // a step, or while a checkpoint is written.
        let moment = kill * 7 % 10;
        if kill % 2 == 0 {
            std::thread::sleep(Duration::from_millis(40 * moment));
        } else {
            wait_until(|| written() != before);
            std::thread::sleep(Duration::from_millis(5 * moment));
        }
        running.kill().unwrap();
        running.wait().unwrap();
    }
    let last = fit(folder.path(), &arguments);
    assert!(last.status.success(), "{}", said(&last));
    assert!(said(&last).contains("resumed after step"), "{}", said(&last));
    assert_eq!(weights(folder.path(), "killed.safetensors"), weights(folder.path(), "whole.safetensors"));
    assert_eq!(curves(folder.path(), "killed.fit.parquet"), curves(folder.path(), "whole.fit.parquet"));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 6, "the dataset, the recipe and two pairs of outputs, nothing half-written: {left:?}");
}

#[test]
fn a_signal_saves_and_exits_with_75_and_the_same_command_goes_on() {
    let folder = folder();
    let arguments = [&WAVE[..], &SAVED].concat();
    let whole = fit(folder.path(), &[&arguments[..], &["--output", "whole.safetensors"]].concat());
    assert!(whole.status.success(), "{}", said(&whole));
    for signal in ["TERM", "INT", "USR1"] {
        let output = format!("{signal}.safetensors");
        let arguments = [&arguments[..], &["--output", &output]].concat();
        let running = command(folder.path(), &arguments).stderr(Stdio::piped()).spawn().unwrap();
        wait_until(|| folder.path().join(format!("{signal}.ckpt")).exists());
        let sent = Command::new("kill").args([format!("-{signal}"), running.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let stopped = running.wait_with_output().unwrap();
        assert_eq!(stopped.status.code(), Some(75), "{signal}: {}", said(&stopped));
        assert!(said(&stopped).contains("resume"), "{}", said(&stopped));
        assert!(folder.path().join(format!("{signal}.ckpt")).exists());
        assert!(!folder.path().join(&output).exists());
        let resumed = fit(folder.path(), &arguments);
        assert!(resumed.status.success(), "{}", said(&resumed));
        assert_eq!(weights(folder.path(), &output), weights(folder.path(), "whole.safetensors"), "{signal}");
        assert!(!folder.path().join(format!("{signal}.ckpt")).exists());
    }
}

fn wait_until(happened: impl Fn() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < Duration::from_secs(60), "no checkpoint was written");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Leaves `WAVE.ckpt` of an unfinished run.
fn interrupted(folder: &Path) {
    let arguments = [&WAVE[..], &SAVED].concat();
    let mut running = command(folder, &arguments).stderr(Stdio::null()).spawn().unwrap();
    wait_until(|| folder.join("WAVE.ckpt").exists());
    running.kill().unwrap();
    running.wait().unwrap();
}

#[test]
fn a_checkpoint_of_other_settings_is_refused_with_their_names() {
    let folder = folder();
    interrupted(folder.path());
    let recipe = std::fs::read_to_string(folder.path().join("tiny.yaml")).unwrap();
    std::fs::write(folder.path().join("other.yaml"), recipe.replace("clip: 1", "clip: 2")).unwrap();
    let other = ["--dataset", "sample.s2s", "--gene", "WAVE", "--config", "other.yaml", "--seed", "9"];
    let arguments = [&other[..], &SAVED].concat();
    let refused = fit(folder.path(), &arguments);
    assert_eq!(refused.status.code(), Some(65), "{}", said(&refused));
    for word in ["WAVE.ckpt", "seed was 7, is 9", "fit.clip was 1.0, is 2.0", "--restart"] {
        assert!(said(&refused).contains(word), "{}", said(&refused));
    }
    let restarted = fit(folder.path(), &[&arguments[..], &["--restart"]].concat());
    assert!(restarted.status.success(), "{}", said(&restarted));
}

#[test]
fn a_broken_checkpoint_is_one_clear_error() {
    let folder = folder();
    interrupted(folder.path());
    let path = folder.path().join("WAVE.ckpt");
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 5, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let refused = fit(folder.path(), &[&WAVE[..], &SAVED].concat());
        assert_eq!(refused.status.code(), Some(65), "{length} bytes: {}", said(&refused));
        assert!(said(&refused).contains("WAVE.ckpt"), "{}", said(&refused));
    }
}

#[test]
fn what_is_done_is_skipped_and_what_was_done_otherwise_is_fitted_again_if_it_is_asked_for() {
    let folder = folder();
    let path = folder.path().join("WAVE.safetensors");
    let run = |arguments: &[&str]| {
        let done = fit(folder.path(), &[&WAVE[..], arguments].concat());
        assert!(done.status.success(), "{}", said(&done));
        said(&done)
    };
    run(&[]);
    let first = std::fs::read(&path).unwrap();
    assert!(run(&["--force"]).contains("done already"));
    assert_eq!(std::fs::read(&path).unwrap(), first, "it was left alone");
    let told = fit(folder.path(), &[&WAVE[..], &["--max-steps", "5"]].concat());
    assert!(told.status.code() == Some(2) && said(&told).contains("fit.steps was 4, is 5"), "{}", said(&told));
    assert_eq!(std::fs::read(&path).unwrap(), first, "it was left alone");
    assert!(!run(&["--max-steps", "5", "--force"]).contains("done already"));
    assert_ne!(std::fs::read(&path).unwrap(), first);
}

#[test]
fn a_second_fit_of_one_output_is_told_before_it_begins() {
    let folder = folder();
    let arguments = [&WAVE[..], &SAVED].concat();
    let first = command(folder.path(), &arguments).stderr(Stdio::null()).spawn().unwrap();
    wait_until(|| folder.path().join("WAVE.ckpt").exists());
    // However long the others take to start, it is not done by then.
    let signalled = |signal: &str| {
        Command::new("kill").args([signal, &first.id().to_string()]).status().unwrap();
    };
    signalled("-STOP");
    let list = [&["--dataset", "sample.s2s", "--genes", "STRIPE,WAVE"], &WAVE[4..], &SAVED].concat();
    for arguments in [&arguments, &list] {
        let second = fit(folder.path(), arguments);
        let told = said(&second);
        assert_eq!(second.status.code(), Some(74), "{told}");
        assert!(told.contains("WAVE.safetensors: another process is making it"), "{told}");
    }
    assert!(!folder.path().join("STRIPE.safetensors").exists());
    signalled("-CONT");
    assert!(first.wait_with_output().unwrap().status.success());
    assert!(folder.path().join("WAVE.safetensors").exists());
    let hidden = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(hidden.filter(|name| name.to_string_lossy().starts_with('.')).count(), 0);
}
