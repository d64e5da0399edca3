//! The command s2s-score on prediction stores written here byte by byte, as the Zarr v3 specification says.

use s2s::dataset::{Dataset, GeneCounts, Mode, SectionCounts, Settings, write};
use s2s::provenance::Provenance;
use s2s::section::{Grid, Lattice, Raster, Sampling, Scale};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// An 8 × 8 section in which gene A has one count among the 100 of every bin: its value is ln 2 everywhere.
struct Case {
    folder: tempfile::TempDir,
    dataset: PathBuf,
    fingerprint: String,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dataset = folder.path().join("tiny.s2s");
        let section = SectionCounts {
            grid: Grid { rows: 8, cols: 8, bin_um: 30.0, origin_um: [0.0, 0.0] },
            totals: Raster::filled(8, 8, 100),
            genes: vec![GeneCounts { name: "A".into(), counts: (0..64).map(|bin| (bin, 1)).collect() }],
        };
        let lattice = Lattice::new(Scale::new(2).unwrap());
        let sampling = Sampling::regular(lattice, 8, 8);
        let settings = Settings { mode: Mode::Benchmark, sampling, min_counts: 10, patch: 8, platform: "csv".into() };
        let provenance = Provenance::new("s2s-prep", serde_json::json!({}), None, vec![]);
        write(&dataset, &section, &settings, provenance).unwrap();
        let fingerprint = Dataset::open(&dataset).unwrap().fingerprint();
        Case { folder, dataset, fingerprint }
    }

    /// A store with the value `unmeasured` off the lattice and ln 2 on it, one uncompressed chunk per gene.
    fn store(&self, name: &str, method: &str, unmeasured: f32, fingerprint: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.join("images/imputed/s0/c/0/0")).unwrap();
        std::fs::create_dir_all(path.join("s2s/genes/c")).unwrap();
        let group = serde_json::json!({ "zarr_format": 3, "node_type": "group", "attributes": { "s2s": {
            "format": 2, "genes": ["A", "B"], "method": method, "dataset_fingerprint": fingerprint, "uncertainty": false,
            "bin_um": 30.0, "origin_um": [0.0, 0.0], "sample": "tiny", "scale": 2,
        } } });
        let array = serde_json::json!({ "zarr_format": 3, "node_type": "array", "shape": [2, 8, 8], "data_type": "float32",
            "chunk_grid": { "name": "regular", "configuration": { "chunk_shape": [1, 8, 8] } },
            "chunk_key_encoding": { "name": "default", "configuration": { "separator": "/" } },
            "fill_value": "NaN", "codecs": [{ "name": "bytes", "configuration": { "endian": "little" } }] });
        let records = serde_json::json!({ "zarr_format": 3, "node_type": "array", "shape": [2], "data_type": "string",
            "chunk_grid": { "name": "regular", "configuration": { "chunk_shape": [1] } },
            "chunk_key_encoding": { "name": "default", "configuration": { "separator": "/" } },
            "fill_value": "", "codecs": [{ "name": "vlen-utf8" }] });
        // Number of strings, length, string. B has no record.
        let record = br#"{"gene": "A", "model": null, "job": "0"}"#;
        let record = [&1_u32.to_le_bytes(), &(record.len() as u32).to_le_bytes(), &record[..]].concat();
        let value = |bin: usize| {
            let measured = (bin / 8).is_multiple_of(2) && (bin % 8).is_multiple_of(2);
            if measured { std::f32::consts::LN_2 } else { unmeasured }
        };
        std::fs::write(path.join("zarr.json"), group.to_string()).unwrap();
        std::fs::write(path.join("images/imputed/s0/zarr.json"), array.to_string()).unwrap();
        std::fs::write(path.join("s2s/genes/zarr.json"), records.to_string()).unwrap();
        std::fs::write(path.join("s2s/genes/c/0"), record).unwrap();
        let bytes: Vec<u8> = (0..64).flat_map(|bin| value(bin).to_le_bytes()).collect();
        std::fs::write(path.join("images/imputed/s0/c/0/0/0"), bytes).unwrap();
        path
    }

    fn run(&self, predictions: &[&Path], more: &[&str]) -> (Output, PathBuf) {
        let output = self.folder.path().join("scores");
        let mut command = Command::new(env!("CARGO_BIN_EXE_s2s-score"));
        command.arg("--dataset").arg(&self.dataset).arg("--output").arg(&output).arg("--prediction").args(predictions);
        (command.args(more).output().unwrap(), output)
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn two_predictions_side_by_side() {
    let case = Case::new();
    let good = case.store("good.zarr", "s2s", 0.5, &case.fingerprint);
    let base = case.store("base.zarr", "bilinear", 0.0, &case.fingerprint);
    let (output, folder) = case.run(&[&good, &base], &["--label", "mine", "--label", "theirs"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(output.stdout.is_empty(), "a stage writes files and progress, nothing else");
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("scores.json")).unwrap()).unwrap();
    let ln2 = f64::from(std::f32::consts::LN_2);
    let row = &json["scores"][0];
    assert_eq!((row["method"].as_str(), row["region"].as_str()), (Some("mine"), Some("unmeasured")));
    assert_eq!(row["bins"], 48);
    assert!((row["mae"].as_f64().unwrap() - (ln2 - 0.5)).abs() < 1e-9);
    assert!((row["mae_ratio"].as_f64().unwrap() - (ln2 - 0.5) / ln2).abs() < 1e-9);
    assert!(row["pcc"].is_null(), "the truth is constant");
    assert_eq!(json["baseline"], "theirs");
    // What MultiQC picks up: a row for each method, and one for each gene and method, over unmeasured bins.
    let read = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
    };
    let (summary, genes) = (read("tiny.summary_mqc.json"), read("tiny.genes_mqc.json"));
    assert_eq!((summary["plot_type"].as_str(), genes["plot_type"].as_str()), (Some("generalstats"), Some("table")));
    assert!((summary["data"]["tiny mine"]["mae"].as_f64().unwrap() - (ln2 - 0.5)).abs() < 1e-9);
    assert!((genes["data"]["tiny A theirs"]["rmse"].as_f64().unwrap() - ln2).abs() < 1e-9);
    assert!(genes["data"]["tiny A mine"].get("pcc").is_none(), "a figure that is not defined has no cell");
    // The dataset, its truth, and the two stores: each with what identifies its content.
    let inputs = json["provenance"]["inputs"].as_array().unwrap();
    assert_eq!(inputs.len(), 4);
    assert_ne!(inputs[2]["sha256"], inputs[3]["sha256"]);
    let told = stderr(&output);
    assert!(told.contains("mine: 1 of 2 genes of the store are not predicted yet (B)"), "{told}");
    assert!(stderr(&output).contains("mine") && stderr(&output).contains("MAE / theirs"), "{}", stderr(&output));
}

