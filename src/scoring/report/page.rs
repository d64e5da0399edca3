//! The page around the pictures: what was done, what came out, how to read it.

use super::cards::Cards;
use super::document::document;
use super::expectations::{advice, expectations};
use super::limits::UNFOLDED;
use super::markup::grouped;
use super::order;
use super::uncertainty::uncertainty;
use super::{panel, score_charts, tables, texts};
use crate::dataset::Mode;
use crate::scoring::Outcome;
use crate::scoring::verdict::verdicts;
use crate::section::Pattern;
use crate::{Error, Result};
use maud::{Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");
const SCRIPTS: [&str; 3] = [include_str!("sort.js"), include_str!("find.js"), include_str!("zoom.js")];

/// What is shown of genes and of what guided them.
pub(crate) struct Shown<'a> {
    /// All genes, scored or shown.
    pub(crate) genes: &'a [&'a str],
    /// The pictures of some of them.
    pub(crate) cards: &'a Cards<'a>,
    /// The pictures of what guided.
    pub(crate) guides: &'a Markup,
}

/// The whole page for `outcome`.
pub(crate) fn page(outcome: &Outcome, shown: &Shown) -> Result<String> {
    let Shown { genes, cards, guides } = *shown;
    let colours = score_charts::colours(outcome);
    let scored = outcome.mode == Mode::Benchmark;
    let ranked = order::scored(outcome, genes);
    let body = html! {
        (header(outcome))
        main {
            @for verdict in verdicts(outcome) { p class="verdict" { (verdict) } }
            @if !scored { (advice(outcome, genes)) }
            (notes(outcome))
            h2 { "Maps" }
            (texts::zooming())
            @if genes.len() > UNFOLDED { (viewer(genes.len(), cards)) }
            // One gene to see what it is about, the others below what sums them up.
            (cards.first())
            (texts::maps(scored))
            @if cards.are_uncertain() { (texts::uncertainty()) }
            @if let Some(reference) = &outcome.reference { (texts::gains(reference)) }
            @if scored {
                h2 { "Summary" }
                (tables::methods(outcome, &colours))
                (texts::summary())
                h2 { "Charts" }
                (score_charts::scores(outcome, &ranked, &colours).html("Scores by gene and method"))
                (texts::charts())
                (uncertainty(outcome, &colours))
            }
            (expectations(outcome, &colours))
            @if !scored {
                h2 { "Methods" }
                (tables::methods(outcome, &colours))
            }
            (guides)
            (cards.others())
            @if scored {
                h2 { "All scores" }
                (tables::scores(outcome, genes, &ranked, &colours))
                (texts::scores())
                (panel::panel(outcome, &colours))
                (panel::profiles(outcome, &colours))
                (tissue(outcome))
            }
            (provenance(outcome)?)
        }
        script { @for script in SCRIPTS { (PreEscaped(script)) } }
    };
    Ok(document(&outcome.sample, STYLE, &body))
}

/// Where all genes are shown.
fn viewer(genes: usize, cards: &Cards) -> Markup {
    html! {
        p {
            b { a href="genes.html" { "All " (grouped(genes)) " genes, one at a time" } } " (genes.html, beside this file): find one by its name, zoom, compare two methods."
            @if let Some(told) = cards.told() { " " (told) }
        }
    }
}

/// What was measured of what.
fn header(outcome: &Outcome) -> Markup {
    let bins = outcome.bins;
    let share = |part: usize| format!("{:.1} %", 100.0 * part as f64 / bins.tissue.max(1) as f64);
    let (sampling, how) = match &outcome.pattern {
        Pattern::Lattice => (format!("1 in {}", outcome.scale.pow(2)), format!("S = {}", outcome.scale)),
        Pattern::Random { rate, .. } => (rate.to_string(), "at random".to_owned()),
        Pattern::Listed { bins, .. } => (grouped(*bins as usize), "listed bins".to_owned()),
        Pattern::All => ("all".to_owned(), String::new()),
        Pattern::Holes { bins, automatic, of, .. } => {
            let found = if *automatic > 0 { format!(", {automatic} by their totals") } else { String::new() };
            (of.to_string(), format!("but for {} excluded bins{found}", grouped(*bins as usize)))
        }
    };
    let facts = [
        ("Bin", format!("{} µm", outcome.bin_um), None),
        ("Grid", format!("{} × {}", bins.rows, bins.cols), Some("bins".to_owned())),
        ("Sampling", sampling, Some(how)),
        ("In tissue", grouped(bins.tissue), Some("bins".to_owned())),
        ("Measured", grouped(bins.measured), Some(share(bins.measured))),
        ("Unmeasured", grouped(bins.unmeasured), Some(share(bins.unmeasured))),
    ];
    let tagline = match outcome.mode {
        Mode::Benchmark => {
            "Benchmark: a dense section of which all bins but the measured ones were withheld, imputed, and compared."
        }
        Mode::Impute => "Imputation: the section was sampled sparsely, and the bins between were predicted.",
    };
    html! {
        header {
            div {
                h1 { (outcome.sample) }
                div class="tagline" { (outcome.platform) " · " (tagline) }
                dl class="facts" {
                    @for (name, fact, more) in facts {
                        div { dt { (name) } dd { (fact) @if let Some(more) = more { " " small { (more) } } } }
                    }
                }
            }
        }
    }
}

fn notes(outcome: &Outcome) -> Markup {
    let unscored = "No truth: nothing was measured between the bins, so nothing can be scored. What to expect is known from measured bins that were hidden and predicted.";
    let first = (outcome.mode == Mode::Impute).then_some(unscored);
    html! { @for note in first.into_iter().chain(outcome.warnings.iter().map(String::as_str)) { p class="note" { (note) } } }
}

fn tissue(outcome: &Outcome) -> Markup {
    html! {
        @if let Some(mask) = &outcome.mask {
            h2 { "Tissue" }
            p class="read" {
                "Where the tissue is was inferred from the measured bins alone, and scores are taken over the truth’s own tissue. "
                "Of the unmeasured bins in tissue, " (grouped(mask.missed)) " (" (format!("{:.2}", 100.0 * mask.missed_share))
                " %) were missed by the inferred mask and count as predicted 0; " (grouped(mask.extra)) " bins ("
                (format!("{:.2}", 100.0 * mask.extra_share)) " % of the unmeasured bins of the inferred mask) were predicted "
                "outside the tissue and do not count."
            }
        }
    }
}

fn provenance(outcome: &Outcome) -> Result<Markup> {
    let text = serde_json::to_string_pretty(&outcome.provenance).map_err(|e| Error::bug(format!("provenance: {e}")))?;
    Ok(html! {
        h2 { "Provenance" }
        p class="read" { "How this report came to be; the same is in scores.json." }
        p { code { (outcome.provenance.command.join(" ")) } }
        details class="provenance" {
            summary { "Versions, inputs and their fingerprints" }
            pre { (text) }
        }
        footer {
            "Made by s2s " (outcome.provenance.version) ": single-shot sparser-to-sparse imputation of spatial transcriptomics "
            "(arXiv 2507.16886)."
        }
    })
}
