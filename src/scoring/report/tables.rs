//! The tables of the report: a line per method, and a line per gene and method.

use super::markup::escape;
use crate::scoring::metric::{Against, Metric, Place};
use crate::scoring::registry::shown;
use crate::scoring::{MethodSummary, Outcome, Region, Score};

/// What a method does, for readers who do not know its name.
fn explained(method: &str) -> &'static str {
    match method {
        "s2s" => {
            "The network (CDCIN), trained on the measured bins of this section alone, with natural images beside them; in the mean of the experts where its config says so."
        }
        "nearest" => "Every bin takes the value of the measured bin of its block.",
        "bilinear" => "Distance-weighted mean of the four measured bins around.",
        "bicubic" => "Cubic convolution of the sixteen measured bins around.",
        "idw" => "Mean of the twelve nearest measured bins, weighted by 1 / distance².",
        "kriging" => {
            "Ordinary kriging of the sixteen nearest measured bins; exponential variogram and nugget fitted to the gene."
        }
        "smoothed" => {
            "Measured bins averaged with those most alike in the panel and in their surroundings, then bilinear."
        }
        "cokriging" => {
            "The linear prediction of least variance from the gene and the panel's components at the nearest measured bins."
        }
        "forest" => "A regression forest on what the surroundings say of the panel's components.",
        "blend" => "The mean of smoothed, cokriging and forest, without a network.",
        _ => "",
    }
}

