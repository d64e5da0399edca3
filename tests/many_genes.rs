//! A report of more genes than a page can show: the best and the worst are there, and the others are found.

#[path = "common/stages.rs"]
mod stages;

use s2s::dataset::Dataset;
use s2s::provenance::Provenance;
use s2s::scoring::registry::{in_files, shown};
use s2s::scoring::{Metric, Outcome, Place, Prediction, ScoreSettings, Target, score_into};
use s2s::section::Raster;
use s2s::store::{Choice, Expected, Interval, Predictor};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// As many are simulated; some have too few counts in so small a section, and more than 300 are left.
const GENES: usize = 320;

/// Figures of `scores.csv` by gene, method, region and key.
type Figures = HashMap<[String; 4], Option<f64>>;

fn figures(csv: &Path) -> Figures {
    let mut reader = csv::Reader::from_path(csv).unwrap();
    let names = reader.headers().unwrap().clone();
    let mut all = Figures::new();
    for row in reader.records().map(Result::unwrap) {
        for (key, value) in names.iter().zip(&row) {
            let [gene, method, region] = [0, 1, 2].map(|column| row[column].to_owned());
            all.insert([gene, method, region, key.to_owned()], value.parse().ok());
        }
    }
    all
}

fn figure(all: &Figures, at: [&str; 4]) -> Option<f64> {
    all[&at.map(str::to_owned)]
}

/// The page from `heading` to the next one.
fn section<'a>(html: &'a str, heading: &str) -> &'a str {
    let after = html.split_once(&format!("<h2>{heading}</h2>")).unwrap_or_else(|| panic!("no {heading}")).1;
    after.split("<h2>").next().unwrap()
}

