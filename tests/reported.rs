//! Inputs of kinds that people reported, made anew (`../shared/data/reported`): each gives the counts of its expected.csv, or is told.
//!
//! A case is one line of [`CASES`]: its folder, whose README.md has the command, flags to add to it, and what is to come of it.

mod common;
#[path = "common/transcripts.rs"]
mod transcripts;

use std::path::Path;
use std::process::{Command, Output};
use transcripts::{Counts, read_counts};

/// What comes of a command.
enum Comes {
    /// The counts of expected.csv, in every bin.
    Right,
    /// An error that holds all of these words, and nothing is written.
    Told(&'static [&'static str]),
}
use Comes::{Right, Told};

const CASES: &[(&str, &str, Comes)] = &[
    ("01-two-sections-summed", "", Told(&["taken twice", "b0-S1", "b0-S2", "--where library_id=S1"])),
    ("01-two-sections-summed", "--where library_id=S1", Right),
    ("01-two-sections-summed", "--where library_id=S3", Told(&["no observation has S3; found S1, S2"])),
    ("02-in-tissue-true-false-text", "", Right),
    ("03-nullable-integer-missing-at-0-0", "", Right),
    ("04-one-nan-position-loses-the-lattice", "", Right),
    ("05-gem-umicounts", "", Right),
    ("06-csv-count-column-not-known", "", Right),
    ("07-xenium-bytes-as-text", "", Right),
    ("08-is-gene-ignored-in-plain-csv", "", Right),
    ("09-visium-hd-table-relabelled", "", Right),
    ("13-parquet-integer-positions", "", Right),
    ("14-transcripts-parquet-is-a-folder", "", Right),
    ("15-merscope-parquet", "", Right),
    ("16-feature-name-null", "", Right),
    ("17-squidpy-first-spot-nan", "", Right),
    ("18-bin2cell-cells", "", Right),
    ("19-obsm-spatial-data-frame", "", Right),
    ("20-feature-types-of-other-words", "", Right),
    ("21-visium-positions-gz", "", Right),
    ("22-visium-in-tissue-true-false", "", Right),
    ("23-csv-count-1.0", "", Right),
    ("24-r-write-table", "", Right),
    ("25-header-behind-a-hash", "", Right),
    ("26-error-of-a-whole-file", "", Right),
    ("27-appledouble-files", "", Right),
    ("27-appledouble-files", "--gene-column gene", Told(&["--gene-column", "is read as merscope"])),
];

#[test]
fn every_reported_input_is_right_or_told() {
    if common::shared("data/reported").is_none() {
        return;
    }
    let wrong: Vec<String> =
        CASES.iter().filter_map(|(name, flags, comes)| outcome(name, flags, comes).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs the command of the case `name` in its folder; the error says what came instead.
fn outcome(name: &str, flags: &str, comes: &Comes) -> Result<(), String> {
    let Some(folder) = common::shared(&format!("data/reported/{name}")) else {
        return Err(format!("{name}: no such case"));
    };
    let place = tempfile::tempdir().unwrap();
    let output = place.path().join("out.s2s");
    let done = run(&folder, flags, &output);
    let said = String::from_utf8_lossy(&done.stderr);
    match comes {
        Right if done.status.success() => {
            let (found, expected) = (read_counts(&output), expected(&folder));
            let different = found.iter().filter(|entry| expected.get(entry.0) != Some(entry.1)).count();
            let same = found == expected;
            let sizes = (found.len(), expected.len());
            let what =
                || format!("{name} {flags}: {different} of {} entries are others, {} expected", sizes.0, sizes.1);
            same.then_some(()).ok_or_else(what)
        }
        Told(words) if !done.status.success() && !output.exists() => {
            let absent: Vec<&&str> = words.iter().filter(|word| !said.contains(**word)).collect();
            absent.is_empty().then_some(()).ok_or_else(|| format!("{name} {flags}: without {absent:?}: {said}"))
        }
        _ => Err(format!("{name} {flags}: {}, {said}", done.status)),
    }
}

/// The first command of the README, with other output and more flags.
fn run(folder: &Path, flags: &str, output: &Path) -> Output {
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let command = readme.split("**Command**").nth(1).and_then(|rest| rest.split('`').nth(1)).unwrap();
    let arguments = command.strip_prefix("s2s-prep ").unwrap().split_whitespace();
    let arguments = arguments.map(|word| if word == "out.s2s" { output.as_os_str() } else { word.as_ref() });
    let added = flags.split_whitespace().map(AsRef::as_ref);
    Command::new(env!("CARGO_BIN_EXE_s2s-prep")).current_dir(folder).args(arguments.chain(added)).output().unwrap()
}

fn expected(folder: &Path) -> Counts {
    let text = std::fs::read_to_string(folder.join("expected.csv")).unwrap();
    let entry = |line: &str| {
        // Names may hold commas: the numbers are the last three fields.
        let mut fields = line.rsplitn(4, ',');
        let count = fields.next()?.parse::<f64>().ok()? as u32;
        let (col, row) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(((fields.next()?.trim_matches('"').to_owned(), row, col), count))
    };
    text.lines().skip(1).map(|line| entry(line).unwrap_or_else(|| panic!("{}: {line}", folder.display()))).collect()
}
