//! `genes.html`: all genes of a panel, one at a time. A gene is found by its name, and two maps of it are compared.

use super::colours::{ERRORS, VALUES, WIDTHS, shrink, shrink_mask};
use super::document::document;
use super::figure::{GeneFigure, Picture, Shown};
use super::markup::as_data;
use crate::scoring::Outcome;
use crate::{Error, Result};
use maud::{Markup, PreEscaped, html};
use serde::Serialize;

const STYLE: &str = concat!(include_str!("style.css"), include_str!("viewer.css"));
const SCRIPT: &str = concat!(include_str!("zoom.js"), include_str!("viewer.js"));

/// A gene of the viewer.
#[derive(Serialize)]
struct Gene {
    name: String,
    /// The value of the highest level of expression.
    high: f64,
    /// That of the highest level of uncertainty.
    #[serde(skip_serializing_if = "Option::is_none")]
    wide: Option<f64>,
    /// What is to be done with it, where no truth tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
    maps: Vec<Map>,
}

/// A map of expression: its title, what is written below it, and its levels as a picture; and its uncertainty, if it has one.
#[derive(Serialize)]
struct Map {
    title: String,
    note: String,
    levels: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uncertainty: Option<Levels>,
}

/// What is written below a map, and its levels.
#[derive(Serialize)]
struct Levels {
    note: String,
    levels: String,
}

/// What the viewer shows, gathered gene by gene.
pub(crate) struct Viewer {
    /// The side in bins of the blocks that are shown in one colour.
    block: usize,
    genes: Vec<Gene>,
    /// The width of the maps in µm.
    um: f64,
}

impl Viewer {
    /// No gene yet; maps will be shown in blocks of `block` × `block` bins.
    pub(crate) fn new(block: usize) -> Self {
        Viewer { block, genes: Vec::new(), um: 0.0 }
    }

    /// Takes the maps of expression of a gene, each with its uncertainty; errors are differences of these.
    pub(crate) fn add(&mut self, figure: &GeneFigure) -> Result<()> {
        let tissue = shrink_mask(figure.tissue, self.block);
        let levels =
            |picture: &Picture| figure.scale(picture).level_picture(&shrink(&picture.image, self.block), &tissue);
        let all = || figure.columns.iter().flatten();
        let map = |picture: &Picture| {
            let uncertainty = all().find(|other| other.shown == Shown::Width && other.of == picture.of);
            let uncertainty =
                uncertainty.map(|one| Ok::<_, Error>(Levels { note: one.note.clone(), levels: levels(one)? }));
            let (title, note) = (picture.title.clone(), picture.note.clone());
            Ok(Map { title, note, levels: levels(picture)?, uncertainty: uncertainty.transpose()? })
        };
        let maps = all().filter(|picture| picture.shown == Shown::Value).map(map).collect::<Result<_>>()?;
        self.um = (tissue.cols() * self.block) as f64 * figure.bin_um;
        let wide = figure.widths.as_ref().map(|scale| scale.high);
        let advice = figure.advice.map(|advice| advice.to_string());
        self.genes.push(Gene { name: figure.gene.to_owned(), high: figure.values.high, wide, advice, maps });
        Ok(())
    }

    /// The whole page.
    pub(crate) fn page(&self, outcome: &Outcome) -> Result<String> {
        let data = serde_json::json!({ "genes": self.genes, "values": VALUES.anchors(), "differences": ERRORS.anchors(), "widths": WIDTHS.anchors() });
        let data = serde_json::to_string(&data).map_err(|e| Error::bug(format!("genes.html: {e}")))?;
        let body = html! {
            header {
                div {
                    h1 { (outcome.sample) }
                    div class="tagline" { (self.genes.len()) " genes, one at a time. Scores and how to read them: " a href="report.html" { "the report" } "." }
                }
            }
            main class="viewer" {
                (self.chooser())
                (self.maps())
            }
            script type="application/json" id="data" { (as_data(&data)) }
            script { (PreEscaped(SCRIPT)) }
        };
        Ok(document(&format!("genes of {}", outcome.sample), STYLE, &body))
    }

    /// The list of genes, and what narrows it.
    fn chooser(&self) -> Markup {
        html! {
            nav aria-label="Genes" {
                label for="search" { "Find a gene" }
                input id="search" type="search" autocomplete="off" spellcheck="false" placeholder="part of a name";
                label for="list" { "Genes " small id="count" {} }
                // The script fills it: twice so many elements take a page of a transcriptome twice the time to open.
                select id="list" size="18" {}
            }
        }
    }

    /// The gene that was chosen: two maps of it, and their difference.
    fn maps(&self) -> Markup {
        let panel = |id: &str| {
            html! {
                figure {
                    div class="map" data-um=(self.um) {
                        canvas id=(id) role="img" aria-label="" width="1" height="1" {}
                        span class="bar" { i {} }
                    }
                    figcaption id={ (id) "-note" } {}
                }
            }
        };
        html! {
            section class="zooms" aria-labelledby="gene" {
                div class="choice" {
                    h2 id="gene" aria-live="polite" {}
                    span class="advice" id="advice" hidden {}
                    label { "Left " select id="left" {} }
                    label { "Right " select id="right" {} }
                    @if self.genes.iter().any(|gene| gene.wide.is_some()) {
                        label { "Show " select id="view" { option value="levels" { "expression" } option value="uncertainty" { "uncertainty" } } }
                    }
                    span class="key" { "expression " i { "0" } span id="values" {} i id="high" {} }
                    span class="key" id="wide" hidden { "uncertainty ± " i { "0" } span id="widths" {} i id="widest" {} }
                    span class="key" { "left − right " i id="least" {} span id="differences" {} i id="most" {} }
                }
                div class="pairs" style="--n:3" {
                    @for id in ["a", "b", "d"] { div class="pair" { (panel(id)) } }
                }
                p class="read" {
                    "Click on a map to zoom into all of them, drag to move, shift-click or Esc to go back; or, on the maps, the keys + and −, the arrows, and 0. "
                    "White bins of the input were not measured; grey is outside the tissue. Left − right of a method and the truth is the error: blue too low, red too high. "
                    @if self.genes.iter().any(|gene| gene.wide.is_some()) {
                        "Uncertainty takes the place of the maps of methods that know theirs, half the width of their intervals: white is certain, "
                        "dark is not known. The difference stays that of the expression: errors are to lie where it is dark."
                    }
                }
            }
        }
    }
}
