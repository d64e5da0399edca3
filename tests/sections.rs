//! Serial sections as guides: what is measured there is laid where SciPy lays it; nothing withheld has a part in it; a section that lies
//! wrongly, has other genes or is this one is told; and a dense neighbour helps.

mod common;
#[path = "common/stages.rs"]
mod stages;
#[path = "common/transcripts.rs"]
mod transcripts;

use common::python;
use s2s::dataset::Dataset;
use s2s::section::pearson;
use serde_json::Value;
use stages::run;
use std::ffi::OsStr;
use std::path::Path;
use transcripts::{Transcript, prep, read_manifest, write_parquet};

/// Bins of `side` µm over 500 × 360 µm, each with molecules of `genes`: as many as `count` says, spread over the bin.
fn spots(path: &Path, side: f64, genes: [&str; 2], count: impl Fn(usize, usize) -> usize) {
    let (rows, cols) = ((360.0 / side) as usize, (500.0 / side) as usize);
    let bins = (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col)));
    let molecules = bins.flat_map(|(row, col)| {
        let at = move |bin: usize, i: usize| side * (bin as f64 + 0.05 + 0.9 * (i * 7 % 18) as f64 / 18.0);
        let gene = move |i: usize| genes[usize::from((i + row).is_multiple_of(3))];
        (0..count(row, col)).map(move |i| Transcript::new(gene(i), at(col, i), at(row, i + 3)))
    });
    write_parquet(path, &molecules.collect::<Vec<_>>(), 5000);
}

fn prepared(at: &Path, input: &str, output: &str, more: &str) -> std::process::Output {
    let path = |name: &str| at.join(name).display().to_string();
    let more = more.replace("AT/", &format!("{}/", at.display()));
    let fixed = ["--input", &path(input), "--output", &path(output), "--min-counts", "5"];
    prep(fixed.iter().copied().chain(more.split(' ')))
}

fn well(at: &Path, input: &str, output: &str, more: &str) -> String {
    let done = prepared(at, input, output, more);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    said
}

const DENSE: &str = "--bin-um 15 --pattern all --mode impute";
const SPARSE: &str = "--bin-um 20 --mode benchmark";

#[test]
fn another_section_is_laid_where_scipy_lays_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    // A hole without tissue in it, and nothing on the right: no value is made up there.
    let hole = |row: usize, col: usize| (8..13).contains(&row) && (9..15).contains(&col) || col > 27;
    spots(&at.join("other.parquet"), 15.0, ["A", "B"], |r, c| if hole(r, c) { 0 } else { 9 + (r * c) % 23 + c });
    spots(&at.join("own.parquet"), 20.0, ["A", "C"], |r, c| 20 + r * c);
    well(at, "other.parquet", "other.s2s", DENSE);
    std::fs::write(at.join("shift.csv"), "1,0,4\n0,1,-7.5\n").unwrap();
    for (transform, dx, dy) in [("", "0", "0"), (" --section-transform AT/shift.csv", "4", "-7.5")] {
        let said = well(at, "own.parquet", "own.s2s", &format!("{SPARSE} --section AT/other.s2s{transform}"));
        assert!(said.contains("1 of 2 genes in it") && !said.contains("only 1 of 2 genes"), "{said}");
        let (own, other) = (at.join("own.s2s"), at.join("other.s2s"));
        let arguments = [own.as_os_str(), other.as_os_str(), OsStr::new(dx), OsStr::new(dy)];
        let Some(found) = python("check_sections.py", &["numpy", "scipy", "pyarrow"], &arguments) else { return };
        assert!(found["difference"].as_f64().unwrap() < 1e-4, "{found}");
        assert!(found["known"].as_u64() < found["bins"].as_u64() && found["known"].as_u64() > Some(300), "{found}");
    }
    let manifest = read_manifest(&at.join("own.s2s"));
    let section = &manifest["sections"][0];
    assert_eq!((section["genes"].as_u64(), section["to_um"][0][2].as_f64()), (Some(1), Some(4.0)));
    let dataset = Dataset::open(&at.join("own.s2s")).unwrap();
    let neighbours = dataset.neighbours().unwrap();
    assert_eq!(section["sha256"], Dataset::open(&at.join("other.s2s")).unwrap().fingerprint());
    assert!(neighbours[0].gene("C").unwrap().is_none());
    let gene = neighbours[0].gene("A").unwrap().unwrap();
    assert_eq!(gene.shape(), (dataset.manifest().grid.rows, dataset.manifest().grid.cols));
}