#[test]
fn mistakes_are_told_and_leave_nothing_behind() {
    let case = Case::new();
    let good = case.store("good.zarr", "s2s", 0.5, &case.fingerprint);
    let twin = case.store("twin.zarr", "s2s", 0.4, &case.fingerprint);
    let other = case.store("other.zarr", "s2s", 0.5, "0123");
    let cut = case.store("cut.zarr", "s2s", 0.5, &case.fingerprint);
    std::fs::write(cut.join("images/imputed/s0/c/0/0/0"), [0u8; 7]).unwrap();
    let empty = case.folder.path().join("empty.zarr");
    std::fs::create_dir(&empty).unwrap();
    let absent = case.folder.path().join("absent.zarr");
    let cases: [(&[&Path], &[&str], i32, &str); 6] = [
        (&[&other], &[], 65, "fingerprint 0123"),
        (&[&empty], &[], 65, "no store of s2s-predict"),
        (&[&cut], &[], 65, "gene A"),
        (&[&absent], &[], 66, "absent.zarr"),
        (&[&good, &twin], &[], 2, "--label"),
        (&[&good], &["--label", "a", "--label", "b"], 2, "2 given for 1"),
    ];
    for (predictions, more, code, message) in cases {
        let (output, folder) = case.run(predictions, more);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(message) && told.matches("error:").count() == 1, "{told}");
        assert!(!folder.exists(), "{told}");
    }
}
