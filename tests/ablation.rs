//! `scripts/ablation.sh` on a section and a recipe small enough for seconds.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const RECIPE: &str = "
network:
  cascades: 2
  channels: 4
  growth: 4
  blocks: 1
  layers: 1
  window: 4
  heads: 2
  compress: 2
  squeeze: 2
fit: {upsampling: bilinear, crop: whole, batch: 1, images: false, learning_rate: 1.0e-2, gene_scale: rms}
predict: {turns: false}
";

/// Runs the script on the section in `folder` with the `variants` given, two steps each.
fn ablation(folder: &Path, variants: &str) -> Output {
    let programs = Path::new(env!("CARGO_BIN_EXE_s2s-fit")).parent().unwrap();
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/ablation.sh"))
        .env("S2S_BIN", programs)
        .env("ABLATION_DATASET", folder.join("section.s2s"))
        .env("ABLATION_OUTPUT", folder.join("out"))
        .env("ABLATION_CONFIG", folder.join("recipe.yaml"))
        .env("ABLATION_STEPS", "2")
        .env("ABLATION_ONLY", variants)
        .output()
        .unwrap()
}

fn run(folder: &Path, binary: &str, arguments: &str) {
    assert!(Command::new(binary).current_dir(folder).args(arguments.split(' ')).output().unwrap().status.success());
}

#[test]
fn every_variant_is_a_row_compared_with_the_full_recipe() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("recipe.yaml"), RECIPE).unwrap();
    run(at, env!("CARGO_BIN_EXE_s2s-simulate"), "--rows 32 --cols 32 --genes 4 --seed 3 --output section");
    let prep = "--input section --bin-um 30 --mode benchmark --output section.s2s";
    run(at, env!("CARGO_BIN_EXE_s2s-prep"), prep);

    let done = ablation(at, "k1,k2,paper-start");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let table = std::fs::read_to_string(at.join("out/ablation.md")).unwrap();
    assert!(table.contains("it already has K = 2."), "the recipe has K = 2, nothing to train: {table}");
    let rows = table.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = rows.map(cells).collect();
    let names: Vec<&str> = rows.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(names, ["full", "K = 1", "start of the paper", "bilinear"]);
    assert_eq!(rows[1][2], "network.cascades=1", "{table}");

    // The figures are those of the scores, and the mean gain is the difference of the two MAE.
    let scores: Value = serde_json::from_slice(&std::fs::read(at.join("out/report/scores.json")).unwrap()).unwrap();
    assert_eq!(scores["reference"], "full");
    let mae = |row: &[String]| row[3].parse::<f64>().unwrap();
    for row in &rows[1..] {
        let mut all = scores["scores"].as_array().unwrap().iter();
        let score = all.find(|score| score["method"] == row[1].as_str() && score["region"] == "unmeasured").unwrap();
        assert!((mae(row) - score["mae"].as_f64().unwrap()).abs() < 1e-4);
        assert!((row[11].parse::<f64>().unwrap() - (mae(&rows[0]) - mae(row))).abs() < 2e-4, "{table}");
    }
    assert!(rows[0][9..12].iter().all(|cell| cell == "–"), "full is not compared with itself: {table}");

    // Again with one variant more: what was finished is kept.
    let trained = |name: &str| std::fs::metadata(at.join("out").join(name)).unwrap().modified().unwrap();
    let before = trained("k1.safetensors");
    assert!(ablation(at, "k1,k3").status.success());
    assert_eq!(trained("k1.safetensors"), before);
    assert!(std::fs::read_to_string(at.join("out/ablation.md")).unwrap().contains("| K = 3 |"));
}

#[test]
fn a_variant_that_does_not_exist_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let done = ablation(folder.path(), "k1,k99");
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&done.stderr).contains("no variant is called k99"));
    assert!(!folder.path().join("out").exists());
}
