//! The tables of the report: a line per method, and a line per gene and method.

use super::listed::{Cell, GeneTable, Kind};
use super::markup::{lines, named, reading, scrolled};
use super::order::by_gene;
use super::ranked::Ranked;
use crate::scoring::metric::{Against, Metric, Place};
use crate::scoring::registry::shown;
use crate::scoring::{MethodSummary, Outcome, Region, Score};
use maud::{Markup, html};

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
        "blend" => {
            "The mean of kriging, smoothed, cokriging and forest, weighted for each gene by how they predict measured bins, without a network."
        }
        _ => "",
    }
}

/// The methods: what they are and, with a truth, the medians of their scores.
pub(super) fn methods(outcome: &Outcome, colours: &[&str]) -> Markup {
    let columns = columns(outcome);
    let table = html! {
        table {
            thead {
                tr {
                    th class="text" { "Method" }
                    th { "Genes" }
                    @for column in columns.iter().filter(|_| !outcome.summary.is_empty()) { th { (lines(&column.heading())) } }
                }
            }
            tbody {
                @for (i, (method, colour)) in outcome.methods.iter().zip(colours.iter().cycle()).enumerate() {
                    tr {
                        td class="text" { (named(&method.label, colour)) }
                        td { (method.genes) }
                        @if let Some(own) = outcome.summary.get(i) {
                            @for column in &columns { (median(outcome, column, own)) }
                        }
                    }
                }
            }
        }
    };
    let explained = html! {
        @for (i, (label, explained)) in explanations(outcome).into_iter().enumerate() {
            @if i > 0 { br; }
            strong { (label) } ": " (explained)
        }
    };
    html! { (scrolled("Methods", &table)) (reading("What the methods do", &explained)) }
}

/// What the methods do, by their labels; variants of one method are explained once.
fn explanations(outcome: &Outcome) -> Vec<(&str, &'static str)> {
    let new = |i: usize| outcome.methods[..i].iter().all(|earlier| earlier.method != outcome.methods[i].method);
    let all = outcome.methods.iter().enumerate().filter(|(i, _)| new(*i));
    all.map(|(_, one)| (one.label.as_str(), explained(&one.method))).filter(|(_, told)| !told.is_empty()).collect()
}

/// A column of the table of methods.
enum Column {
    /// The median of a metric, under this heading.
    Median(&'static Metric, String),
    /// On how many genes the MAE is below that of the baseline, whose label this is.
    Better(String),
}

impl Column {
    fn heading(&self) -> String {
        match self {
            Column::Median(_, heading) => heading.clone(),
            Column::Better(label) => format!("Genes with MAE\nbelow {label}"),
        }
    }
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

/// The cell of a method in a column of the table of methods.
fn median(outcome: &Outcome, column: &Column, own: &MethodSummary) -> Markup {
    match column {
        Column::Median(metric, _) => {
            let best = metric.best(outcome.summary.iter().map(|one| one.medians.of(metric)));
            Cell::figure(metric, own.medians.of(metric), best).html("")
        }
        Column::Better(label) if own.label == *label => html! { td { "–" } },
        Column::Better(_) => html! { td { (own.better) " of " (own.compared) } },
    }
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

/// A line per gene and method, genes in the order of the dataset, or the ends of many as they are `ranked`; the best method of a gene in
/// bold.
pub(super) fn scores(outcome: &Outcome, genes: &[&str], ranked: &Ranked, colours: &[&str]) -> Markup {
    let groups = groups(outcome);
    let first = |i: usize| if i == 0 { "first" } else { "" };
    let columns: Vec<(&Metric, Region, &str)> = groups
        .iter()
        .flat_map(|group| group.metrics.iter().enumerate().map(|(i, metric)| (*metric, group.region, first(i))))
        .collect();
    let head = html! {
        tr class="groups" {
            td colspan="2" {}
            @for group in &groups { th colspan=(group.metrics.len()) class="first" { (group.heading) } }
        }
        tr {
            th class="text" data-sort="text" { "Gene" }
            th class="text" data-sort="text" { "Method" }
            @for (metric, _, class) in &columns { th class=(class) data-sort="number" { (metric.short()) } }
        }
    };
    let scores = by_gene(outcome);
    let cells = |gene: &str, method: &str| {
        let own = scores.get(gene).copied().unwrap_or_default();
        Some(columns.iter().map(|(metric, region, _)| score(metric, *region, method, own)).collect())
    };
    let methods = outcome.methods.iter().map(|method| method.label.as_str()).zip(colours.iter().copied().cycle());
    let table = GeneTable {
        label: "All scores",
        file: "scores.csv",
        head,
        columns: columns.iter().map(|(.., class)| Kind::new(class)).collect(),
        methods: methods.collect(),
        cells: &cells,
    };
    table.html(genes, ranked)
}

/// The cell of a gene and method; a dash where the method did not predict the gene. `own` are the scores of the gene.
fn score(metric: &Metric, region: Region, label: &str, own: &[Score]) -> Cell {
    let rows = || own.iter().filter(|score| score.region == region);
    let value = rows().find(|score| score.method == label).and_then(|score| score.metric(metric));
    Cell::figure(metric, value, metric.best(rows().map(|score| score.metric(metric))))
}
