//! The section on what to expect: what measured bins say of each gene's prediction, whether there is a truth or not.

use super::charts::{Chart, Panel, dot_plots};
use super::known::Known;
use super::limits::MOST_PICTURED;
use super::listed::{Cell, GeneTable, Kind};
use super::markup::{advised, gene_id, reading};
use super::ranked::Ranked;
use crate::scoring::expectations::by_advice;
use crate::scoring::{Expectation, Outcome};
use crate::store::{Advice, Expected, LEAST_CORRELATION};
use crate::words::counted;
use maud::{Markup, html};

/// Each of `genes` once, by what is to be done with it; those with pictures are links to them.
pub(super) fn advice(outcome: &Outcome, genes: &[&str]) -> Markup {
    let what = |advice| match advice {
        Advice::Use => "You may use",
        Advice::Leave => "Leave",
        Advice::Unknown => "Not known",
    };
    let pictured = &genes[..genes.len().min(MOST_PICTURED)];
    let names = |advice: Advice, genes: &[(&str, Option<&Expectation>)]| {
        html! {
            @for (i, (gene, found)) in genes.iter().enumerate() {
                @if i > 0 { ", " }
                @if pictured.contains(gene) { a href={ "#" (gene_id(gene)) } data-advice=(advice) { (gene) } }
                @else { span data-advice=(advice) { (gene) } }
                @if let Some(found) = found.filter(|_| advice == Advice::Leave) { (told(found)) }
            }
        }
    };
    html! {
        dl class="advised" {
            @for (advice, genes) in by_advice(genes, &outcome.expectations).into_iter().filter(|(_, genes)| !genes.is_empty()) {
                dt { (advised(advice)) " " (what(advice)) ", " (counted(genes.len(), "gene")) }
                dd {
                    @if genes.len() > MOST_PICTURED { details { summary { "Their names" } (names(advice, &genes)) } }
                    @else { (names(advice, &genes)) }
                }
            }
        }
    }
}

/// The correlation for which a gene is to be left.
fn told(one: &Expectation) -> Markup {
    let found = one.choice.expected.as_ref().and_then(|expected| expected.correlation);
    html! { " (" (found.map_or("no correlation".to_owned(), |found| format!("PCC {found:.2}"))) ")" }
}

/// The whole section; empty where no prediction was chosen by measured bins. `colours` are those of the methods.
pub(super) fn expectations(outcome: &Outcome, colours: &[&'static str]) -> Markup {
    if outcome.expectations.is_empty() {
        return html! {};
    }
    let known = Known::new(outcome, colours, &outcome.expectations, |one| (&one.gene, &one.method));
    let ranked = ranked(&known);
    html! {
        h2 { "What to expect" }
        (chart(&known, &ranked).html("What to expect, by gene"))
        (table(&known, &ranked))
        (explained())
    }
}

/// The genes by the best correlation that is expected of them.
fn ranked<'a>(known: &Known<'a, Expectation>) -> Ranked<'a> {
    let best = |gene: &str| {
        let own = known.methods.iter().filter_map(|(method, _)| correlation(known.get(gene, method)?));
        own.max_by(f64::total_cmp)
    };
    Ranked::new(&known.genes, "expected PCC".to_owned(), |gene| best(gene).map(|correlation| -correlation))
}

fn correlation(one: &Expectation) -> Option<f64> {
    one.choice.expected.as_ref()?.correlation
}

fn explained() -> Markup {
    let text = html! {
        "No truth is needed for this: a quarter of the measured bins is hidden at a time, and predicted from the others. Of each gene "
        "that says what predicts it best (" b { "by" } "), its RMSE as a share of that of the better one of bilinear interpolation and "
        "kriging, with the range that holds it at the unmeasured bins nine times of ten (the lines of the plot), and the correlation "
        "with what a bin measures, its counting noise included. " b { "Use" } " a gene from an expected correlation of "
        (LEAST_CORRELATION) " on; " b { "leave" } " the others, of which the map says little. The neighbours of hidden bins are "
        "farther away than those of unmeasured ones; the range allows for that."
    };
    reading("How this is known without a truth", &text)
}

/// Expected RMSE with its range, and expected correlation: the best genes first.
fn chart(known: &Known<Expectation>, ranked: &Ranked) -> Chart {
    let genes = ranked.charted();
    let expected = |one: &Expectation| one.choice.expected.clone();
    let ratios = known.values(&genes, |one| Some(expected(one)?.rmse_ratio));
    let mut error = Panel::new("← expected RMSE as a multiple of interpolation’s", Some(1.0), ratios);
    error.ranges = known.values(&genes, |one| Some(expected(one)?.between));
    let correlations = known.values(&genes, correlation);
    let title = "expected PCC →, to be used from the line on";
    let panels = [error, Panel::new(title, Some(LEAST_CORRELATION), correlations)];
    dot_plots(&genes, known.series(), &panels).noted(ranked.charted_told())
}

fn table(known: &Known<Expectation>, ranked: &Ranked) -> Markup {
    let head = html! {
        tr {
            th class="text" data-sort="text" { "Gene" }
            th class="text" data-sort="text" { "Method" }
            th class="text" data-sort="text" { "Advice" }
            th data-sort="number" { "Expected" br; "PCC" }
            th data-sort="number" { "Expected RMSE" br; "/ interpolation" }
            th data-sort="number" { "Nine times" br; "of ten" }
            th class="text" data-sort="text" { "Because" }
            th class="text" data-sort="text" { "By" }
        }
    };
    let advice = Kind { class: "text", advises: true };
    let words = ["text words"; 2].map(Kind::new);
    let table = GeneTable {
        label: "What to expect of each gene, as a table",
        file: "scores.json",
        head,
        columns: [advice].into_iter().chain([""; 3].map(Kind::new)).chain(words).collect(),
        methods: known.methods.clone(),
        cells: &|gene, method| known.get(gene, method).map(cells),
    };
    table.html(&known.genes, ranked)
}

/// The cells of a row: advice, figures, the reason, and who predicts.
fn cells(one: &Expectation) -> Vec<Cell> {
    let dash = || "–".to_owned();
    let figure = |value: Option<f64>| value.map_or_else(dash, |value| format!("{value:.2}"));
    let expected = one.choice.expected.as_ref();
    let between = |expected: &Expected| format!("{:.2} – {:.2}", expected.between[0], expected.between[1]);
    let texts = [
        one.advice.to_string(),
        figure(correlation(one)),
        figure(expected.map(|expected| expected.rmse_ratio)),
        expected.map_or_else(dash, between),
        one.reason(),
        weights(one),
    ];
    texts.into_iter().map(Cell::plain).collect()
}

/// Who predicts, with their parts of the mean in percent.
fn weights(one: &Expectation) -> String {
    let part = |(name, weight): &(String, f64)| format!("{name} {:.0}\u{a0}%", 100.0 * weight);
    one.choice.weights.iter().filter(|(_, weight)| *weight >= 0.005).map(part).collect::<Vec<_>>().join(", ")
}
