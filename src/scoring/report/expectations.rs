//! The section on what to expect: what measured bins say of each gene's prediction, whether there is a truth or not.

use super::charts::{Chart, Panel, Series, dot_plots};
use super::limits::MOST_PICTURED;
use super::markup::{advised, named, reading, scrolled};
use crate::scoring::expectations::by_advice;
use crate::scoring::{Expectation, Outcome};
use crate::store::{Advice, Expected, LEAST_CORRELATION};
use crate::words::counted;
use maud::{Markup, html};
use std::collections::HashMap;

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
                @if pictured.contains(gene) { a href={ "#gene-" (gene) } data-advice=(advice) { (gene) } }
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
    html! {
        @if !outcome.expectations.is_empty() {
            h2 { "What to expect" }
            (chart(outcome, colours).html("What to expect of each gene"))
            (table(outcome, colours))
            (explained())
        }
    }
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
fn chart(outcome: &Outcome, colours: &[&'static str]) -> Chart {
    let told = |label: &str| outcome.expectations.iter().any(|one| one.method == label);
    let methods = outcome.methods.iter().zip(colours).filter(|(method, _)| told(&method.label));
    let series: Vec<Series> = methods.map(|(method, colour)| Series { label: method.label.clone(), colour }).collect();
    let known: HashMap<(&str, &str), &Expected> = outcome
        .expectations
        .iter()
        .filter_map(|one| Some(((one.gene.as_str(), one.method.as_str()), one.choice.expected.as_ref()?)))
        .collect();
    let mut genes: Vec<&str> = outcome.expectations.iter().map(|one| one.gene.as_str()).collect();
    genes.dedup();
    let best = |gene: &str| {
        let own = series.iter().filter_map(|one| known.get(&(gene, one.label.as_str()))?.correlation);
        own.fold(f64::NEG_INFINITY, f64::max)
    };
    genes.sort_by(|a, b| best(b).total_cmp(&best(a)));
    let of = |gene: &str, label: &str| known.get(&(gene, label)).copied();
    let rows = |value: &dyn Fn(&Expected) -> Option<f64>| {
        let row = |gene: &&str| series.iter().map(|one| value(of(gene, &one.label)?)).collect();
        genes.iter().map(row).collect::<Vec<Vec<Option<f64>>>>()
    };
    let mut error =
        Panel::new("← expected RMSE as a multiple of interpolation’s", Some(1.0), rows(&|one| Some(one.rmse_ratio)));
    let range = |gene: &&str| series.iter().map(|one| Some(of(gene, &one.label)?.between)).collect();
    error.ranges = genes.iter().map(range).collect();
    let correlation = Panel::new(
        "expected PCC →, to be used from the line on",
        Some(LEAST_CORRELATION),
        rows(&|one| one.correlation),
    );
    dot_plots(&genes, series, &[error, correlation])
}

fn table(outcome: &Outcome, colours: &[&str]) -> Markup {
    let colour = |label: &str| {
        let own = outcome.methods.iter().zip(colours).find(|(method, _)| method.label == label);
        own.map_or("", |(_, colour)| *colour)
    };
    let figure = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
    let table = html! {
        table class="sortable" {
            thead {
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
            }
            tbody {
                @for one in &outcome.expectations {
                    @let expected = one.choice.expected.as_ref();
                    tr {
                        td class="text gene" { (one.gene) }
                        td class="text" { (named(&one.method, colour(&one.method))) }
                        td class="text" { (advised(one.advice)) }
                        td { (figure(expected.and_then(|expected| expected.correlation))) }
                        td { (figure(expected.map(|expected| expected.rmse_ratio))) }
                        td {
                            @if let Some(expected) = expected {
                                (format!("{:.2} – {:.2}", expected.between[0], expected.between[1]))
                            } @else { "–" }
                        }
                        td class="text words" { (one.reason()) }
                        td class="text words" { (weights(one)) }
                    }
                }
            }
        }
    };
    scrolled("What to expect of each gene, as a table", &table)
}

/// Who predicts, with their parts of the mean in percent.
fn weights(one: &Expectation) -> String {
    let part = |(name, weight): &(String, f64)| format!("{name} {:.0}\u{a0}%", 100.0 * weight);
    one.choice.weights.iter().filter(|(_, weight)| *weight >= 0.005).map(part).collect::<Vec<_>>().join(", ")
}
