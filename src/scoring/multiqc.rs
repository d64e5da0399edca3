//! The scores for MultiQC: custom content that it picks up by the name `*_mqc.json` and merges over samples.

use super::evaluate::{Region, Score};
use super::outcome::Outcome;
use serde_json::{Map, Value, json};

/// What comes before `_mqc.json` in the names of the files, and their contents; none without scores.
///
/// `SAMPLE.summary`: columns of MultiQC's general statistics, medians over the genes, a row for each method.
/// `SAMPLE.genes`: a table with a row for each gene and method. Both over the unmeasured in-tissue bins.
pub fn files(outcome: &Outcome) -> Vec<(String, Value)> {
    if outcome.scores.is_empty() {
        return Vec::new();
    }
    vec![
        (format!("{}.summary", outcome.sample), summary(outcome)),
        (format!("{}.genes", outcome.sample), genes(outcome)),
    ]
}

fn summary(outcome: &Outcome) -> Value {
    let rows = outcome.summary.iter().map(|method| {
        let figures = [("mae", method.mae), ("rmse", method.rmse), ("pcc", method.pcc), ("ssim", method.ssim)];
        (format!("{} {}", outcome.sample, method.label), cells(&figures))
    });
    let columns = columns("median over the genes, unmeasured in-tissue bins only");
    let columns: Vec<Value> = columns.into_iter().map(|(key, column)| json!({ key: column })).collect();
    json!({ "id": "s2s", "plot_type": "generalstats", "pconfig": columns, "data": rows.collect::<Map<_, _>>() })
}

fn genes(outcome: &Outcome) -> Value {
    let own = outcome.scores.iter().filter(|score| score.region == Region::Unmeasured);
    let rows = own.map(|score: &Score| {
        let figures = [("mae", score.mae), ("rmse", score.rmse), ("pcc", score.pcc), ("ssim", score.ssim)];
        (format!("{} {} {}", outcome.sample, score.gene, score.method), cells(&figures))
    });
    let headers: Map<String, Value> =
        columns("unmeasured in-tissue bins only").into_iter().map(|(key, column)| (key.to_owned(), column)).collect();
    json!({
        "id": "s2s_genes",
        "section_name": "s2s: scores by gene",
        "description": "How well every method predicted every gene, over the in-tissue bins that were not measured.",
        "plot_type": "table",
        "pconfig": { "id": "s2s_genes_table", "title": "s2s: scores by gene", "col1_header": "Sample, gene, method" },
        "headers": headers,
        "data": rows.collect::<Map<_, _>>(),
    })
}

/// The columns; errors are better when low, agreements when high.
fn columns(over: &str) -> Vec<(&'static str, Value)> {
    let column = |title: &str, what: &str, scale: &str| json!({ "title": title, "description": format!("{what}: {over}"), "scale": scale, "format": "{:,.3f}", "namespace": "s2s" });
    let error = |title: &str, what: &str| {
        let mut column = column(title, what, "OrRd");
        column["min"] = json!(0.0);
        column
    };
    let agreement = |title: &str, what: &str| {
        let mut column = column(title, what, "YlGn");
        column["max"] = json!(1.0);
        column
    };
    vec![
        ("mae", error("MAE", "Mean absolute error, log-normalised units")),
        ("rmse", error("RMSE", "Root mean squared error, log-normalised units")),
        ("pcc", agreement("PCC", "Pearson's correlation")),
        ("ssim", agreement("SSIM", "Structural similarity")),
    ]
}

/// A row of the table; a figure that is not defined has no cell.
fn cells(figures: &[(&str, Option<f64>)]) -> Value {
    figures.iter().filter_map(|(key, figure)| Some(((*key).to_owned(), json!((*figure)?)))).collect()
}