/// A coloured dot and the label of a method.
pub(super) fn named(label: &str, colour: &str) -> String {
    format!(r#"<span class="dot" style="background:{colour}"></span>{}"#, escape(label))
}

/// The methods: what they are and, with a truth, the medians of their scores.
pub(super) fn methods(outcome: &Outcome, colours: &[&str]) -> String {
    let scored = !outcome.summary.is_empty();
    let columns = columns(outcome);
    let mut head = r#"<th class="text">Method</th><th>Genes</th>"#.to_owned();
    for column in columns.iter().filter(|_| scored) {
        let name = match column {
            Column::Median(_, heading) => heading.clone(),
            Column::Better(label) => format!("Genes with MAE\nbelow {label}"),
        };
        head += &format!("<th>{}</th>", escape(&name).replace('\n', "<br>"));
    }
    let (mut rows, mut notes) = (String::new(), Vec::new());
    for (i, method) in outcome.methods.iter().enumerate() {
        let label = named(&method.label, colours[i % colours.len()]);
        rows += &format!(r#"<tr><td class="text">{label}</td><td>{}</td>"#, method.genes);
        if let Some(summary) = outcome.summary.get(i) {
            rows += &medians(outcome, &columns, summary);
        }
        rows += "</tr>";
        // Variants of one method are explained once.
        let explained = explained(&method.method);
        if !explained.is_empty() && outcome.methods[..i].iter().all(|earlier| earlier.method != method.method) {
            notes.push(format!("<strong>{}</strong>: {explained}", escape(&method.label)));
        }
    }
    let notes = notes.join("<br>");
    format!(
        r#"<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div><p>{notes}</p>"#
    )
}

/// A column of the table of methods.
enum Column {
    /// The median of a metric, under this heading.
    Median(&'static Metric, String),
    /// On how many genes the MAE is below that of the baseline, whose label this is.
    Better(String),
}

/// The columns of the table of methods: those that compare come last, the baseline's before the reference's.
fn columns(outcome: &Outcome) -> Vec<Column> {
    let against = |whom: Option<Against>| {
        let own = shown(&[Place::Methods]).into_iter().filter(move |metric| metric.against == whom);
        own.filter_map(|metric| Some(Column::Median(metric, outcome.heading(metric)?)))
    };
    let better = outcome.baseline.clone().map(Column::Better);
    against(None)
        .chain(against(Some(Against::Baseline)))
        .chain(better)
        .chain(against(Some(Against::Reference)))
        .collect()
}

fn medians(outcome: &Outcome, columns: &[Column], own: &MethodSummary) -> String {
    let cells = columns.iter().map(|column| match column {
        Column::Median(metric, _) => {
            let best = metric.best(outcome.summary.iter().map(|one| one.medians.of(metric)));
            cell(metric, own.medians.of(metric), best, "")
        }
        Column::Better(label) if own.label == *label => "<td>–</td>".to_owned(),
        Column::Better(_) => format!("<td>{} of {}</td>", own.better, own.compared),
    });
    cells.collect()
}

/// A cell, set in bold where it shows the best value: ties are ties.
pub(super) fn cell(metric: &Metric, value: Option<f64>, best: Option<String>, class: &str) -> String {
    let text = metric.text(value);
    let bold = if value.is_some() && best.as_ref() == Some(&text) { " best" } else { "" };
    format!(r#"<td class="{class}{bold}">{text}</td>"#)
}

/// Metrics of one region under a common heading.
struct Group {
    heading: &'static str,
    /// The region whose row of a gene and method they are read from.
    region: Region,
    metrics: Vec<&'static Metric>,
}

/// The columns of the table of scores in groups; those of gains where there is a reference.
fn groups(outcome: &Outcome) -> [Group; 4] {
    let group = |heading, region, places: &[Place]| {
        let all = places.iter().flat_map(|place| shown(&[*place]));
        let metrics = all.filter(|one| one.against != Some(Against::Reference) || outcome.reference.is_some());
        Group { heading, region, metrics: metrics.collect() }
    };
    [
        group("Unmeasured bins", Region::Unmeasured, &[Place::Unmeasured, Place::Gain]),
        group("All in-tissue bins", Region::Tissue, &[Place::Tissue]),
        group("Moran’s I", Region::Tissue, &[Place::Moran]),
        group("Geary’s C", Region::Tissue, &[Place::Geary]),
    ]
}

/// A line per gene and method, genes in the order of the dataset; the best method of a gene in bold.
pub(super) fn scores(outcome: &Outcome, genes: &[&str], colours: &[&str]) -> String {
    let groups = groups(outcome);
    let names: String = groups
        .iter()
        .map(|group| format!(r#"<th colspan="{}" class="first">{}</th>"#, group.metrics.len(), group.heading))
        .collect();
    let first = |i: usize| if i == 0 { "first" } else { "" };
    let columns: Vec<(&Metric, Region, &str)> = groups
        .iter()
        .flat_map(|group| group.metrics.iter().enumerate().map(|(i, metric)| (*metric, group.region, first(i))))
        .collect();
    let heads: String = columns
        .iter()
        .map(|(metric, _, class)| format!(r#"<th class="{class}" data-sort="number">{}</th>"#, metric.short()))
        .collect();
    let mut rows = String::new();
    let mut rest = outcome.scores.as_slice();
    for gene in genes {
        let (own, others) = rest.split_at(rest.iter().take_while(|score| score.gene == *gene).count());
        rest = others;
        for (method, colour) in outcome.methods.iter().zip(colours.iter().cycle()) {
            let (method, cells) = (named(&method.label, colour), values(&columns, &method.label, own));
            rows += &format!(
                r#"<tr><td class="text gene">{}</td><td class="text">{method}</td>{cells}</tr>"#,
                escape(gene)
            );
        }
    }
    format!(
        r#"<div class="scroll"><table class="sortable"><thead><tr class="groups"><th colspan="2"></th>{names}</tr><tr><th class="text" data-sort="text">Gene</th><th class="text" data-sort="text">Method</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"#
    )
}

/// The cells of one gene and method; dashes where the method did not predict the gene. `own` are the scores of the gene.
fn values(columns: &[(&Metric, Region, &str)], label: &str, own: &[Score]) -> String {
    let cells = columns.iter().map(|(metric, region, class)| {
        let rows = || own.iter().filter(|score| score.region == *region);
        let value = rows().find(|score| score.method == label).and_then(|score| score.metric(metric));
        cell(metric, value, metric.best(rows().map(|score| score.metric(metric))), class)
    });
    cells.collect()
}
