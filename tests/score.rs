//! s2s-score on a section small enough to compute by hand.
//!
//! 8 × 8 bins, S = 2, every bin with a total of 100 but (1, 1) and (6, 6) with 5, below the 10 of the tissue. Gene A has a
//! count of 1 in the upper half and 3 in the lower one, so its values are ln 2 and 2 ln 2. The measured bin (6, 6) being
//! outside, the inferred tissue misses (6, 7), (7, 6) and (7, 7); and it holds (1, 1), which truly is outside.

use s2s::dataset::{Dataset, GeneCounts, Mode, SectionCounts, Settings, write};
use s2s::provenance::Provenance;
use s2s::scoring::{Outcome, Prediction, Region, Score, ScoreSettings, Target, score_into, verdicts};
use s2s::section::{Grid, Lattice, Raster, Sampling, Scale};
use s2s::store::{Choice, Expected, Interval, Predictor};
use std::path::Path;

const LN2: f64 = std::f64::consts::LN_2;

fn dataset(folder: &Path, mode: Mode) -> Dataset {
    let counts = |upper: u32, lower: u32| (0..64).map(|i| (i, if i < 32 { upper } else { lower })).collect();
    let section = SectionCounts {
        grid: Grid { rows: 8, cols: 8, bin_um: 30.0, origin_um: [0.0, 0.0] },
        totals: Raster::from_fn(8, 8, |row, col| if [(1, 1), (6, 6)].contains(&(row, col)) { 5 } else { 100 }),
        genes: vec![
            GeneCounts { name: "A".into(), counts: counts(1, 3) },
            GeneCounts { name: "B<1>".into(), counts: counts(3, 1) },
        ],
    };
    let lattice = Lattice::new(Scale::new(2).unwrap());
    let sampling = Sampling::regular(lattice, 8, 8);
    let settings = Settings { mode, sampling, min_counts: 10, patch: 8, platform: "csv".into() };
    write(folder, &section, &settings, provenance()).unwrap();
    Dataset::open(folder).unwrap()
}

fn provenance() -> Provenance {
    Provenance::new("s2s-score", serde_json::json!({}), None, vec![])
}

/// A prediction that keeps measured bins and gives `value` to the other bins of the inferred tissue.
fn prediction(
    dataset: &Dataset,
    method: &str,
    genes: &[&str],
    value: impl Fn(usize) -> f64 + Copy + 'static,
) -> Prediction {
    let own = dataset.clone();
    Prediction {
        label: method.to_owned(),
        method: method.to_owned(),
        path: format!("{method}.zarr"),
        dataset_fingerprint: dataset.fingerprint(),
        genes: genes.iter().map(|gene| (*gene).to_owned()).collect(),
        missing: Vec::new(),
        choices: Default::default(),
        interval: Box::new(|_| Ok(None)),
        median: Box::new(|_| Ok(None)),
        read: Box::new(move |gene| {
            let measured = own.values(gene)?;
            Ok(Raster::from_fn(8, 8, |row, col| match (own.tissue()[(row, col)], own.lattice().measures(row, col)) {
                (false, _) => f32::NAN,
                (true, true) => measured[(row / 2, col / 2)],
                (true, false) => value(row) as f32,
            }))
        }),
    }
}

fn flat(_row: usize) -> f64 {
    LN2
}

fn right_for_a(row: usize) -> f64 {
    if row < 4 { LN2 } else { 2.0 * LN2 }
}

fn run(dataset: &Dataset, predictions: &[Prediction], output: &Path) -> s2s::Result<Outcome> {
    score_with(dataset, predictions, None, Target { folder: output, plots: None })
}

fn score_with(
    dataset: &Dataset,
    predictions: &[Prediction],
    reference: Option<&str>,
    output: Target,
) -> s2s::Result<Outcome> {
    let settings = ScoreSettings { dataset, predictions, reference, provenance: &provenance() };
    score_into(&settings, output, |_, _, _| ())
}

fn row<'a>(outcome: &'a Outcome, gene: &str, method: &str, region: Region) -> &'a Score {
    outcome.scores.iter().find(|s| s.gene == gene && s.method == method && s.region == region).unwrap()
}

#[track_caller]
fn close(got: Option<f64>, expected: f64) {
    assert!((got.unwrap() - expected).abs() < 1e-6, "got {got:?}, expected {expected}");
}