#[test]
fn withheld_molecules_of_either_section_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let lattice = |r: usize, c: usize| r.is_multiple_of(2) && c.is_multiple_of(2);
    let guided = |withheld: &dyn Fn(usize, usize) -> usize| {
        let count = |r: usize, c: usize| if lattice(r, c) { 20 + r * c % 31 } else { withheld(r, c) };
        spots(&at.join("own.parquet"), 20.0, ["A", "B"], count);
        spots(&at.join("other.parquet"), 20.0, ["A", "B"], |r, c| count(r, c) + usize::from(lattice(r, c)) * 3);
        well(at, "other.parquet", "other.s2s", SPARSE);
        well(at, "own.parquet", "own.s2s", &format!("{SPARSE} --section AT/other.s2s --section-distance 12 --align"));
        let manifest = read_manifest(&at.join("own.s2s"));
        let mut files = manifest["fingerprints"].as_object().unwrap().clone();
        assert!(files.remove("truth.parquet").is_some() && files.contains_key("sections/1.s2s/measured.parquet"));
        (manifest["guides"].clone(), manifest["sections"].clone(), files)
    };
    let first = guided(&|r, c| r + c);
    assert_eq!(first.1[0]["distance_um"], 12.0);
    assert_eq!(first, guided(&|r, c| 100 * (r % 3) + 7 * c));
    // Neither is the other section's truth kept, nor what guides it.
    let kept = at.join("own.s2s/sections/1.s2s");
    assert!(kept.join("bins.parquet").exists() && !kept.join("truth.parquet").exists());
    assert!(read_manifest(&kept)["fingerprints"].get("truth.parquet").is_none());
    well(at, "own.parquet", "own.s2s", SPARSE);
    assert!(read_manifest(&at.join("own.s2s")).get("sections").is_none() && !at.join("own.s2s/sections").exists());
}

#[test]
fn what_cannot_guide_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    spots(&at.join("own.parquet"), 20.0, ["A", "B"], |r, c| 20 + r * c % 31);
    spots(&at.join("strange.parquet"), 20.0, ["ENSG1", "ENSG2"], |r, c| 30 + r * c % 17);
    well(at, "own.parquet", "itself.s2s", "--bin-um 20 --pattern all --mode impute");
    well(at, "strange.parquet", "strange.s2s", SPARSE);
    std::fs::write(at.join("far.csv"), "1,0,5000\n0,1,0\n").unwrap();
    let twice = "--section AT/strange.s2s --section-transform AT/far.csv --section-transform AT/far.csv";
    for (more, code, part) in [
        ("--section AT/itself.s2s", 65, "it is this very section"),
        (
            "--section AT/strange.s2s",
            65,
            "none of its genes (ENSG1, ENSG2, …) has the name of one of this section (A, B, …)",
        ),
        (
            "--section AT/itself.s2s --section-transform AT/far.csv",
            65,
            "covers no measured bin: its 25 × 18 bins lie at x 5000",
        ),
        ("--section AT/nowhere.s2s", 66, "nowhere.s2s"),
        (twice, 2, "--section-transform: 2 values for 1 section"),
        ("--section AT/itself.s2s --section-distance=nan", 2, "--section-distance NaN"),
        ("--align", 2, "--image <PATH|auto>|--section <OTHER.s2s>"),
    ] {
        let done = prepared(at, "own.parquet", "own.s2s", &format!("{SPARSE} {more}"));
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(code) && said.contains(part), "{more}: {:?} {said}", done.status.code());
        assert!(!at.join("own.s2s").exists(), "{more}");
    }
}