/// The body of the table of a `section`, and the lines of its data.
fn listed(section: &str) -> (&str, Vec<String>) {
    let body = section.split_once("<tbody>").unwrap().1.split_once("</tbody>").unwrap().0;
    let data = section.split_once(r#"<script type="application/json">"#).unwrap().1.split_once("</script>").unwrap().0;
    let text: String = serde_json::from_str(data).unwrap();
    (body, text.lines().map(str::to_owned).collect())
}

/// The genes of the rows of a table's body, each once.
fn genes(body: &str) -> Vec<&str> {
    let cells = body.split(r#"<td class="text gene">"#).skip(1);
    let mut names: Vec<&str> = cells.map(|cell| cell.split('<').next().unwrap()).collect();
    names.dedup();
    names
}

/// The columns of the table of all scores, with the region that they are of.
fn columns() -> Vec<(&'static Metric, &'static str)> {
    let places = [
        (Place::Unmeasured, "unmeasured"),
        (Place::Gain, "unmeasured"),
        (Place::Tissue, "tissue"),
        (Place::Moran, "tissue"),
        (Place::Geary, "tissue"),
    ];
    places
        .iter()
        .flat_map(|(place, region)| shown(&[*place]).into_iter().map(move |metric| (metric, *region)))
        .collect()
}

#[test]
fn of_many_genes_the_ends_are_shown_and_the_data_of_all_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    stages::run(at, "s2s-simulate", &format!("--rows 24 --cols 24 --genes {GENES} --output section"));
    stages::run(at, "s2s-prep", "section --bin-um 30 --mode benchmark --output a.s2s");
    for method in ["bilinear", "nearest"] {
        stages::run(at, "s2s-predict", &format!("a.s2s --method {method} --output {method}.zarr"));
    }
    stages::run(at, "s2s-score", "a.s2s bilinear.zarr nearest.zarr --output report");
    let html = std::fs::read_to_string(at.join("report/report.html")).unwrap();
    for outside in ["http://", "https://", "<link", "@import", "src=\"/"] {
        assert!(!html.contains(outside), "the report refers to {outside}");
    }
    let all = figures(&at.join("report/scores.csv"));
    let (body, lines) = listed(section(&html, "All scores"));

    // The data hold every gene, with the figures of scores.csv as tables show them, and a star before the best.
    let genes_of_csv: HashSet<&String> = all.keys().map(|[gene, ..]| gene).collect();
    assert!(lines.len() == genes_of_csv.len() && lines.len() > 300);
    let (columns, methods) = (columns(), ["bilinear", "nearest"]);
    for line in &lines {
        let mut fields = line.split('\t');
        let gene = fields.next().unwrap();
        let rows = methods.map(|_| fields.by_ref().take(columns.len()).collect::<Vec<_>>());
        assert_eq!(fields.next(), None, "{gene} has as many fields as the table has cells");
        for (i, (metric, region)) in columns.iter().enumerate() {
            let starred = rows.iter().filter(|row| row[i].starts_with('*')).count();
            assert!(if metric.ranks { starred < 3 } else { starred == 0 }, "{gene}: {}", metric.key);
            // Those that are made of others are in no file.
            if !in_files().any(|own| own.key == metric.key) {
                continue;
            }
            for (method, row) in methods.iter().zip(&rows) {
                let value = figure(&all, [gene, method, region, metric.key]);
                assert_eq!(row[i].trim_start_matches('*'), metric.text(value), "{gene}, {method}: {}", metric.key);
            }
        }
    }

    // The rows are those of the ends of the order, which is that of the one that is not the baseline.
    let correlation = |gene: &str| figure(&all, [gene, "nearest", "unmeasured", "pcc"]);
    let order: Vec<&str> = lines.iter().map(|line| line.split('\t').next().unwrap()).collect();
    // Those without a correlation come last, and are not the worst.
    let (order, unknown) = order.split_at(order.iter().take_while(|gene| correlation(gene).is_some()).count());
    assert!(unknown.iter().all(|gene| correlation(gene).is_none()));
    assert!(order.windows(2).all(|pair| correlation(pair[0]) >= correlation(pair[1])));
    let ends = [&order[..50], &order[order.len() - 50..]].concat();
    assert_eq!((genes(body), body.matches("<tr>").count()), (ends, 200));

    // So are the pictures, the worst first among theirs; and the dots are of genes at even steps.
    let pictured: Vec<&str> = html.split(r#"<details class="gene" id="gene-"#).skip(1).collect();
    let named: Vec<&str> = pictured.iter().map(|card| card.split('"').next().unwrap()).collect();
    let worst = order[order.len() - 30..].iter().rev().copied();
    assert_eq!(named, order[..30].iter().copied().chain(worst).collect::<Vec<_>>());
    assert!(html.contains("Here are the 30 best and the 30 worst, by the PCC of nearest"));
    let chart = section(&html, "Charts");
    assert!(
        chart.contains(&format!(
            r#"aria-label="Scores by gene and method: 80 of {} genes, evenly through"#,
            lines.len()
        ))
    );
    // MAE and RMSE of two methods; correlations that are defined.
    assert!((80 * 2 * 2..=80 * 2 * 3).contains(&chart.matches("<circle").count()));
    let dotted = |gene: &str| chart.contains(&format!(r#"class="name">{gene}</text>"#));
    assert!(dotted(order[0]) && dotted(order[order.len() - 1]));
}

/// The prediction with a choice for each gene, of which the correlation is told of all but the first, and intervals as wide as its place.
fn judged(mut prediction: Prediction) -> Prediction {
    let choice = |i: usize| Choice {
        by: Predictor::Blend,
        why: "too few measured bins".to_owned(),
        network: None,
        weights: vec![("kriging".to_owned(), 1.0)],
        expected: (i > 0).then(|| Expected {
            rmse_ratio: 0.9,
            between: [0.8, 0.97],
            // Neighbours are far apart in the order.
            correlation: Some((i * 7 % 311) as f64 / 311.0),
            bins: 16,
        }),
    };
    prediction.choices = prediction.genes.iter().enumerate().map(|(i, gene)| (gene.clone(), choice(i))).collect();
    let places: HashMap<String, f32> =
        prediction.genes.iter().enumerate().map(|(i, gene)| (gene.clone(), i as f32 / 311.0)).collect();
    prediction.interval = Box::new(move |gene| {
        let ends = [0.0, 4.0 * places[gene]].map(|end| Raster::filled(24, 24, end));
        Ok(Some(Interval::Between(ends, 0.5)))
    });
    prediction
}

/// The report of the prediction in `folder` by nearest neighbours, judged, on a section prepared as `mode`.
fn report(folder: &Path, mode: &str) -> (String, Outcome) {
    stages::run(folder, "s2s-simulate", &format!("--rows 24 --cols 24 --genes {GENES} --output section"));
    stages::run(folder, "s2s-prep", &format!("section --bin-um 30 --mode {mode} --output a.s2s"));
    stages::run(folder, "s2s-predict", "a.s2s --method nearest --output nearest.zarr");
    let dataset = Dataset::open(&folder.join("a.s2s")).unwrap();
    let predictions = [judged(Prediction::open(&folder.join("nearest.zarr")).unwrap())];
    let provenance = Provenance::new("s2s-score", serde_json::json!({}), None, vec![]);
    let settings =
        ScoreSettings { dataset: &dataset, predictions: &predictions, reference: None, provenance: &provenance };
    let output = folder.join("report");
    let outcome = score_into(&settings, Target { folder: &output, plots: None }, |_, _, _| ()).unwrap();
    (std::fs::read_to_string(output.join("report.html")).unwrap(), outcome)
}

#[test]
fn what_to_expect_of_many_genes_is_listed_by_its_ends_too() {
    let folder = tempfile::tempdir().unwrap();
    let (html, outcome) = report(folder.path(), "impute");
    let expected: HashMap<&str, Option<f64>> = outcome
        .expectations
        .iter()
        .map(|one| (one.gene.as_str(), one.choice.expected.as_ref().and_then(|found| found.correlation)))
        .collect();
    let section = section(&html, "What to expect");
    let (body, lines) = listed(section);
    assert!(lines.len() == expected.len() && lines.len() > 300);
    let mut before = f64::INFINITY;
    for line in &lines {
        let fields: Vec<&str> = line.split('\t').collect();
        let correlation = expected[fields[0]];
        assert_eq!(fields[2], correlation.map_or("–".to_owned(), |found| format!("{found:.2}")), "{}", fields[0]);
        let place = correlation.unwrap_or(f64::NEG_INFINITY);
        assert!(place <= before, "{} stands after worse ones", fields[0]);
        before = place;
    }
    // The one of which nothing is known is none of the worst.
    let order: Vec<&str> = lines[..lines.len() - 1].iter().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(genes(body), [&order[..50], &order[order.len() - 50..]].concat());
    assert_eq!(section.matches("<circle").count(), 80 * 2);
    assert_eq!(html.matches(r#"<details class="gene""#).count(), 60, "without a truth the first are shown");
    assert!(html.contains("Here are the first 60."));
}

#[test]
fn intervals_of_many_genes_are_listed_by_how_well_they_hold() {
    let folder = tempfile::tempdir().unwrap();
    let (html, outcome) = report(folder.path(), "benchmark");
    let (body, lines) = listed(section(&html, "Uncertainty"));
    assert_eq!(lines.len(), outcome.intervals.len());
    let away: HashMap<&str, f64> = outcome
        .intervals
        .iter()
        .map(|one| (one.gene.as_str(), (one.values.value("coverage").unwrap() - one.nominal).abs()))
        .collect();
    let order: Vec<&str> = lines.iter().map(|line| line.split('\t').next().unwrap()).collect();
    assert!(order.windows(2).all(|pair| away[pair[0]] <= away[pair[1]]));
    assert_eq!(genes(body), [&order[..50], &order[order.len() - 50..]].concat());
    // Without a baseline scores are ordered by correlation.
    assert!(section(&html, "All scores").contains("by the PCC of nearest over the unmeasured bins"));
}