#[test]
fn scores_are_those_computed_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(&folder.path().join("tiny.s2s"), Mode::Benchmark);
    let predictions =
        [prediction(&dataset, "s2s", &["A"], right_for_a), prediction(&dataset, "bilinear", &["A"], flat)];
    let outcome = run(&dataset, &predictions, &folder.path().join("scores")).unwrap();

    let bins = outcome.bins;
    assert_eq!((bins.tissue, bins.measured, bins.unmeasured), (62, 15, 47));
    let mask = outcome.mask.unwrap();
    assert_eq!((mask.missed, mask.extra), (3, 1));
    close(Some(mask.missed_share), 3.0 / 47.0);
    // Inferred: 64 bins less (6, 6) and the three missed ones, of which 15 are measured.
    close(Some(mask.extra_share), 1.0 / 45.0);

    // In units of ln 2, unmeasured: 23 upper bins without error, 21 lower ones off by 1, 3 missed ones off by 2.
    let flat = row(&outcome, "A", "bilinear", Region::Unmeasured);
    assert_eq!((flat.bins, flat.missed), (47, 3));
    close(flat.value("mae"), 27.0 / 47.0 * LN2);
    close(flat.value("rmse"), (33.0f64 / 47.0).sqrt() * LN2);
    let deviation = |squares: f64, sum: f64| (squares - sum * sum / 47.0).sqrt();
    close(flat.value("pcc"), (65.0 - 71.0 * 44.0 / 47.0) / (deviation(119.0, 71.0) * deviation(44.0, 44.0)));
    let whole = row(&outcome, "A", "bilinear", Region::Tissue);
    assert_eq!(whole.bins, 62);
    close(whole.value("mae"), 27.0 / 62.0 * LN2);

    // Right everywhere but in the missed bins.
    let right = row(&outcome, "A", "s2s", Region::Unmeasured);
    close(right.value("mae"), 6.0 / 47.0 * LN2);
    close(right.value("mae_ratio"), 6.0 / 27.0);
    close(right.value("rmse_ratio"), (12.0f64 / 33.0).sqrt());
    assert!(right.value("ssim") > flat.value("ssim") && right.value("ssim_frame").is_none());
    assert_eq!((outcome.baseline.as_deref(), outcome.warnings.len()), (Some("bilinear"), 0));
    assert_eq!((outcome.summary[0].better, outcome.summary[0].compared), (1, 1));

    // Better than bilinear by ln 2 in the 21 lower bins, the same in all others.
    assert_eq!(outcome.reference.as_deref(), Some("bilinear"));
    close(right.value("improvement_ratio"), 21.0 / 47.0);
    close(right.value("tie_ratio"), 26.0 / 47.0);
    close(right.value("mean_gain"), 21.0 / 47.0 * LN2);
    let none = |score: &Score| {
        [score.value("improvement_ratio"), score.value("tie_ratio"), score.value("mean_gain")] == [None; 3]
    };
    assert!(none(flat) && none(row(&outcome, "A", "s2s", Region::Tissue)), "nothing is compared with itself");
}

#[test]
fn the_reference_is_the_one_asked_for_else_bilinear_else_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(&folder.path().join("tiny.s2s"), Mode::Benchmark);
    let output = folder.path().join("scores");
    let make = |method| prediction(&dataset, method, &["A"], flat);
    let (three, two) = ([make("s2s"), make("bilinear"), make("nearest")], [make("s2s"), make("nearest")]);
    let reference = |predictions: &[Prediction], given: Option<&str>| {
        score_with(&dataset, predictions, given, Target { folder: &output, plots: None })
            .map(|outcome| outcome.reference)
    };
    assert_eq!(reference(&three, Some("s2s")).unwrap().as_deref(), Some("s2s"));
    assert_eq!(reference(&three, None).unwrap().as_deref(), Some("bilinear"));
    assert_eq!(reference(&two, None).unwrap().as_deref(), Some("nearest"));
    assert_eq!(reference(&two[..1], None).unwrap(), None, "one prediction has nothing to be compared with");
    let error = reference(&two, Some("neares")).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("The nearest: nearest, s2s"), "{error}");
}

