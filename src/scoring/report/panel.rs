//! The sections on all genes together: what the panel is good for, and where errors are made.

use super::listed::Cell;
use super::markup::{lines, named, reading, scrolled};
use super::score_charts;
use crate::scoring::metric::{Metric, Place};
use crate::scoring::registry::shown;
use crate::scoring::{By, Outcome, PanelScores};
use maud::{Markup, html};

/// The panel's section; empty without a panel.
pub(super) fn panel(outcome: &Outcome, colours: &[&str]) -> Markup {
    html! {
        @if let Some(panel) = &outcome.panel {
            h2 { "The panel" }
            (table(outcome, panel, colours))
            (explained(panel))
        }
    }
}

fn explained(panel: &PanelScores) -> Markup {
    let text = html! {
        "What " (panel.genes) " genes are used for together, on " (panel.bins) " unmeasured bins, done with the predictions "
        "and with the truth. " b { "Spatially variable genes" } ": the rank correlation over the genes of Moran’s I, and "
        "the share of the truth’s " (panel.top) " most variable genes found again. " b { "Gene–gene" } ": how alike the "
        "correlations of all pairs of genes are, their mean absolute difference, and the excess of their size: counting "
        "noise hides correlations in the truth, and smoothing exaggerates them in predictions, so an excess above 0 is "
        "expected even of good predictions, and invents co-expression where it is large. " b { "Clusters" }
        ": the adjusted Rand index of " (panel.clusters) " k-means clusters of the bins by their principal components, 1 "
        "for the same clusters, 0 for chance"
        @if let Some(ari) = panel.ari_repeat {
            " (two clusterings of the truth itself from different starts reach " (format!("{ari:.2}")) ")"
        }
        "."
    };
    reading("What these figures are", &text)
}

fn table(outcome: &Outcome, panel: &PanelScores, colours: &[&str]) -> Markup {
    let columns: Vec<(&Metric, String)> =
        shown(&[Place::Panel]).into_iter().filter_map(|metric| Some((metric, outcome.heading(metric)?))).collect();
    let best = |metric: &Metric| metric.best(panel.methods.iter().map(|one| one.values.of(metric)));
    let table = html! {
        table class="sortable" {
            thead {
                tr {
                    th class="text" data-sort="text" { "Method" }
                    @for (_, name) in &columns { th data-sort="number" { (lines(name)) } }
                }
            }
            tbody {
                @for (score, colour) in panel.methods.iter().zip(colours.iter().cycle()) {
                    tr {
                        td class="text" { (named(&score.method, colour)) }
                        @for (metric, _) in &columns { (Cell::figure(metric, score.values.of(metric), best(metric)).html("")) }
                    }
                }
            }
        }
    };
    scrolled("Scores of the panel", &table)
}

/// The section on where errors are made; empty without a truth.
pub(super) fn profiles(outcome: &Outcome, colours: &[&'static str]) -> Markup {
    if outcome.profiles.is_empty() {
        return html! {};
    }
    html! {
        h2 { "Where errors are made" }
        p class="read" { "Over all genes that every method predicted, unmeasured bins." }
        @for (by, _, chart) in score_charts::profiles(outcome, colours) {
            p class="read" { (by_what(by, outcome.bin_um)) }
            (chart.html(match by {
                By::Border => "Errors by distance from the border",
                By::Distance => "Errors by distance from measured bins",
                By::Level => "Errors by the true value",
            }))
        }
    }
}

/// What bins are told apart by, and how to read it.
fn by_what(by: By, bin_um: f64) -> Markup {
    match by {
        By::Border => html! {
            b { "By distance from the border" } ": from the nearest bin outside the tissue or beyond the grid, in bins of "
            (bin_um) " µm. Errors that grow towards the border come of missing neighbours, or of a tissue mask that is off."
        },
        By::Distance => html! {
            b { "By distance from measured bins" } ": from the nearest one, in bins of " (bin_um) " µm. Far into a hole neighbours say "
            "less and less: errors grow, and intervals that hold what they promise grow with them. PCC is the mean over the genes "
            "within each class; coverage the share of bins in their intervals, beside what these promise."
        },
        By::Level => html! {
            b { "By the true value" } ": every method predicts high values too low and zeros too high, since it cannot foresee "
            "noise (regression to the mean). Compare the methods, not the classes: a bias nearer to 0 in the highest class, at "
            "no cost in the lowest, is contrast that is real."
        },
    }
}
