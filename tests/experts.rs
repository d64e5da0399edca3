//! What the experts promise: better than interpolation, without bias, intervals that hold, and nothing read that was not measured.

#[path = "common/stages.rs"]
mod stages;

mod common;

use s2s::dataset::Dataset;
use s2s::experts::{Experts, Trials, Weights};
use s2s::imputation::panel;
use s2s::section::Raster;
use s2s::store::{Advice, Interval, Predictor, Store};
use serde_json::Value;
use stages::run;
use std::path::Path;

/// A simulated section of 12 genes in `at`, prepared as a benchmark.
fn section(at: &Path) {
    run(at, "s2s-simulate", "--rows 80 --cols 80 --genes 12 --seed 6 --output section");
    run(at, "s2s-prep", "--input section --bin-um 30 --scale 2 --mode benchmark --output section.s2s");
}

#[test]
fn the_blend_beats_the_best_interpolation_and_its_answers_hold() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    section(at);
    for method in ["bilinear", "kriging", "idw", "blend"] {
        run(at, "s2s-predict", &format!("--dataset section.s2s --method {method} --output {method}.zarr"));
    }
    let said = run(
        at,
        "s2s-score",
        "--dataset section.s2s --prediction bilinear.zarr kriging.zarr idw.zarr blend.zarr --output report",
    );
    assert!(said.contains("times that of the best interpolation"), "{said}");

    let scores: Value = serde_json::from_slice(&std::fs::read(at.join("report/scores.json")).unwrap()).unwrap();
    let unmeasured = || scores["scores"].as_array().unwrap().iter().filter(|one| one["region"] == "unmeasured");
    let mean = |method: &str, key: &str| {
        let values = unmeasured().filter(|one| one["method"] == method).map(|one| one[key].as_f64().unwrap());
        let values: Vec<f64> = values.collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    let best = ["bilinear", "kriging", "idw"].map(|method| mean(method, "rmse")).into_iter().fold(f64::MAX, f64::min);
    assert!(mean("blend", "rmse") < 0.98 * best, "{} of {best}", mean("blend", "rmse"));
    assert!(mean("blend", "pcc") > mean("kriging", "pcc"));
    assert!((0.97..1.03).contains(&mean("blend", "bias")), "{}", mean("blend", "bias"));
    assert!((0.87..0.94).contains(&mean("blend", "coverage")), "{}", mean("blend", "coverage"));

    let expectations = scores["expectations"].as_array().unwrap();
    assert!(expectations.len() == 12 && expectations.iter().all(|one| one["method"] == "blend"), "{expectations:?}");
    let told = |one: &&Value| one["expected"]["correlation"].as_f64().unwrap() >= 0.3;
    assert!(expectations.iter().all(|one| (one["advice"] == "use") == told(&one)));

    let (store, dataset) =
        (Store::open(&at.join("blend.zarr")).unwrap(), Dataset::open(&at.join("section.s2s")).unwrap());
    for gene in store.genes() {
        let (imputed, median) = (store.gene(gene).unwrap(), store.median(gene).unwrap().unwrap());
        let Some(Interval::Between([lower, upper], 0.9)) = store.interval(gene).unwrap() else { panic!("{gene}") };
        let measured = dataset.measured_values(gene).unwrap();
        for (i, inside) in dataset.tissue().values().iter().enumerate() {
            let [imputed, median, lower, upper, measured] =
                [&imputed, &median, &lower, &upper, &measured].map(|map: &Raster<f32>| map.values()[i]);
            if !inside {
                assert!(imputed.is_nan() && median.is_nan() && lower.is_nan() && upper.is_nan());
            } else if dataset.sampling().measured().values()[i] {
                assert_eq!([imputed, median, lower, upper], [measured; 4]);
            } else {
                assert!(lower <= upper && lower >= 0.0 && median >= 0.0 && imputed >= 0.0, "{gene} {i}");
            }
        }
    }
    let paths = [at.join("blend.zarr"), at.join("section.s2s")];
    let Some(found) = common::python(
        "check_smoothed.py",
        &["zarr", "pandas", "pyarrow"],
        &paths.each_ref().map(|path| path.as_os_str()),
    ) else {
        return;
    };
    assert!((0.87..0.94).contains(&found["within"].as_f64().unwrap()), "{found}");
}

#[test]
fn nothing_but_measured_tissue_bins_is_read_and_the_answer_repeats() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    section(at);
    let dataset = Dataset::open(&at.join("section.s2s")).unwrap();
    let panel = panel(&dataset).unwrap();
    let (trials, experts) = (Trials::new(&panel).unwrap(), Experts::new(panel));
    let gene = &dataset.manifest().genes[3].name;
    let values = dataset.measured_values(gene).unwrap();
    let spoilt = Raster::from_fn(values.rows(), values.cols(), |row, col| {
        let known = dataset.tissue()[(row, col)] && dataset.sampling().measures(row, col);
        if known { values[(row, col)] } else { f32::NAN }
    });
    let bits = |map: &Raster<f32>| map.values().iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let [clean, other] = [&values, &spoilt].map(|values| experts.predict(values, &Weights::equal(), 0.9, 0).unwrap());
    assert_eq!(bits(&clean.mean), bits(&other.mean));
    assert_eq!(bits(&clean.median), bits(&other.median));
    let evidence = trials.evidence(&values, 0).unwrap();
    assert_eq!(trials.evidence(&spoilt, 0).unwrap(), evidence);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let alone = one.install(|| experts.predict(&values, &Weights::equal(), 0.9, 0).unwrap());
    assert_eq!(bits(&clean.mean), bits(&alone.mean));
}

#[test]
fn measured_bins_say_what_is_to_be_expected_and_too_few_say_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    section(at);
    run(at, "s2s-predict", "--dataset section.s2s --method blend --output blend.zarr");
    let store = Store::open(&at.join("blend.zarr")).unwrap();
    for record in store.records() {
        let choice = record.clone().unwrap().choice.unwrap();
        let total: f64 = choice.weights.iter().map(|(_, weight)| weight).sum();
        assert!((total - 1.0).abs() < 1e-12, "{choice:?}");
        let expected = choice.expected.clone().unwrap();
        let [lower, upper] = expected.between;
        assert!(lower < expected.rmse_ratio && expected.rmse_ratio < upper, "{choice:?}");
        assert!(lower <= 1.0 || choice.by == Predictor::Interpolation, "{choice:?}");
    }
    // Of 18 × 18 bins at most 81 are measured.
    run(at, "s2s-simulate", "--rows 18 --cols 18 --genes 12 --seed 6 --output small");
    run(at, "s2s-prep", "--input small --bin-um 30 --scale 2 --mode benchmark --output few.s2s");
    run(at, "s2s-predict", "--dataset few.s2s --method blend --output few.zarr");
    for record in Store::open(&at.join("few.zarr")).unwrap().records() {
        let choice = record.clone().unwrap().choice.unwrap();
        assert_eq!((choice.by, choice.advice(), choice.expected), (Predictor::Interpolation, Advice::Unknown, None));
    }
}
