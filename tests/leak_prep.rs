//! Nothing of the withheld bins is in anything that s2s-prep writes but truth.parquet (method §8).

#[path = "common/transcripts.rs"]
mod transcripts;

use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use transcripts::{Transcript, prep_well, read_manifest, write_parquet};

const BIN_UM: f64 = 10.0;
const SCALE: i64 = 2;

fn measured(t: &Transcript) -> bool {
    let on_lattice = |position: f64| ((position / BIN_UM).floor() as i64).rem_euclid(SCALE) == 0;
    on_lattice(t.x) && on_lattice(t.y)
}

/// A disc of tissue whose grid reaches into negative coordinates, 5 genes and a control.
fn section(rng: &mut impl Rng) -> Vec<Transcript> {
    let mut transcript = || {
        let (x, y) = random_position(rng, -115.0..245.0);
        let inside = (x - 60.0).hypot(y - 70.0) < 150.0;
        let gene = ["ERBB2", "CD8A", "INS", "KRT7", "VWF", "NegControlProbe_00042"][rng.random_range(0..6)];
        inside.then(|| Transcript { qv: rng.random_range(5.0..40.0), ..Transcript::new(gene, x, y) })
    };
    (0..30_000).filter_map(|_| transcript()).collect()
}

fn random_position(rng: &mut impl Rng, range: std::ops::Range<f64>) -> (f64, f64) {
    (rng.random_range(range.clone()), rng.random_range(range))
}

/// Writes the transcripts and prepares them; `command` is what differs between the datasets of a comparison.
fn prepare(folder: &Path, name: &str, transcripts: &[Transcript], group: usize, more: &[&str]) -> std::path::PathBuf {
    let input = folder.join(format!("{name}.parquet"));
    write_parquet(&input, transcripts, group);
    // The sample's name is in the manifest: every dataset has the same name in a folder of its own.
    let parent = folder.join(name);
    fs::create_dir(&parent).unwrap();
    let output = parent.join("sample.s2s");
    let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()];
    prep_well(paths.iter().chain(&["--bin-um", "10", "--scale", "2", "--patch", "16"]).chain(more));
    output
}

/// Everything that a fit can see: the hash of every file but the truth, and the manifest.
fn visible(dataset: &Path) -> (BTreeMap<String, String>, serde_json::Value) {
    let files = fs::read_dir(dataset).unwrap().map(|entry| entry.unwrap());
    let name = |entry: &fs::DirEntry| entry.file_name().into_string().unwrap();
    let seen = files.filter(|entry| !["truth.parquet", "manifest.json"].contains(&name(entry).as_str()));
    let mut manifest = read_manifest(dataset);
    manifest["fingerprints"].as_object_mut().unwrap().remove("truth.parquet");
    manifest["provenance"].as_object_mut().unwrap().remove("command");
    (seen.map(|entry| (name(&entry), s2s::files::fingerprint(&entry.path()).unwrap())).collect(), manifest)
}

/// Inputs that differ from `section` in withheld bins alone, or in the order of the rows.
fn disguises(section: &[Transcript], rng: &mut impl Rng) -> Vec<(&'static str, Vec<Transcript>)> {
    let kept: Vec<Transcript> = section.iter().filter(|t| measured(t)).cloned().collect();
    let withheld = || section.iter().filter(|t| !measured(t)).cloned();
    let with = |others: Vec<Transcript>| kept.iter().cloned().chain(others).collect::<Vec<_>>();

    let relabelled = withheld().enumerate().map(|(i, t)| {
        let gene = ["INS", "INS", "AAA_WITHHELD_ONLY", "antisense_X"][i % 4].to_owned();
        Transcript { gene, qv: 40.0 - t.qv, ..t }
    });
    let multiplied = withheld().flat_map(|t| vec![t; 3]);
    let outside = (0..2000).map(|_| {
        let (x, y) = random_position(rng, -5000.0..5000.0);
        Transcript::new("ZZZ_FAR", x, y)
    });
    let outside: Vec<Transcript> =
        withheld().chain(outside.filter(|t| !measured(t) && t.x.abs().max(t.y.abs()) > 300.0)).collect();
    let mut reversed = section.to_vec();
    reversed.reverse();
    vec![
        ("relabelled", with(relabelled.collect())),
        ("multiplied", with(multiplied.collect())),
        ("removed", kept.clone()),
        ("outside", with(outside)),
        ("reversed", reversed),
    ]
}

#[test]
fn withheld_bins_change_nothing_but_the_truth() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let section = section(&mut rng);
    let disguises = disguises(&section, &mut rng);
    for genes in [vec![], vec!["--genes", "INS,ERBB2"]] {
        let folder = tempfile::tempdir().unwrap();
        let flags: Vec<&str> = ["--mode", "benchmark"].into_iter().chain(genes).collect();
        let original = prepare(folder.path(), "original", &section, usize::MAX, &flags);
        for (name, transcripts) in &disguises {
            let other = prepare(folder.path(), name, transcripts, 1000, &flags);
            assert_eq!(visible(&other), visible(&original), "{name}");
            let truth = |dataset: &Path| transcripts::read_values(&dataset.join("truth.parquet"));
            // Far transcripts are outside the frame and the order of rows means nothing: the truth stays as it was.
            let same_truth = ["outside", "reversed"].contains(name);
            assert_eq!(truth(&other) == truth(&original), same_truth, "{name}");
        }
    }
}

#[test]
fn a_section_to_be_imputed_is_treated_as_the_benchmark_of_it() {
    let section = section(&mut Xoshiro256PlusPlus::seed_from_u64(8));
    let folder = tempfile::tempdir().unwrap();
    let benchmark = prepare(folder.path(), "benchmark", &section, 1000, &["--mode", "benchmark"]);
    let imputed = prepare(folder.path(), "impute", &section, 1000, &["--mode", "impute"]);
    assert!(!imputed.join("truth.parquet").exists());
    let ((files, manifest), (expected, expected_manifest)) = (visible(&imputed), visible(&benchmark));
    assert_eq!(files, expected);
    for key in ["target", "genes", "grid", "fingerprints", "sample"] {
        assert_eq!(manifest[key], expected_manifest[key], "{key}");
    }
}

#[test]
fn a_measured_bin_does_change_what_a_fit_sees() {
    let section = section(&mut Xoshiro256PlusPlus::seed_from_u64(9));
    let folder = tempfile::tempdir().unwrap();
    let mut changed = section.clone();
    let one = changed.iter_mut().find(|t| measured(t) && t.gene == "CD8A" && t.qv >= 20.0).unwrap();
    one.gene = "INS".to_owned();
    let before = prepare(folder.path(), "before", &section, 1000, &["--mode", "benchmark"]);
    let after = prepare(folder.path(), "after", &changed, 1000, &["--mode", "benchmark"]);
    assert_ne!(visible(&before).0, visible(&after).0);
}