#[test]
fn the_three_tables_agree_and_the_report_stands_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(&folder.path().join("tiny.s2s"), Mode::Benchmark);
    let output = folder.path().join("scores");
    let predictions =
        [prediction(&dataset, "s2s", &["A", "B<1>"], right_for_a), prediction(&dataset, "bilinear", &["A"], flat)];
    // Twice: an earlier output is replaced.
    run(&dataset, &predictions, &output).unwrap();
    let outcome = run(&dataset, &predictions, &output).unwrap();
    // Two methods for A and one for B<1>, each over two regions.
    assert_eq!(outcome.scores.len(), 6);

    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(output.join("scores.json")).unwrap()).unwrap();
    assert_eq!(json["provenance"]["tool"], "s2s-score");
    let mut csv = csv::Reader::from_path(output.join("scores.csv")).unwrap();
    let names = csv.headers().unwrap().clone();
    let column = |name: &str| names.iter().position(|n| n == name).unwrap();
    let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    let file = std::fs::File::open(output.join("scores.parquet")).unwrap();
    let batch =
        parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 1024).unwrap().next().unwrap().unwrap();
    let numbers = |name: &str| {
        let column = batch.column_by_name(name).unwrap();
        column.as_any().downcast_ref::<arrow_array::Float64Array>().unwrap().iter().collect::<Vec<_>>()
    };
    for name in ["mae", "rmse", "pcc", "ssim", "mae_ratio", "improvement_ratio", "tie_ratio", "mean_gain"] {
        for (i, value) in numbers(name).into_iter().enumerate() {
            assert_eq!(json["scores"][i][name].as_f64(), value, "{name} in row {i}");
            assert_eq!(rows[i][column(name)].parse::<f64>().ok(), value, "{name} in row {i}");
        }
    }
    assert!(rows[4][column("mae_ratio")].is_empty(), "B<1> was not predicted by the baseline");

    let html = std::fs::read_to_string(output.join("report.html")).unwrap();
    // Truth, input, a prediction and an error for each method, and the gain over bilinear: 7 for A, 4 for B<1>.
    assert_eq!(html.matches("data:image/png;base64,").count(), 11);
    assert!(html.contains("B&lt;1&gt;") && !html.contains("B<1>"), "names are escaped");
    for outside in ["http://", "https://", "<link", "@import", "src=\"/"] {
        assert!(!html.contains(outside), "the report refers to {outside}");
    }
}

#[test]
fn plots_are_files_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(&folder.path().join("tiny.s2s"), Mode::Benchmark);
    let (output, plots) = (folder.path().join("scores"), folder.path().join("plots"));
    let predictions = [
        prediction(&dataset, "s2s", &["A", "B<1>"], right_for_a),
        prediction(&dataset, "bilinear", &["A", "B<1>"], flat),
    ];
    let target = Target { folder: &output, plots: Some(&plots) };
    score_with(&dataset, &predictions, None, target).unwrap();
    let names = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = entries.collect();
        names.sort();
        names
    };
    let charts = ["A.svg", "B%3C1%3E.svg", "errors_by_border.svg", "errors_by_level.svg", "maps", "scores.svg"];
    let found: Vec<String> = names(&plots).into_iter().filter(|name| name != "provenance.json").collect();
    assert_eq!(found, charts);
    let of_gene = ["bilinear.error", "bilinear", "input", "s2s.error", "s2s.gain", "s2s", "truth"];
    let mut maps: Vec<String> =
        ["A", "B%3C1%3E"].iter().flat_map(|gene| of_gene.iter().map(move |map| format!("{gene}.{map}.png"))).collect();
    maps.sort();
    assert_eq!(names(&plots.join("maps")), maps);
    let truth = image::open(plots.join("maps/A.truth.png")).unwrap().into_rgba8();
    assert_eq!(truth.dimensions(), (8, 8), "a pixel per bin");
    assert_eq!((truth.get_pixel(1, 1).0[3], truth.get_pixel(0, 0).0[3]), (0, 255), "transparent outside the tissue");
    for svg in charts.iter().filter(|name| name.ends_with("svg")) {
        let text = std::fs::read_to_string(plots.join(svg)).unwrap();
        assert!(text.starts_with(r#"<svg xmlns="http://www.w3.org/2000/svg""#) && text.trim_end().ends_with("</svg>"));
        assert!(!text.contains("B<1>") && !text.contains("NaN") && !text.contains("inf"), "{svg}");
    }
}

#[test]
fn without_a_truth_there_are_maps_and_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(&folder.path().join("tiny.s2s"), Mode::Impute);
    let output = folder.path().join("scores");
    let outcome = run(&dataset, &[prediction(&dataset, "s2s", &["A"], flat)], &output).unwrap();
    assert!(outcome.scores.is_empty() && outcome.summary.is_empty() && outcome.mask.is_none());
    let html = std::fs::read_to_string(output.join("report.html")).unwrap();
    assert!(html.contains("No truth") && html.contains("Nothing tells how good these predictions are"));
    assert_eq!(html.matches("data:image/png;base64,").count(), 3, "input, interpolation beside it, and prediction");
    assert_eq!(std::fs::read_to_string(output.join("scores.csv")).unwrap().lines().count(), 1);
}

