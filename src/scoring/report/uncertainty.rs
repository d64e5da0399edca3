//! The section on uncertainty: whether intervals hold what they promise.

use super::charts::{Chart, Panel, dot_plots};
use super::known::Known;
use super::listed::{Cell, GeneTable, Kind};
use super::markup::{px, reading};
use super::ranked::Ranked;
use crate::scoring::metric::Place;
use crate::scoring::registry::{LOG_NORMALISED, shown};
use crate::scoring::{IntervalScore, Outcome};
use crate::section::median;
use crate::words::counted;
use maud::{Markup, html};

/// Side of the plot and its margins in pixels; it runs from 45 % to 100 % along both axes.
const SIDE: f64 = 330.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 46.0;
const LOW: f64 = 0.45;
const HIGH: f64 = 1.0;

/// How to read the plot and the table.
fn explained() -> Markup {
    let text = html! {
        "The truth of a bin is to lie in its interval with the stated probability: prediction ± uncertainty (cut at 0) of "
        "networks that held bins out, lower to upper of the experts, which are asked at one level and are dots. "
        b { "Read the plot" } " from the dashed line: on it, intervals hold exactly what they promise. Fewer bins in their intervals "
        "than stated are overconfidence, more are too much caution. Of lines, thin ones are genes, the thick one is their median. Genes with many exact zeros lie above the line at low coverages: the interval that "
        "holds the zeros holds all of them. " b { "Width" } " is the mean width of the intervals, and the "
        b { "interval score" } " adds a penalty for every bin outside (lower is better). " b { "Constant" } " is the same "
        "for one width everywhere, chosen by the truth to cover as many bins: intervals that know which bins are hard are "
        "narrower or score lower. Unmeasured in-tissue bins with an interval."
    };
    reading("How to read the plot and the table", &text)
}

/// The whole section; empty where no prediction says how sure it is. `colours` are those of the methods.
pub(super) fn uncertainty(outcome: &Outcome, colours: &[&'static str]) -> Markup {
    if outcome.intervals.is_empty() {
        return html! {};
    }
    let known = Known::new(outcome, colours, &outcome.intervals, |one| (&one.gene, &one.method));
    let ranked = ranked(&known);
    html! {
        h2 { "Uncertainty" }
        @if at_one_level(outcome) { (by_gene(&known, &ranked, outcome.intervals.first().map(|one| one.nominal)).html("Coverage and width of the intervals, by gene")) }
        @else { (plot(&known, &ranked)) }
        (table(&known, &ranked))
        (explained())
    }
}

/// The genes by how far the coverage of the first method is from what was asked for.
fn ranked<'a>(known: &Known<'a, IntervalScore>) -> Ranked<'a> {
    let first = known.methods.first().map_or("", |(method, _)| *method);
    let away = |one: &IntervalScore| Some((one.values.value("coverage")? - one.nominal).abs());
    let by = format!("how near the coverage of {first} is to what was asked for");
    Ranked::new(&known.genes, by, |gene| away(known.get(gene, first)?))
}

/// The genes that are drawn: all, in the order of the dataset, or some of many.
fn drawn<'a>(known: &Known<'a, IntervalScore>, ranked: &Ranked<'a>) -> Vec<&'a str> {
    if ranked.are_many() { ranked.charted() } else { known.genes.clone() }
}

/// Whether all intervals were asked for at one level alone, as those of the experts are.
fn at_one_level(outcome: &Outcome) -> bool {
    let first = outcome.intervals.first().map(|one| one.nominal);
    outcome.intervals.iter().all(|one| one.reliability.len() == 1 && Some(one.nominal) == first)
}

/// A row for every gene: the share of bins within their interval, with a line at what was asked for, and the mean width.
fn by_gene(known: &Known<IntervalScore>, ranked: &Ranked, asked: Option<f64>) -> Chart {
    let genes = drawn(known, ranked);
    let rows = |key| known.values(&genes, |one| one.values.value(key));
    let panels = [
        Panel::new("share of bins within their interval", asked, rows("coverage")),
        Panel::new(format!("← mean width ({LOG_NORMALISED})"), None, rows("width")),
    ];
    dot_plots(&genes, known.series(), &panels).noted(ranked.charted_told())
}

fn x(nominal: f64) -> f64 {
    LEFT + (nominal - LOW) / (HIGH - LOW) * SIDE
}

fn y(achieved: f64) -> f64 {
    TOP + (HIGH - achieved.max(0.0)) / (HIGH - LOW) * SIDE
}

