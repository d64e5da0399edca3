//! Names from data leave no folder and lose no output, and genes without counts stop nobody.

use std::path::Path;
use std::process::{Command, Output};

/// A fit that is over in a moment.
const RECIPE: &str = concat!(
    "--dataset d.s2s --set fit.steps=2 --set fit.images=false --config ",
    env!("CARGO_MANIFEST_DIR"),
    "/configs/quick.yaml"
);

/// A section of 24 × 24 bins with tissue from row 8 on, where `genes` have counts; those in `silent` have some outside it alone.
fn prepare(folder: &Path, genes: &[&str], silent: &[&str]) {
    let mut text = "gene,x,y,count\n".to_owned();
    for bin in 0..24 * 24 {
        let (row, col) = (bin / 24, bin % 24);
        let place = format!("{},{}", col as f64 * 10.0 + 5.0, row as f64 * 10.0 + 5.0);
        let tissue = genes.iter().enumerate().filter(|_| row >= 8);
        tissue.for_each(|(i, gene)| text += &format!("{gene},{place},{}\n", 1 + (row + i * col) % 5));
        if row < 2 {
            silent.iter().for_each(|gene| text += &format!("{gene},{place},1\n"));
        }
    }
    std::fs::write(folder.join("in.csv"), text).unwrap();
    let flags = "--input in.csv --bin-um 10 --scale 2 --mode benchmark --min-counts 2 --patch 12 --output d.s2s";
    succeed(run(folder, env!("CARGO_BIN_EXE_s2s-prep"), flags));
}

fn run(folder: &Path, binary: &str, flags: &str) -> Output {
    Command::new(binary).current_dir(folder).args(flags.split(' ')).output().unwrap()
}

fn succeed(done: Output) -> String {
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    said
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

#[test]
fn a_sample_name_from_somebody_else_writes_nowhere_else() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("a/b");
    std::fs::create_dir_all(&folder).unwrap();
    prepare(&folder, &["A", "=cmd"], &[]);
    let manifest = folder.join("d.s2s/manifest.json");
    let mut text: serde_json::Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    text["sample"] = "../../evil".into();
    std::fs::write(&manifest, text.to_string()).unwrap();
    succeed(run(&folder, env!("CARGO_BIN_EXE_s2s-predict"), "--dataset d.s2s --method nearest --output p.zarr"));
    succeed(run(&folder, env!("CARGO_BIN_EXE_s2s-score"), "--dataset d.s2s --prediction p.zarr --output report"));
    assert_eq!(names(outer.path()), ["a"]);
    assert_eq!(names(&outer.path().join("a")), ["b"]);
    let reports = names(&folder.join("report"));
    let scores = std::fs::read_to_string(folder.join("report/scores.csv")).unwrap();
    assert!(scores.contains("\n'=cmd,") && !scores.contains("\n=cmd"), "{scores}");
    assert!(reports.contains(&"%2E.%2F..%2Fevil.summary_mqc.json".to_owned()), "{reports:?}");
}

#[test]
fn every_gene_has_a_file_and_silent_ones_stop_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    prepare(at, &["XCL1/2", "XCL1_2", "..", ".hidden"], &["AAA"]);
    let fit = |flags: &str| succeed(run(at, env!("CARGO_BIN_EXE_s2s-fit"), &format!("{RECIPE} {flags}")));
    let wrong = run(at, env!("CARGO_BIN_EXE_s2s-fit"), &format!("{RECIPE} --genes all --output x.safetensors"));
    assert_eq!(wrong.status.code(), Some(2));
    fit("--genes all --dry-run");
    let said = fit("--genes all --output fits");
    assert!(said.contains("AAA") && said.contains("left out"), "{said}");
    let weights: Vec<String> =
        names(&at.join("fits")).into_iter().filter(|name| name.ends_with(".safetensors")).collect();
    assert_eq!(weights, ["%2E..safetensors", "%2Ehidden.safetensors", "XCL1%2F2.safetensors", "XCL1_2.safetensors"]);
    fit("--gene XCL1/2 --output x.ckpt");
    assert!(at.join("x.ckpt").is_file());
}

#[test]
fn every_gene_has_its_plots_and_no_name_is_a_formula_or_a_tag() {
    let folder = tempfile::tempdir().unwrap();
    let (at, long) = (folder.path(), "x".repeat(250));
    let genes = ["A B", "A_B", "a_b", "..", "<script>alert(1)</script>", "=1+1", "\u{e9}", &long];
    prepare(at, &genes, &[]);
    succeed(run(at, env!("CARGO_BIN_EXE_s2s-predict"), "--dataset d.s2s --method nearest --output p.zarr"));
    let score = "--dataset d.s2s --prediction p.zarr --output report --plots plots --label =1+2";
    succeed(run(at, env!("CARGO_BIN_EXE_s2s-score"), score));
    // Three charts beside them.
    assert_eq!(names(&at.join("plots")).iter().filter(|name| name.ends_with(".svg")).count(), genes.len() + 3);
    let text = |name: &str| std::fs::read_to_string(at.join("report").join(name)).unwrap();
    for table in ["scores.csv", "profiles.csv"] {
        assert!(
            text(table).contains("'=1+2") && !text(table).contains(",=1+2") && !text(table).contains("\n=1"),
            "{table}"
        );
    }
    assert!(!text("report.html").contains("<script>alert"));
    // MultiQC makes a page of them.
    let rows: serde_json::Value = serde_json::from_str(&text("d.genes_mqc.json")).unwrap();
    let rows = rows["data"].as_object().unwrap();
    assert!(rows.len() == genes.len() && rows.keys().all(|name| !name.contains(['<', '>'])), "{rows:?}");
}
