//! A stray position makes a grid many times as large as the section: where it is, is told.

#[path = "common/transcripts.rs"]
mod transcripts;

use std::fmt::Write;
use std::fs;
use std::path::Path;
use transcripts::{prep, read_manifest};

/// 4,000 molecules within 200 µm, and one at each of `strays`.
fn table(strays: &[[f64; 2]]) -> String {
    let mut text = "gene,x,y\n".to_owned();
    for i in 0..4000_u32 {
        writeln!(text, "G{},{},{}", i % 5, f64::from(i * 7919 % 2000) / 10.0, f64::from(i * 104_729 % 1999) / 10.0)
            .unwrap();
    }
    strays.iter().for_each(|[x, y]| writeln!(text, "G0,{x},{y}").unwrap());
    text
}

fn run(folder: &Path, text: &str, flags: &str) -> (Option<i32>, String) {
    let (input, output) = (folder.join("a.csv"), folder.join("a.s2s"));
    fs::write(&input, text).unwrap();
    let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap(), "--min-counts", "1"];
    let done = prep(paths.into_iter().chain(flags.split_whitespace()));
    (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
}

#[test]
fn a_molecule_far_away_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let rows = || read_manifest(&folder.path().join("a.s2s"))["grid"]["rows"].clone();
    for mode in ["benchmark", "impute"] {
        let flags = format!("--bin-um 5 --mode {mode}");
        let (code, said) = run(folder.path(), &table(&[[4001.0, 4001.0]]), &flags);
        assert_eq!(code, Some(0), "{said}");
        let words = ["802 × 802", "one bin far from all others, at (4002, 4002) µm", "it is 39 × 39", "--region"];
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
        assert_eq!(rows(), 802);
    }
    // On one side, on either, along one axis alone.
    let (_, said) = run(folder.path(), &table(&[[-2000.0, 0.0], [50.0, 1000.0]]), "--bin-um 5 --mode benchmark");
    assert!(said.contains("a few bins far from all others, at (-1998, 2), (52, 1002) µm"), "{said}");
    let (code, said) = run(folder.path(), &table(&[[100_001.0, 100_001.0]]), "--bin-um 5 --mode benchmark");
    assert_eq!(code, Some(65), "{said}");
    assert!(said.contains("a grid of 20002 × 20002") && said.contains("(100002, 100002) µm"), "{said}");
}

#[test]
fn sections_without_strays_are_not_told_of_any() {
    let folder = tempfile::tempdir().unwrap();
    // Two pieces far from each other are two pieces.
    let far: Vec<[f64; 2]> = (0..300).map(|i| [2000.0 + f64::from(i % 20) * 5.0, f64::from(i / 20) * 5.0]).collect();
    // A stray that costs little is nobody's concern.
    for strays in [Vec::new(), far, vec![[260.0, 100.0]]] {
        let (code, said) = run(folder.path(), &table(&strays), "--bin-um 5 --mode benchmark");
        assert_eq!(code, Some(0), "{said}");
        assert!(!said.contains("far from all others"), "{said}");
    }
}

#[test]
fn a_line_far_away_in_the_list_of_measured_bins_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("measured.csv");
    let listed: String = (0..400).map(|i| format!("{},{}\n", 2 * (i / 20), 2 * (i % 20))).collect();
    fs::write(&list, format!("row,col\n{listed}600,600\n")).unwrap();
    let flags = format!("--bin-um 5 --mode impute --measured {}", list.display());
    let (code, said) = run(folder.path(), &table(&[]), &flags);
    assert_eq!(code, Some(0), "{said}");
    assert!(["(3002, 3002) µm", "39 × 39", "--measured"].iter().all(|word| said.contains(word)), "{said}");
}
