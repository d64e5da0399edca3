//! The section on what to expect: what measured bins say of each gene's prediction, whether there is a truth or not.

use super::markup::{named, reading, scrolled};
use crate::scoring::{Expectation, Outcome};
use crate::store::{Advice, LEAST_CORRELATION};
use maud::{Markup, html};

/// The whole section; empty where no prediction was chosen by measured bins. `colours` are those of the methods.
pub(super) fn expectations(outcome: &Outcome, colours: &[&str]) -> Markup {
    html! {
        @if !outcome.expectations.is_empty() {
            h2 { "What to expect" }
            @for method in &outcome.methods { (counted(outcome, &method.label)) }
            (table(outcome, colours))
            (explained())
        }
    }
}

fn explained() -> Markup {
    let text = html! {
        "No truth is needed for this: a quarter of the measured bins is hidden at a time, and predicted from the others. Of each gene "
        "that says what predicts it best (" b { "by" } "), its RMSE as a share of that of the better one of bilinear interpolation and "
        "kriging, with the range that holds it at the unmeasured bins nine times of ten, and the correlation with what a bin "
        "measures, its counting noise included. " b { "Use" } " a gene from an expected correlation of " (LEAST_CORRELATION) " on; "
        b { "leave" } " the others, of which the map says little. The neighbours of hidden bins are farther away than those of "
        "unmeasured ones; the range allows for that."
    };
    reading("How this is known without a truth", &text)
}

/// How many genes of a method may be used; nothing of one that tells nothing.
fn counted(outcome: &Outcome, label: &str) -> Markup {
    let own: Vec<&Expectation> = outcome.expectations.iter().filter(|one| one.method == label).collect();
    let count = |advice: Advice| own.iter().filter(|one| one.advice == advice).count();
    let [to_use, to_leave, unknown] = [Advice::Use, Advice::Leave, Advice::Unknown].map(count);
    html! {
        @if !own.is_empty() {
            p class="read" { b { (label) ": " (to_use) " to use, " (to_leave) " to leave, " (unknown) " not known" } }
        }
    }
}

fn table(outcome: &Outcome, colours: &[&str]) -> Markup {
    let colour = |label: &str| {
        let own = outcome.methods.iter().zip(colours).find(|(method, _)| method.label == label);
        own.map_or("", |(_, colour)| *colour)
    };
    let figure = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
    let table = html! {
        table class="sortable" {
            thead {
                tr {
                    th class="text" data-sort="text" { "Gene" }
                    th class="text" data-sort="text" { "Method" }
                    th class="text" data-sort="text" { "Advice" }
                    th class="text" data-sort="text" { "By" }
                    th data-sort="number" { "Expected RMSE" br; "/ interpolation" }
                    th { "Nine times" br; "of ten" }
                    th data-sort="number" { "Expected PCC" }
                }
            }
            tbody {
                @for one in &outcome.expectations {
                    @let expected = one.choice.expected.as_ref();
                    tr {
                        td class="text gene" { (one.gene) }
                        td class="text" { (named(&one.method, colour(&one.method))) }
                        td class="text" { (one.advice) }
                        td class="text" title=(one.choice.why) { (weights(one)) }
                        td { (figure(expected.map(|expected| expected.rmse_ratio))) }
                        td {
                            @if let Some(expected) = expected {
                                (format!("{:.3} – {:.3}", expected.between[0], expected.between[1]))
                            } @else { "–" }
                        }
                        td { (figure(expected.and_then(|expected| expected.correlation))) }
                    }
                }
            }
        }
    };
    scrolled("What to expect of each gene", &table)
}

/// Who predicts, with their parts of the mean in percent.
fn weights(one: &Expectation) -> String {
    let part = |(name, weight): &(String, f64)| format!("{name} {:.0} %", 100.0 * weight);
    one.choice.weights.iter().filter(|(_, weight)| *weight >= 0.005).map(part).collect::<Vec<_>>().join(", ")
}
