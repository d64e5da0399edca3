//! The whole pipeline by its binaries: from simulated molecules to a scored report.

#[path = "common/stages.rs"]
mod stages;

use serde_json::Value;
use stages::run;

/// A network that learns something in a few seconds.
const RECIPE: &str = "
network: {cascades: 1, channels: 8, growth: 8, blocks: 1, layers: 1, window: 4, heads: 2, input_channels: 2, zero_reconstruct: true}
fit: {steps: 120, crop: whole, batch: 1, image_batch: 1, image_patch: 32, image_every: 20, dense_every: 40, guides: [lattice],
      upsampling: bilinear, gene_scale: rms, learning_rate: 4.0e-3, schedule: cosine, average: 0.9, holdout: 0.1, evaluate_every: 20}
";

/// The score of a method for ISLAND3 over unmeasured bins.
fn score(scores: &Value, method: &str, figure: &str) -> f64 {
    let rows = scores["scores"].as_array().unwrap();
    let wanted = |row: &&Value| row["gene"] == "ISLAND3" && row["method"] == method && row["region"] == "unmeasured";
    rows.iter().find(wanted).and_then(|row| row[figure].as_f64()).unwrap()
}

#[test]
fn a_simulated_section_is_imputed_better_than_by_its_nearest_bins() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("recipe.yaml"), RECIPE).unwrap();
    run(at, "s2s-simulate", "--rows 56 --cols 64 --genes 5 --seed 2 --output section");
    run(at, "s2s-prep", "--input section --bin-um 30 --scale 2 --mode benchmark --output section.s2s");
    run(at, "s2s-fit", "--dataset section.s2s --gene ISLAND3 --config recipe.yaml --output ISLAND3.safetensors");
    run(at, "s2s-predict", "--dataset section.s2s --config recipe.yaml --model ISLAND3.safetensors --output s2s.zarr");
    run(at, "s2s-predict", "--dataset section.s2s --method nearest --genes ISLAND3 --output nearest.zarr");
    run(at, "s2s-score", "--dataset section.s2s --prediction s2s.zarr nearest.zarr --output report");
    let scores: Value = serde_json::from_slice(&std::fs::read(at.join("report/scores.json")).unwrap()).unwrap();
    for figure in ["mae", "rmse"] {
        assert!(score(&scores, "s2s", figure) < score(&scores, "nearest", figure), "{figure}: {scores:#}");
    }
    assert!(score(&scores, "s2s", "pcc") > score(&scores, "nearest", "pcc"));
    let report = std::fs::read_to_string(at.join("report/report.html")).unwrap();
    assert!(report.contains("ISLAND3") && report.contains("data:image/png;base64,"));
    assert!(!report.contains("http://") && !report.contains("src=\"http"), "the report asks the network for nothing");
    for file in ["ISLAND3.fit.parquet", "report/scores.csv", "report/scores.parquet", "s2s.zarr/zarr.json"] {
        assert!(at.join(file).exists(), "{file}");
    }
}