/// The prediction with intervals of this width around its unmeasured bins.
fn between(mut prediction: Prediction, width: f32) -> Prediction {
    let ends = |add: f32| Raster::from_fn(8, 8, move |row, col| if row % 2 + col % 2 == 0 { 1.0 } else { 1.0 + add });
    prediction.interval = Box::new(move |_| Ok(Some(Interval::Between([ends(0.0), ends(width)], 0.9))));
    prediction
}

#[test]
fn each_gene_with_maps_has_a_map_of_its_uncertainty() {
    let folder = tempfile::tempdir().unwrap();
    for mode in [Mode::Benchmark, Mode::Impute] {
        let dataset = dataset(&folder.path().join(format!("{mode:?}.s2s")), mode);
        let (output, plots) = (folder.path().join("scores"), folder.path().join("plots"));
        let predictions = [
            between(prediction(&dataset, "blend", &["A", "B<1>"], right_for_a), 3.0),
            prediction(&dataset, "bilinear", &["A", "B<1>"], flat),
        ];
        let target = Target { folder: &output, plots: Some(&plots) };
        score_with(&dataset, &predictions, None, target).unwrap();
        let html = std::fs::read_to_string(output.join("report.html")).unwrap();
        assert_eq!(html.matches(r#": Uncertainty of blend""#).count(), 2, "{mode:?}");
        assert_eq!(html.matches(r#": Uncertainty of bilinear""#).count(), 0, "it has none");
        assert!(html.contains(r#"alt="A: Input""#), "a picture tells its gene to who only hears of it");
        assert!(
            html.contains(r#"id="gene-B%3C1%3E""#),
            "an identifier holds what HTML allows, whatever a gene is called"
        );
        let map = image::open(plots.join("maps/B%3C1%3E.blend.uncertainty.png")).unwrap().into_rgba8();
        // Half the width everywhere but at measured bins: those are the one end of the colours, the others the other.
        let (measured, other) = (map.get_pixel(0, 0).0, map.get_pixel(1, 0).0);
        assert_eq!((measured, map.get_pixel(2, 0).0), ([255; 4], measured));
        assert_eq!((other, map.get_pixel(0, 1).0), ([0x3f, 0x00, 0x7d, 255], other));
    }
}

#[test]
fn the_verdict_is_first_and_pictures_come_before_paragraphs() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(&folder.path().join("tiny.s2s"), Mode::Benchmark);
    let output = folder.path().join("scores");
    let predictions = [
        prediction(&dataset, "blend", &["A", "B<1>"], right_for_a),
        prediction(&dataset, "bilinear", &["A", "B<1>"], flat),
    ];
    let outcome = run(&dataset, &predictions, &output).unwrap();
    let [verdict] = &verdicts(&outcome)[..] else { panic!("{:?}", verdicts(&outcome)) };
    // Right for A, and wrong by ln 2 in all of the lower half of B<1> but in half of that of the upper one.
    let ratio = |gene: &str| {
        let rmse = |method: &str| row(&outcome, gene, method, Region::Unmeasured).value("rmse").unwrap();
        rmse("blend") / rmse("bilinear")
    };
    assert!(ratio("A") < 1.0 && ratio("B<1>") > 1.0);
    let told = format!("blend beats interpolation on 1 of 2 genes, is worse on 1 (B<1> {:.3})", ratio("B<1>"));
    assert!(verdict.starts_with(&told), "{verdict}");
    let html = std::fs::read_to_string(output.join("report.html")).unwrap();
    let at = |what: &str| html.split_once("<main>").unwrap().1.find(what).unwrap_or(usize::MAX);
    assert_eq!(at(r#"<p class="verdict""#), 0);
    // With nothing to compare with, that is said.
    let alone = run(&dataset, &predictions[..1], &folder.path().join("alone")).unwrap();
    let [verdict] = &verdicts(&alone)[..] else { panic!("{:?}", verdicts(&alone)) };
    assert!(verdict.starts_with("blend: PCC ") && verdict.contains("interpolation would do as well is not known"));
    assert!(at("<img") < at("<table") && at("<img") < at("<svg") && at("<img") < at("<details class=\"how\""));
}

#[test]
fn medians_are_over_the_genes_that_every_prediction_holds() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(&folder.path().join("tiny.s2s"), Mode::Benchmark);
    let summary = |of: &[Prediction]| run(&dataset, of, &folder.path().join("scores")).unwrap();
    let one = prediction(&dataset, "blend", &["A"], flat);
    let both = prediction(&dataset, "bilinear", &["A", "B<1>"], flat);
    let outcome = summary(&[one, both]);
    assert!(outcome.summary.iter().all(|method| method.genes == 1));
    let of_a = row(&outcome, "A", "bilinear", Region::Unmeasured).value("mae");
    assert!(outcome.summary[1].medians.value("mae") == of_a && of_a.is_some());
    let [warning] = &outcome.warnings[..] else { panic!("{:?}", outcome.warnings) };
    assert!(warning.contains("over the 1 gene that every prediction holds") && warning.contains("B<1>"), "{warning}");
    let [verdict] = &verdicts(&outcome)[..] else { panic!("{:?}", verdicts(&outcome)) };
    assert!(verdict.starts_with("blend beats interpolation on 0 of 1 gene, equals it on 1:"), "{verdict}");
}

#[test]
fn without_a_truth_every_gene_is_once_to_use_to_leave_or_not_known() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(&folder.path().join("tiny.s2s"), Mode::Impute);
    let choice = |correlation: Option<f64>| Choice {
        by: Predictor::Blend,
        why: "too few measured bins".to_owned(),
        network: None,
        weights: vec![("kriging".to_owned(), 1.0)],
        expected: correlation.map(|found| Expected {
            rmse_ratio: 0.9,
            between: [0.8, 0.97],
            correlation: Some(found),
            bins: 16,
        }),
    };
    let named =
        |html: &str, advice: &str, gene: &str| html.matches(&format!(r#"data-advice="{advice}">{gene}<"#)).count();
    for (a, b) in [(Some(0.8), Some(0.1)), (Some(0.3), None), (None, Some(0.29))] {
        let mut blend = prediction(&dataset, "blend", &["A", "B<1>"], flat);
        blend.choices = [("A".to_owned(), choice(a)), ("B<1>".to_owned(), choice(b))].into();
        // Another one that advises otherwise: the first counts.
        let mut second = prediction(&dataset, "s2s", &["A", "B<1>"], flat);
        second.choices = [("A".to_owned(), choice(Some(0.5)))].into();
        let output = folder.path().join("scores");
        run(&dataset, &[blend, second], &output).unwrap();
        let html = std::fs::read_to_string(output.join("report.html")).unwrap();
        for (gene, correlation) in [("A", a), ("B&lt;1&gt;", b)] {
            let expected = correlation.map_or("not known", |found| if found < 0.3 { "leave" } else { "use" });
            for advice in ["use", "leave", "not known"] {
                assert_eq!(named(&html, advice, gene), usize::from(advice == expected), "{gene} {advice}");
            }
        }
    }
    let output = folder.path().join("unknown");
    run(&dataset, &[prediction(&dataset, "bilinear", &["A"], flat)], &output).unwrap();
    let html = std::fs::read_to_string(output.join("report.html")).unwrap();
    assert_eq!((named(&html, "not known", "A"), html.matches("data-advice").count()), (1, 1));
}

#[test]
fn a_prediction_of_another_dataset_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(&folder.path().join("tiny.s2s"), Mode::Benchmark);
    let mut other = prediction(&dataset, "s2s", &["A"], flat);
    other.dataset_fingerprint = "0123".into();
    let output = folder.path().join("scores");
    let error = run(&dataset, &[other], &output).unwrap_err();
    assert_eq!(error.exit_code(), 65);
    assert!(error.to_string().contains("0123") && error.to_string().contains(&dataset.fingerprint()), "{error}");
    assert!(!output.exists());
}

#[test]
fn a_benchmark_without_its_truth_is_a_missing_input() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.s2s");
    let dataset = dataset(&path, Mode::Benchmark);
    std::fs::remove_file(path.join("truth.parquet")).unwrap();
    let output = folder.path().join("scores");
    let error = run(&dataset, &[prediction(&dataset, "s2s", &["A"], flat)], &output).unwrap_err();
    assert_eq!(error.exit_code(), 66);
    assert!(error.to_string().contains("truth.parquet") && !output.exists(), "{error}");
}

#[test]
fn changed_measured_bins_and_missing_predictions_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(&folder.path().join("tiny.s2s"), Mode::Benchmark);
    let mut wrong = prediction(&dataset, "s2s", &["A"], flat);
    let read = wrong.read;
    wrong.read = Box::new(move |gene| {
        let mut map = read(gene)?;
        map[(0, 0)] += 0.5;
        map[(3, 3)] = f32::NAN;
        Ok(map)
    });
    let outcome = run(&dataset, &[wrong], &folder.path().join("scores")).unwrap();
    assert_eq!(outcome.warnings.len(), 2, "{:?}", outcome.warnings);
    assert!(outcome.warnings[0].contains("1 measured bins") && outcome.warnings[0].contains("(A)"));
    assert!(outcome.warnings[1].contains("1 in-tissue bins hold no prediction"));
    assert_eq!(row(&outcome, "A", "s2s", Region::Unmeasured).missed, 4);
}