/// The mean over the genes of a score of the unmeasured bins, one method.
fn mean(at: &Path, report: &str, key: &str) -> f64 {
    let scores: Value = serde_json::from_slice(&std::fs::read(at.join(report).join("scores.json")).unwrap()).unwrap();
    let of = |one: &&Value| one["region"] == "unmeasured";
    let values: Vec<f64> =
        scores["scores"].as_array().unwrap().iter().filter(of).map(|one| one[key].as_f64().unwrap()).collect();
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn a_dense_neighbour_helps_a_foreign_one_does_no_harm_and_a_shifted_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    run(at, "s2s-simulate", "--rows 64 --cols 64 --genes 8 --seed 4 --sections 2 --output stack");
    run(at, "s2s-simulate", "--rows 64 --cols 64 --genes 8 --seed 5 --output foreign");
    for (input, output) in [("stack/section_2", "dense"), ("foreign", "foreign")] {
        run(at, "s2s-prep", &format!("--input {input} --bin-um 30 --pattern all --mode impute --output {output}.s2s"));
    }
    std::fs::write(at.join("shift.csv"), "1,0,90\n0,1,-60\n").unwrap();
    let sparse = "--input stack/section_1 --bin-um 30 --scale 2 --mode benchmark";
    run(at, "s2s-prep", &format!("{sparse} --output plain.s2s"));
    let said = run(at, "s2s-prep", &format!("{sparse} --section dense.s2s --section-distance 10 --output guided.s2s"));
    assert!(said.contains("8 of 8 genes in it") && !said.contains("fits better"), "{said}");
    run(at, "s2s-prep", &format!("{sparse} --section foreign.s2s --output misled.s2s"));
    let shifted = format!("{sparse} --section dense.s2s --section-transform shift.csv");
    let said = run(at, "s2s-prep", &format!("{shifted} --output shifted.s2s"));
    assert!(said.contains("the section fits better shifted by (-9"), "{said}");
    run(at, "s2s-prep", &format!("{shifted} --align --output aligned.s2s"));
    for name in ["plain", "guided", "misled", "aligned"] {
        run(at, "s2s-predict", &format!("--dataset {name}.s2s --method blend --output {name}.zarr"));
        run(at, "s2s-score", &format!("--dataset {name}.s2s --prediction {name}.zarr --output {name}"));
    }
    let [plain, guided, misled, aligned] = ["plain", "guided", "misled", "aligned"].map(|name| mean(at, name, "rmse"));
    assert!(guided < 0.97 * plain, "{guided} {plain}");
    assert!(misled < 1.01 * plain, "{misled} {plain}");
    assert!((aligned / guided - 1.0).abs() < 0.02, "{aligned} {guided}");
    assert!((0.86..0.94).contains(&mean(at, "guided", "coverage")), "{}", mean(at, "guided", "coverage"));
    // The report shows the section and how it fits.
    let report = std::fs::read_to_string(at.join("guided/report.html")).unwrap();
    assert!(
        report.contains("dense total") && report.contains("8 genes shared, 10 µm away"),
        "no picture of the section"
    );
    assert!(!std::fs::read_to_string(at.join("plain/report.html")).unwrap().contains("<h2>Guides</h2>"));
}

#[test]
fn simulated_sections_of_a_block_are_alike_the_more_the_nearer() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let plan = "--rows 40 --cols 50 --genes 5 --seed 3";
    run(at, "s2s-simulate", &format!("{plan} --output alone"));
    run(at, "s2s-simulate", &format!("{plan} --sections 3 --distance-um 100 --output stack"));
    let file = |name: &str| std::fs::read(at.join(name).join("transcripts.parquet")).unwrap().len();
    assert_ne!(file("stack/section_1"), file("stack/section_2"));
    let totals = |name: &str| {
        run(
            at,
            "s2s-prep",
            &format!("--input {name} --bin-um 30 --pattern all --mode impute --output {}.s2s", name.replace('/', "_")),
        );
        let dataset = Dataset::open(&at.join(format!("{}.s2s", name.replace('/', "_")))).unwrap();
        let origin = dataset.manifest().grid.origin_um.map(|um| (um / 30.0).round() as i64);
        let mut all = vec![0.0; 40 * 50];
        for (i, total) in dataset.totals().values().iter().enumerate() {
            let (row, col) = (i / dataset.totals().cols(), i % dataset.totals().cols());
            all[(row as i64 + origin[1]) as usize * 50 + (col as i64 + origin[0]) as usize] = f64::from(*total);
        }
        all
    };
    let [alone, first, second, third] = ["alone", "stack/section_1", "stack/section_2", "stack/section_3"].map(totals);
    assert_eq!(alone, first, "the first section of a block is the section that is simulated alone");
    let alike = |one: &[f64], other: &[f64]| pearson(one.iter().copied().zip(other.iter().copied())).unwrap();
    assert!(
        alike(&first, &second) > alike(&first, &third) + 0.01,
        "{} {}",
        alike(&first, &second),
        alike(&first, &third)
    );
    assert!(alike(&first, &third) > 0.5);
}
