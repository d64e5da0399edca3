//! The tables of the report: a line per method, and a line per gene and method.

use super::escape;
use crate::scoring::registry::{Better, Group, Metric, shown};
use crate::scoring::tables::figure;
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
    let ratio = |name: &str| {
        outcome.baseline.as_ref().map_or(String::new(), |label| format!("<th>{name} / {}</th>", escape(label)))
    };
    let mut head = r#"<th class="text">Method</th><th>Genes</th>"#.to_owned();
    if scored {
        head += &format!(
            "<th>MAE</th><th>RMSE</th><th>PCC</th><th>PCC /<br>ceiling</th><th>SSIM</th>{}{}",
            ratio("MAE"),
            ratio("RMSE")
        );
        if let Some(label) = &outcome.baseline {
            head += &format!("<th>Genes with MAE<br>below {}</th>", escape(label));
        }
        if let Some(label) = &outcome.reference {
            head += &format!("<th>Bins better<br>than {0}</th><th>Mean gain<br>over {0}</th>", escape(label));
        }
    }
    let (mut rows, mut notes) = (String::new(), Vec::new());
    for (i, method) in outcome.methods.iter().enumerate() {
        let label = named(&method.label, colours[i % colours.len()]);
        rows += &format!(r#"<tr><td class="text">{label}</td><td>{}</td>"#, method.genes);
        if let Some(summary) = outcome.summary.get(i) {
            rows += &medians(outcome, summary);
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

fn medians(outcome: &Outcome, own: &MethodSummary) -> String {
    let mut cells = String::new();
    type Figure = fn(&MethodSummary) -> Option<f64>;
    let figures: [(Figure, bool); 5] =
        [(|s| s.mae, false), (|s| s.rmse, false), (|s| s.pcc, true), (|s| s.pcc_share, true), (|s| s.ssim, true)];
    for (of, high) in figures {
        cells += &cell(of(own), best(outcome.summary.iter().map(of), high), "");
    }
    if let Some(label) = &outcome.baseline {
        cells += &format!("<td>{}</td><td>{}</td>", figure(own.mae_ratio), figure(own.rmse_ratio));
        let itself = own.label == *label;
        cells += &if itself { "<td>–</td>".into() } else { format!("<td>{} of {}</td>", own.better, own.compared) };
    }
    if outcome.reference.is_some() {
        cells += &format!("<td>{}</td><td>{}</td>", figure(own.improvement_ratio), figure(own.mean_gain));
    }
    cells
}

/// The best of `values`, as it is shown: the highest if `high`, else the lowest.
pub(super) fn best(values: impl Iterator<Item = Option<f64>>, high: bool) -> Option<String> {
    let best = values.flatten().max_by(|a, b| if high { a.total_cmp(b) } else { b.total_cmp(a) });
    best.map(|best| figure(Some(best)))
}

/// A cell, set in bold where it shows the best value: ties are ties.
pub(super) fn cell(value: Option<f64>, best: Option<String>, class: &str) -> String {
    let text = figure(value);
    let bold = if value.is_some() && best.as_ref() == Some(&text) { " best" } else { "" };
    format!(r#"<td class="{class}{bold}">{text}</td>"#)
}

/// A column of the table of scores.
struct Column {
    metric: &'static Metric,
    /// The region whose row of a gene and method it is read from.
    region: Region,
}

impl Column {
    /// Whether high is good; `None` where the best is not marked.
    fn high(&self) -> Option<bool> {
        self.metric.ranks.then_some(self.metric.better == Better::High)
    }
}

/// The columns in groups under a common heading; those of gains where there is a reference.
fn groups(outcome: &Outcome) -> [(&'static str, Vec<Column>); 4] {
    let of = |group: Group| {
        let region = if matches!(group, Group::Unmeasured | Group::Gain) { Region::Unmeasured } else { Region::Tissue };
        let own = shown().into_iter().filter(move |metric| metric.groups.contains(&group));
        own.map(move |metric| Column { metric, region })
    };
    let gain = outcome.reference.iter().flat_map(|_| of(Group::Gain));
    [
        ("Unmeasured bins", of(Group::Unmeasured).chain(gain).collect()),
        ("All in-tissue bins", of(Group::Tissue).collect()),
        ("Moran’s I", of(Group::Moran).collect()),
        ("Geary’s C", of(Group::Geary).collect()),
    ]
}

/// A line per gene and method, genes in the order of the dataset; the best method of a gene in bold.
pub(super) fn scores(outcome: &Outcome, genes: &[&str], colours: &[&str]) -> String {
    let groups = groups(outcome);
    let names: String = groups
        .iter()
        .map(|(name, columns)| format!(r#"<th colspan="{}" class="first">{name}</th>"#, columns.len()))
        .collect();
    let columns: Vec<(&Column, &str)> = groups
        .iter()
        .flat_map(|(_, columns)| columns.iter().enumerate())
        .map(|(i, column)| (column, if i == 0 { "first" } else { "" }))
        .collect();
    let heads: String = columns
        .iter()
        .map(|(column, class)| format!(r#"<th class="{class}" data-sort="number">{}</th>"#, column.metric.short))
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
fn values(columns: &[(&Column, &str)], label: &str, own: &[Score]) -> String {
    let cells = columns.iter().map(|(column, class)| {
        let rows = || own.iter().filter(|score| score.region == column.region);
        let of = |score: &Score| score.value(column.metric.key);
        let value = rows().find(|score| score.method == label).and_then(of);
        let best = column.high().and_then(|high| best(rows().map(of), high));
        cell(value, best, class)
    });
    cells.collect()
}
