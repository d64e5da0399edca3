//! The scores for MultiQC: custom content that it picks up by the name `*_mqc.json` and merges over samples.

use super::metric::{Better, Place, Values};
use super::outcome::Outcome;
use super::panel_scores::{PanelScore, PanelScores};
use super::regions::Region;
use super::registry::shown;
use super::score::Score;
use super::summary::MethodSummary;
use serde_json::{Map, Value, json};

/// What comes before `_mqc.json` in the names of the files, and their contents; none without scores.
///
/// `SAMPLE.summary`: columns of MultiQC's general statistics, medians over the genes, a row for each method.
/// `SAMPLE.genes`: a table with a row for each gene and method. `SAMPLE.panel`: a table with a row for each method, where there
/// is a panel. All over the unmeasured in-tissue bins.
pub(super) fn files(outcome: &Outcome) -> Vec<(String, Value)> {
    if outcome.scores.is_empty() {
        return Vec::new();
    }
    let mut files = vec![
        (format!("{}.summary", outcome.sample), summary(outcome)),
        (format!("{}.genes", outcome.sample), genes(outcome)),
    ];
    files.extend(outcome.panel.as_ref().map(|scores| (format!("{}.panel", outcome.sample), panel(outcome, scores))));
    files
}

fn summary(outcome: &Outcome) -> Value {
    let row =
        |method: &MethodSummary| (named(&[&outcome.sample, &method.label]), cells(&method.medians, Place::MultiQc));
    let columns = columns(Place::MultiQc, "median over the genes, unmeasured in-tissue bins only");
    let columns: Vec<Value> = columns.map(|(key, column)| json!({ key: column })).collect();
    let rows: Map<_, _> = outcome.summary.iter().map(row).collect();
    json!({ "id": "s2s", "plot_type": "generalstats", "pconfig": columns, "data": rows })
}

fn genes(outcome: &Outcome) -> Value {
    let own = outcome.scores.iter().filter(|score| score.region == Region::Unmeasured);
    let row =
        |score: &Score| (named(&[&outcome.sample, &score.gene, &score.method]), cells(&score.values, Place::MultiQc));
    json!({
        "id": "s2s_genes",
        "section_name": "s2s: scores by gene",
        "description": "How well every method predicted every gene, over the in-tissue bins that were not measured.",
        "plot_type": "table",
        "pconfig": { "id": "s2s_genes_table", "title": "s2s: scores by gene", "col1_header": "Sample, gene, method" },
        "headers": headers(Place::MultiQc, "unmeasured in-tissue bins only"),
        "data": own.map(row).collect::<Map<_, _>>(),
    })
}

fn panel(outcome: &Outcome, scores: &PanelScores) -> Value {
    let over = format!("{} genes, {} unmeasured in-tissue bins", scores.genes, scores.bins);
    let row =
        |score: &PanelScore| (named(&[&outcome.sample, &score.method]), cells(&score.values, Place::MultiQcPanel));
    json!({
        "id": "s2s_panel",
        "section_name": "s2s: the panel",
        "description": "How well the genes together serve their analysis: prediction against truth.",
        "plot_type": "table",
        "pconfig": { "id": "s2s_panel_table", "title": "s2s: the panel", "col1_header": "Sample, method" },
        "headers": headers(Place::MultiQcPanel, &over),
        "data": scores.methods.iter().map(row).collect::<Map<_, _>>(),
    })
}

/// The name of a row. It goes into a page that another program writes: no name of a gene may be an element there.
fn named(parts: &[&str]) -> String {
    parts.join(" ").replace('<', "‹").replace('>', "›")
}

fn headers(place: Place, over: &str) -> Map<String, Value> {
    columns(place, over).map(|(key, column)| (key.to_owned(), column)).collect()
}

/// The columns of the metrics shown in `place`; errors begin at 0 and are better when low, all others end at 1.
fn columns(place: Place, over: &str) -> impl Iterator<Item = (&'static str, Value)> {
    shown(&[place]).into_iter().map(move |metric| {
        let unit = if metric.unit.is_empty() { String::new() } else { format!(", {}", metric.unit) };
        let (scale, end, at) = if metric.better == Better::Low { ("OrRd", "min", 0.0) } else { ("YlGn", "max", 1.0) };
        let column = json!({
            "title": metric.title,
            "description": format!("{}{unit}: {over}", metric.explained),
            "scale": scale,
            "format": "{:,.3f}",
            "namespace": "s2s",
            end: at,
        });
        (metric.key, column)
    })
}

/// A row of the table; a figure that is not defined has no cell.
fn cells(values: &Values, place: Place) -> Value {
    shown(&[place]).into_iter().filter_map(|metric| Some((metric.key.to_owned(), json!(values.of(metric)?)))).collect()
}
