//! Inputs as people have them, written by Python: each gives its counts and the note that is due, or is told.

mod common;
#[path = "common/transcripts.rs"]
mod transcripts;

use serde::Deserialize;
use std::ffi::OsString;
use std::path::Path;
use transcripts::{Counts, prep, read_counts};

/// An input of a script, and what is to come of it.
#[derive(Deserialize)]
struct Case {
    /// The input, in the folder of the script.
    file: String,
    flags: String,
    /// Gene, row, column and count of every entry.
    counts: Option<Vec<(String, u32, u32, u32)>>,
    /// Words of the error.
    told: Option<Vec<String>>,
    /// Words of a note.
    note: Option<String>,
    /// Words that are not to be said.
    #[serde(default)]
    silent: Vec<String>,
}

impl Case {
    /// What came instead of what is to come.
    fn wrong(&self, folder: &Path, output: &Path) -> Option<String> {
        let paths = ["--input".into(), folder.join(&self.file).into(), "--output".into(), output.into()];
        let unless =
            |others: &[&str], flag| if others.iter().any(|other| self.flags.contains(other)) { "" } else { flag };
        let size = unless(&["--bin-um", "--preset"], "--bin-um 20");
        let (mode, patch) = (unless(&["--mode"], "--mode benchmark"), unless(&["--patch"], "--patch 4"));
        let flags = format!("{mode} --min-counts 1 {patch} {size} {}", self.flags);
        let done = prep(paths.into_iter().chain(flags.split_whitespace().map(OsString::from)));
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        let tell = |what: String| Some(format!("{} {}: {what}\n{said}", self.file, self.flags));
        if let Some(word) = self.silent.iter().find(|word| said.contains(*word)) {
            return tell(format!("says {word}"));
        }
        if let Some(words) = &self.told {
            let absent = words.iter().find(|word| !said.contains(*word));
            let well = !done.status.success() && !output.exists();
            return if well { tell(format!("does not say {}", absent?)) } else { tell("not refused".to_owned()) };
        }
        if !done.status.success() {
            return tell(done.status.to_string());
        }
        if let Some(note) = self.note.iter().find(|note| !said.contains(*note)) {
            return tell(format!("does not note {note}"));
        }
        let expected: Counts =
            self.counts.iter().flatten().map(|(gene, row, col, count)| ((gene.clone(), *row, *col), *count)).collect();
        let found = read_counts(output);
        let wrong = self.counts.is_some() && found != expected;
        if wrong { tell(format!("{} entries, {} expected, or others", found.len(), expected.len())) } else { None }
    }
}

/// Runs the `script`, and s2s-prep on everything that it wrote.
fn every_case_is_right_or_told(script: &str, modules: &[&str], fewest: usize) {
    let folder = tempfile::tempdir().unwrap();
    let Some(cases) = common::python(script, modules, &[folder.path().as_os_str()]) else { return };
    let cases: Vec<Case> = serde_json::from_value(cases).unwrap();
    assert!(cases.len() >= fewest);
    let output = |i: usize| folder.path().join(format!("{i}.s2s"));
    let wrong = cases.iter().enumerate().filter_map(|(i, case)| case.wrong(folder.path(), &output(i)));
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn anndata_as_people_make_it() {
    every_case_is_right_or_told("make_anndata.py", &["anndata", "h5py", "zarr", "scipy"], 200);
}

#[test]
fn folders_as_instruments_and_downloads_leave_them() {
    every_case_is_right_or_told("make_folders.py", &["h5py", "pandas", "pyarrow", "scipy"], 60);
}

#[test]
fn gef_as_stereo_seq_writes_it() {
    every_case_is_right_or_told("make_gef.py", &["h5py", "pandas"], 19);
}

#[test]
fn zipped_zarr_of_anndata_spatialdata_and_xenium() {
    every_case_is_right_or_told("make_zips.py", &["anndata", "pandas", "scipy", "zarr"], 15);
}

#[test]
fn beads_of_slide_seq_and_curio_and_molecules_of_proseg() {
    every_case_is_right_or_told("make_beads.py", &["anndata", "pandas", "pyarrow", "scipy"], 18);
}

#[test]
fn channels_of_dbit_seq_and_the_gaps_between_them() {
    every_case_is_right_or_told("make_dbit.py", &["anndata", "pandas", "scipy"], 20);
}
