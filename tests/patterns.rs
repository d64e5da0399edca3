//! Sections of which other bins than those of a lattice were measured: prepared, interpolated and scored by the mask alone.

#[path = "common/transcripts.rs"]
mod transcripts;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use s2s::store::Store;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use transcripts::{Transcript, prep, prep_well, read_bins, read_manifest, read_values, write_parquet};

const BIN_UM: f64 = 10.0;

/// A disc of tissue with three genes, on both sides of the origin.
fn section() -> Vec<Transcript> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    let mut transcript = || {
        let (x, y) = (rng.random_range(-115.0..245.0), rng.random_range(-115.0..245.0));
        let gene = ["ERBB2", "CD8A", "INS"][rng.random_range(0..3)];
        ((x - 60.0_f64).hypot(y - 70.0) < 150.0).then(|| Transcript::new(gene, x, y))
    };
    (0..30_000).filter_map(|_| transcript()).collect()
}

/// The folder of one test, in which every dataset has the same name in a folder of its own.
struct Case(tempfile::TempDir);

impl Case {
    fn new() -> Self {
        Case(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn prepare(&self, name: &str, transcripts: &[Transcript], flags: &[&str]) -> PathBuf {
        let input = self.path(&format!("{name}.parquet"));
        write_parquet(&input, transcripts, 1000);
        fs::create_dir(self.path(name)).unwrap();
        let output = self.path(name).join("sample.s2s");
        let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()];
        prep_well(paths.iter().chain(&["--bin-um", "10", "--patch", "36"]).chain(flags));
        output
    }

    /// A list of a third of the bins, in µm or in bins.
    fn list(&self, name: &str, in_bins: bool) -> String {
        let header = if in_bins { "row,col" } else { "x,y" };
        let bins = (-8..22).flat_map(|row| (-9..23).map(move |col| (row, col)));
        let lines = bins.filter(|(row, col): &(i32, i32)| (row * row + 3 * col).rem_euclid(7) < 2).map(|(row, col)| {
            let um = |bin: i32| f64::from(bin) * BIN_UM + 3.0;
            if in_bins { format!("{row},{col}") } else { format!("{},{}", um(col), um(row)) }
        });
        let path = self.path(name);
        fs::write(&path, lines.fold(header.to_owned(), |text, line| text + "\n" + &line)).unwrap();
        path.display().to_string()
    }
}

fn run(stage: &str, arguments: &[&str]) -> Output {
    let program = match stage {
        "predict" => env!("CARGO_BIN_EXE_s2s-predict"),
        _ => env!("CARGO_BIN_EXE_s2s-score"),
    };
    Command::new(program).args(arguments).output().unwrap()
}

fn succeed(output: Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Everything that later stages can see.
fn visible(dataset: &Path) -> (Vec<Vec<u8>>, serde_json::Value) {
    let mut manifest = read_manifest(dataset);
    manifest["fingerprints"].as_object_mut().unwrap().remove("truth.parquet");
    manifest.as_object_mut().unwrap().remove("provenance");
    let files = ["bins.parquet", "measured.parquet", "patches.parquet"];
    (files.iter().map(|name| fs::read(dataset.join(name)).unwrap()).collect(), manifest)
}

/// The measured bins of a dataset, as bins counted from the origin.
fn measured(dataset: &Path) -> Vec<(i64, i64)> {
    let origin = read_manifest(dataset)["grid"]["origin_um"].clone();
    let first = |axis: usize| (origin[axis].as_f64().unwrap() / BIN_UM).round() as i64;
    let bins = read_bins(&dataset.join("bins.parquet")).into_iter().filter(|(_, (_, total))| total.is_some());
    bins.map(|((row, col), _)| (i64::from(row) + first(1), i64::from(col) + first(0))).collect()
}

#[test]
fn what_is_not_measured_changes_nothing_but_the_truth() {
    let (case, section) = (Case::new(), section());
    let list = case.list("list.csv", true);
    let random = ["--mode", "benchmark", "--pattern", "random", "--rate", "0.3", "--seed", "5"];
    for (name, flags) in [("random", &random[..]), ("listed", &["--mode", "benchmark", "--measured", &list])] {
        let original = case.prepare(name, &section, flags);
        let bins = measured(&original);
        let share = bins.len() as f64 / read_bins(&original.join("bins.parquet")).len() as f64;
        assert!((share - 0.3).abs() < 0.06, "{name}: {share}");
        let bin = |t: &Transcript| ((t.y / BIN_UM).floor() as i64, (t.x / BIN_UM).floor() as i64);
        let disguised = section.iter().flat_map(|t| match bins.contains(&bin(t)) {
            true => vec![t.clone()],
            false => vec![Transcript { gene: "WITHHELD".to_owned(), ..t.clone() }; (t.x as usize) % 3],
        });
        let other = case.prepare(&format!("{name}_other"), &disguised.collect::<Vec<_>>(), flags);
        assert_eq!(visible(&other), visible(&original), "{name}");
        let truth = |dataset: &Path| read_values(&dataset.join("truth.parquet"));
        assert_ne!(truth(&other), truth(&original), "{name}");
    }
}

#[test]
fn a_list_may_be_in_bins_or_in_um_and_imputes_as_its_benchmark() {
    let (case, section) = (Case::new(), section());
    let (bins, um) = (case.list("bins.csv", true), case.list("um.csv", false));
    let benchmark = visible(&case.prepare("a", &section, &["--mode", "benchmark", "--measured", &bins]));
    let imputed = visible(&case.prepare("b", &section, &["--mode", "impute", "--measured", &bins]));
    let in_um = visible(&case.prepare("c", &section, &["--mode", "impute", "--measured", &um]));
    assert_eq!(imputed.0, benchmark.0);
    assert_eq!(in_um.0, benchmark.0);
    assert_eq!(benchmark.1["pattern"]["kind"], "listed");
    assert_eq!(benchmark.1["grid"], in_um.1["grid"]);
    // The box around the list.
    assert_eq!(benchmark.1["grid"]["origin_um"], serde_json::json!([-90.0, -80.0]));
    assert_eq!((&benchmark.1["grid"]["rows"], &benchmark.1["grid"]["cols"]), (&30.into(), &32.into()));
}

#[test]
fn a_listed_lattice_holds_the_counts_of_the_lattice() {
    let (case, section) = (Case::new(), section());
    let lattice = case.prepare("lattice", &section, &["--mode", "impute", "--scale", "3"]);
    let lines = measured(&lattice).into_iter().map(|(row, col)| format!("{row};{col}\n"));
    let path = case.path("list.txt");
    fs::write(&path, "row;col\n".to_owned() + &lines.collect::<String>()).unwrap();
    let listed = case.prepare("listed", &section, &["--mode", "impute", "--measured", path.to_str().unwrap()]);
    let values = |dataset: &Path| read_values(&dataset.join("measured.parquet"));
    assert_eq!(values(&listed), values(&lattice));
    assert_eq!(measured(&listed), measured(&lattice));
    assert_eq!(read_manifest(&listed)["target"], read_manifest(&lattice)["target"]);
}

#[test]
fn a_phase_is_an_origin_some_bins_further() {
    let (case, section) = (Case::new(), section());
    let phase = case.prepare("phase", &section, &["--mode", "impute", "--scale", "3", "--phase", "1,2"]);
    let origin = case.prepare("origin", &section, &["--mode", "impute", "--scale", "3", "--origin", "20,10"]);
    assert_eq!(visible(&phase), visible(&origin));
    assert!(measured(&phase).iter().all(|(row, col)| row.rem_euclid(3) == 1 && col.rem_euclid(3) == 2));
}

/// Predictions keep measured bins and fill the tissue; scores are over the bins that were not measured.
#[test]
fn interpolation_and_scores_follow_the_mask() {
    let (case, section) = (Case::new(), section());
    let flags = ["--mode", "benchmark", "--pattern", "random", "--rate", "0.3", "--seed", "11"];
    let dataset = case.prepare("random", &section, &flags);
    let (bins, truth) = (read_bins(&dataset.join("bins.parquet")), read_values(&dataset.join("truth.parquet")));
    let gene = Some("INS".to_owned());
    let measured = &read_values(&dataset.join("measured.parquet"))[&gene];
    let folder = dataset.to_str().unwrap();
    let report = case.path("report");
    let mut stores = BTreeMap::new();
    for method in ["nearest", "bilinear", "idw", "kriging"] {
        let store = case.path(&format!("{method}.zarr"));
        succeed(run("predict", &["--dataset", folder, "--method", method, "--output", store.to_str().unwrap()]));
        let map = Store::open(&store).unwrap().gene("INS").unwrap();
        for (bin, (tissue, total)) in &bins {
            let value = map[(bin.0 as usize, bin.1 as usize)];
            match (tissue, total) {
                (false, _) => assert!(value.is_nan()),
                (true, Some(_)) => assert_eq!(value, measured.get(bin).map_or(0.0, |(_, value)| *value)),
                (true, None) => assert!(value.is_finite()),
            }
        }
        stores.insert(method, (store, map));
    }
    let arguments = ["--dataset", folder, "--output", report.to_str().unwrap(), "--prediction"];
    let paths = stores.values().map(|(store, _)| store.to_str().unwrap());
    succeed(run("score", &arguments.into_iter().chain(paths).collect::<Vec<_>>()));
    let outcome: serde_json::Value = serde_json::from_slice(&fs::read(report.join("scores.json")).unwrap()).unwrap();
    assert_eq!(outcome["warnings"], serde_json::json!([]));
    let withheld: Vec<_> = truth[&None].iter().filter(|(_, (total, _))| *total >= 10).map(|(bin, _)| *bin).collect();
    for (method, (_, map)) in &stores {
        let error = |bin: &(u32, u32)| {
            let predicted = map[(bin.0 as usize, bin.1 as usize)];
            let predicted = if predicted.is_nan() { 0.0 } else { predicted };
            f64::from((predicted - truth[&gene].get(bin).map_or(0.0, |(_, value)| *value)).abs())
        };
        let expected = withheld.iter().map(error).sum::<f64>() / withheld.len() as f64;
        let mut scores = outcome["scores"].as_array().unwrap().iter();
        let score =
            scores.find(|s| s["gene"] == "INS" && s["method"] == *method && s["region"] == "unmeasured").unwrap();
        assert_eq!(score["bins"], withheld.len() as u64);
        assert!((score["mae"].as_f64().unwrap() - expected).abs() < 1e-6, "{method}: {score}, expected {expected}");
    }
}

#[test]
fn what_needs_a_lattice_says_so() {
    let (case, section) = (Case::new(), section());
    let list = case.list("list.csv", true);
    let dataset = case.prepare("a", &section, &["--mode", "impute", "--measured", &list]);
    let (dataset, output) = (dataset.to_str().unwrap().to_owned(), case.path("out").display().to_string());
    let failed = run("predict", &["--dataset", &dataset, "--method", "bicubic", "--output", &output]);
    let message = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.status.code(), Some(2), "{message}");
    assert!(message.contains("lattice") && message.contains("bilinear"), "{message}");
    assert!(!Path::new(&output).exists());
}

#[test]
fn patterns_that_make_no_sense_are_refused() {
    let (case, section) = (Case::new(), section());
    let input = case.path("a.parquet");
    write_parquet(&input, &section, 1000);
    let file = |name: &str, text: &str| {
        fs::write(case.path(name), text).unwrap();
        case.path(name).display().to_string()
    };
    let (empty, words) = (file("empty.csv", "row,col\n"), file("words.csv", "row,col\n1,2\n3,four\n"));
    let (other, far) = (file("other.csv", "r,c\n1,2\n"), file("far.csv", "row,col\n0,0\n999999999,1\n"));
    for (flags, code, found) in [
        (["--mode", "impute", "--pattern", "random"], 2, "--measured"),
        (["--mode", "impute", "--phase", "2,0"], 2, "phase 2"),
        (["--mode", "impute", "--measured", "none.csv"], 66, "none.csv"),
        (["--mode", "impute", "--measured", &empty], 65, "lists no bin"),
        (["--mode", "impute", "--measured", &words], 65, "line 3"),
        (["--mode", "impute", "--measured", &other], 65, "row and col"),
        (["--mode", "impute", "--measured", &far], 65, "line 3"),
    ] {
        let output = case.path("a.s2s");
        let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()];
        let failed = prep(paths.iter().chain(&["--bin-um", "10"]).chain(&flags));
        let message = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert_eq!(failed.status.code(), Some(code), "{flags:?}: {message}");
        assert!(message.contains(found), "{flags:?}: {message}");
    }
}
