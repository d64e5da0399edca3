//! The scores for MultiQC: custom content that it picks up by the name `*_mqc.json` and merges over samples.

use super::evaluate::{Region, Score};
use super::outcome::Outcome;
use super::panel::PanelScores;
use super::registry::{Better, Metric, shown};
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
    let rows = outcome.summary.iter().map(|method| {
        let figures = [
            ("mae", method.mae),
            ("rmse", method.rmse),
            ("pcc", method.pcc),
            ("pcc_ceiling", method.pcc_ceiling),
            ("ssim", method.ssim),
        ];
        (format!("{} {}", outcome.sample, method.label), cells(&figures))
    });
    let columns = columns("median over the genes, unmeasured in-tissue bins only");
    let columns: Vec<Value> = columns.into_iter().map(|(key, column)| json!({ key: column })).collect();
    json!({ "id": "s2s", "plot_type": "generalstats", "pconfig": columns, "data": rows.collect::<Map<_, _>>() })
}

fn genes(outcome: &Outcome) -> Value {
    let own = outcome.scores.iter().filter(|score| score.region == Region::Unmeasured);
    let rows = own.map(|score: &Score| {
        let figures: Vec<_> = headlines().map(|metric| (metric.key, score.value(metric.key))).collect();
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

fn panel(outcome: &Outcome, scores: &PanelScores) -> Value {
    let over = format!("{} genes, {} unmeasured in-tissue bins", scores.genes, scores.bins);
    let rows = scores.methods.iter().map(|score| {
        let figures = [
            ("morans_i_spearman", score.morans_i_spearman),
            ("top_overlap", Some(score.top_overlap)),
            ("gene_correlation_pcc", score.gene_correlation_pcc),
            ("gene_correlation_difference", score.gene_correlation_difference),
            ("ari", score.ari),
        ];
        (format!("{} {}", outcome.sample, score.method), cells(&figures))
    });
    let agreement = |title: &str, what: &str| agreement(title, what, &over);
    json!({
        "id": "s2s_panel",
        "section_name": "s2s: the panel",
        "description": "How well the genes together serve their analysis: prediction against truth.",
        "plot_type": "table",
        "pconfig": { "id": "s2s_panel_table", "title": "s2s: the panel", "col1_header": "Sample, method" },
        "headers": {
            "morans_i_spearman": agreement("Moran's I ranks", "Rank correlation of Moran's I over the genes"),
            "top_overlap": agreement("Top genes", "Share of the most spatially variable genes found again"),
            "gene_correlation_pcc": agreement("Gene-gene PCC", "Correlation of gene-gene correlations"),
            "gene_correlation_difference": error("Gene-gene difference", "Mean absolute difference of gene-gene correlations", &over),
            "ari": agreement("ARI", "Adjusted Rand index of k-means clusters"),
        },
        "data": rows.collect::<Map<_, _>>(),
    })
}

/// The metrics that are shown.
fn headlines() -> impl Iterator<Item = &'static Metric> {
    shown().into_iter().filter(|metric| metric.headline)
}

/// The columns; errors are better when low, agreements when high.
fn columns(over: &str) -> Vec<(&'static str, Value)> {
    let column = |metric: &Metric| {
        let unit = if metric.unit.is_empty() { String::new() } else { format!(", {}", metric.unit) };
        let draw = if metric.better == Better::Low { error } else { agreement };
        (metric.key, draw(metric.title, &format!("{}{unit}", metric.explained), over))
    };
    headlines().map(column).collect()
}

fn column(title: &str, what: &str, over: &str, scale: &str) -> Value {
    json!({ "title": title, "description": format!("{what}: {over}"), "scale": scale, "format": "{:,.3f}", "namespace": "s2s" })
}

fn error(title: &str, what: &str, over: &str) -> Value {
    let mut column = column(title, what, over, "OrRd");
    column["min"] = json!(0.0);
    column
}

fn agreement(title: &str, what: &str, over: &str) -> Value {
    let mut column = column(title, what, over, "YlGn");
    column["max"] = json!(1.0);
    column
}

/// A row of the table; a figure that is not defined has no cell.
fn cells(figures: &[(&str, Option<f64>)]) -> Value {
    figures.iter().filter_map(|(key, figure)| Some(((*key).to_owned(), json!((*figure)?)))).collect()
}