/// Coverage achieved over coverage asked for: lines of genes, of many of some, and their medians over all.
fn plot(known: &Known<IntervalScore>, ranked: &Ranked) -> Markup {
    let (width, height) = (LEFT + SIDE + 30.0, TOP + SIDE + BOTTOM);
    let drawn = drawn(known, ranked);
    html! {
        @if let Some(note) = ranked.charted_told() { p class="read" { "Thin lines are those of " (note) "; the medians are over all." } }
        svg class="chart" viewBox={ "0 0 " (width) " " (height) } style={ "max-width:" (width) "px" } role="img"
            aria-label="Coverage achieved over coverage asked for" {
            text x=(LEFT) y="16" class="title" { "Share of bins within their interval" }
            (axes())
            text x=(px(LEFT + SIDE / 2.0)) y=(px(height - 8.0)) class="tick" { "asked for" }
            path d={ "M" (px(x(LOW))) " " (px(y(LOW))) "L" (px(x(HIGH))) " " (px(y(HIGH))) } class="reference" {}
            @for (label, colour) in &known.methods {
                @let of = |genes: &[&str]| genes.iter().filter_map(|gene| known.get(gene, label)).collect::<Vec<_>>();
                @let all = of(&known.genes);
                @for one in of(&drawn) { (line(&one.reliability, colour, (1.0, 0.35), &format!("{} · {label}", one.gene))) }
                (line(&medians(&all), colour, (3.0, 1.0), &format!("{label}, median of {}", counted(all.len(), "gene"))))
            }
        }
    }
}

fn axes() -> Markup {
    let bottom = TOP + SIDE;
    html! {
        @for percent in (50..=100).step_by(10) {
            @let (at, level) = (x(f64::from(percent) / 100.0), y(f64::from(percent) / 100.0));
            path d={ "M" (px(at)) " " (TOP) "V" (bottom) "M" (LEFT) " " (px(level)) "H" (px(LEFT + SIDE)) } class="grid" {}
            text x=(px(at)) y=(px(bottom + 18.0)) class="tick" { (percent) " %" }
            text x=(px(LEFT - 24.0)) y=(px(level + 4.0)) class="tick" { (percent) " %" }
        }
    }
}

fn line(points: &[[f64; 2]], colour: &str, (width, opacity): (f64, f64), tip: &str) -> Markup {
    // What lies below the plot is drawn along its edge.
    let place = |point: &[f64; 2]| format!("{:.1} {:.1}", x(point[0]), y(point[1].max(LOW)));
    let path = points.iter().map(place).collect::<Vec<_>>().join("L");
    // Intervals that were asked for at one level alone are a dot: a line without length, with round ends.
    let (path, width) = if points.len() == 1 { (path + "h0", 3.0 * width) } else { (path, width) };
    html! {
        path d={ "M" (path) } fill="none" stroke-linecap="round" stroke=(colour) stroke-width=(width) stroke-opacity=(opacity) {
            title { (tip) }
        }
    }
}

/// The median over genes of what is achieved, for each coverage asked for.
fn medians(all: &[&IntervalScore]) -> Vec<[f64; 2]> {
    let first = all.first().map_or(&[][..], |one| one.reliability.as_slice());
    let of = |(i, point): (usize, &[f64; 2])| {
        let achieved = all.iter().filter_map(|one| Some(one.reliability.get(i)?[1]));
        Some([point[0], median(achieved)?])
    };
    first.iter().enumerate().filter_map(of).collect()
}

fn table(known: &Known<IntervalScore>, ranked: &Ranked) -> Markup {
    let metrics = shown(&[Place::Intervals]);
    let heads = ["Asked for"].into_iter().chain(metrics.iter().map(|metric| metric.title)).chain(["Bins"]);
    let columns = heads.clone().map(|_| Kind::new("")).collect();
    let head = html! {
        tr {
            th class="text" data-sort="text" { "Gene" }
            th class="text" data-sort="text" { "Method" }
            @for name in heads { th data-sort="number" { (name) } }
        }
    };
    let cells = |gene: &str, method: &str| {
        let one = known.get(gene, method)?;
        let figures = metrics.iter().map(|metric| metric.text(one.values.of(metric)));
        let texts = [format!("{:.3}", one.nominal)].into_iter().chain(figures).chain([one.bins.to_string()]);
        Some(texts.map(Cell::plain).collect())
    };
    let table = GeneTable {
        label: "Coverage of each gene",
        file: "scores.json",
        head,
        columns,
        methods: known.methods.clone(),
        cells: &cells,
    };
    table.html(&known.genes, ranked)
}
