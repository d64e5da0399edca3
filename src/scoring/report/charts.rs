//! Dot plots as SVG: a row per gene or class of bins, a dot per method.

use super::markup::{named, px, standalone};
use maud::{Markup, html};

/// Height of a row in pixels where the genes are few enough to be named.
const ROW: f64 = 20.0;
/// Height that the rows of many genes share.
const MOST_HEIGHT: f64 = 900.0;
/// Below this height of a row there is no room for the gene's name.
const NAMED: f64 = 11.0;
/// Beyond this number of dots they carry no tooltips, so that the page stays light.
const MOST_TOOLTIPS: usize = 4000;
const LABELS: f64 = 96.0;
const WIDTH: f64 = 380.0;
const GAP: f64 = 58.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 30.0;

/// A method of the plot.
pub(super) struct Series {
    /// Its label.
    pub(super) label: String,
    /// Its colour, as CSS.
    pub(super) colour: &'static str,
}

/// One of the plots that stand side by side on the same genes.
pub(super) struct Panel {
    /// What is plotted, and which direction is good.
    pub(super) title: String,
    /// A value that deserves a line.
    pub(super) reference: Option<f64>,
    /// The values, [gene][series].
    pub(super) values: Vec<Vec<Option<f64>>>,
    /// A mark of each gene: what no series can pass. Empty without any.
    pub(super) limits: Vec<Option<f64>>,
    /// Where the values may lie, [gene][series]. Empty without any.
    pub(super) ranges: Vec<Vec<Option<[f64; 2]>>>,
}

/// Plots side by side, ready to be shown.
pub(super) struct Chart {
    body: Markup,
    width: f64,
    height: f64,
    series: Vec<Series>,
    note: Option<String>,
}

/// Plots `panels` side by side over the same `rows`, one colour per series.
pub(super) fn dot_plots(rows: &[&str], series: Vec<Series>, panels: &[Panel]) -> Chart {
    let row = ROW.min(MOST_HEIGHT / rows.len().max(1) as f64);
    let height = TOP + row * rows.len() as f64 + BOTTOM;
    let width = LABELS + (WIDTH + GAP) * panels.len() as f64;
    let body = html! {
        @for (i, name) in rows.iter().enumerate().filter(|_| row >= NAMED) {
            text x=(LABELS - 10.0) y=(px(TOP + row * (i as f64 + 0.5) + 4.0)) class="name" { (name) }
        }
        @for (i, panel) in panels.iter().enumerate() { (panel.draw(rows, &series, LABELS + (WIDTH + GAP) * i as f64, row)) }
    };
    Chart { body, width, height, series, note: None }
}

impl Chart {
    /// The same, with what it shows of the whole said above it, where there is a `note` on that.
    pub(super) fn noted(self, note: Option<String>) -> Self {
        Chart { note, ..self }
    }

    /// The chart within a page, called `name`, with the legend above it.
    pub(super) fn html(&self, name: &str) -> Markup {
        let Chart { body, width, height, series, note } = self;
        let name = note.as_ref().map_or(name.to_owned(), |note| format!("{name}: {note}"));
        html! {
            @if let Some(note) = note { p class="read" { (note) "." } }
            div class="legend" { @for one in series { span { (named(&one.label, one.colour)) } } }
            div class="wide" tabindex="0" role="region" aria-label=(name) {
                svg class="chart" viewBox={ "0 0 " (width) " " (px(*height)) } style={ "max-width:" (width) "px;min-width:" (width * 0.75) "px" }
                    role="img" aria-label=(name) { (body) }
            }
        }
    }

    /// The chart as an SVG file.
    pub(super) fn file(&self) -> String {
        let (mut places, mut x) = (Vec::new(), LABELS);
        for one in &self.series {
            places.push(x);
            x += 40.0 + 8.0 * one.label.chars().count() as f64;
        }
        let body = html! {
            @for (one, x) in self.series.iter().zip(places) {
                circle cx=(x) cy="14" r="5.5" fill=(one.colour) {}
                text x=(x + 11.0) y="18" { (one.label) }
            }
            g transform="translate(0 28)" { (self.body) }
            @if let Some(note) = &self.note { text x=(LABELS) y=(px(self.height + 40.0)) { (note) } }
        };
        let foot = if self.note.is_some() { 50.0 } else { 28.0 };
        standalone(&body, self.width.max(x), self.height + foot)
    }
}

impl Panel {
    /// Plots `values`, [gene][series], with a line at `reference`.
    pub(super) fn new(title: impl Into<String>, reference: Option<f64>, values: Vec<Vec<Option<f64>>>) -> Self {
        Panel { title: title.into(), reference, values, limits: Vec::new(), ranges: Vec::new() }
    }

    fn draw(&self, genes: &[&str], series: &[Series], left: f64, row: f64) -> Markup {
        let (low, high, step) = self.axis();
        let x = |value: f64| left + (value - low) / (high - low) * WIDTH;
        let bottom = TOP + row * genes.len() as f64;
        let ticks = ((high - low) / step).round() as usize;
        html! {
            text x=(left) y="16" class="title" { (self.title) }
            @for tick in (0..=ticks).map(|i| low + step * i as f64) {
                path d={ "M" (px(x(tick))) " " (TOP - 4.0) "V" (px(bottom)) } class="grid" {}
                // Adding zero turns −0 into 0.
                text x=(px(x(tick))) y=(px(bottom + 18.0)) class="tick" { (number(tick + 0.0, step)) }
            }
            @if let Some(reference) = self.reference {
                path d={ "M" (px(x(reference))) " " (TOP - 8.0) "V" (px(bottom)) } class="reference" {}
            }
            @for (i, values) in self.values.iter().enumerate() {
                (self.row(i, values, row, x))
                (self.spread(i, series, row, x))
                (self.dots(genes[i], series, values, row, |value| (x(value), middle(i, row))))
            }
        }
    }

    /// What lies behind the dots of the `i`th row: the span of its values, and what none of them can pass.
    fn row(&self, i: usize, values: &[Option<f64>], row: f64, x: impl Fn(f64) -> f64) -> Markup {
        let known = || values.iter().flatten().copied();
        let (least, most) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
        let (y, half) = (middle(i, row), (row * 0.38).min(7.0));
        html! {
            @if row >= NAMED && least < most && self.ranges.is_empty() { path d={ "M" (px(x(least))) " " (px(y)) "H" (px(x(most))) } class="span" {} }
            @if let Some(limit) = self.limits.get(i).copied().flatten() {
                path d={ "M" (px(x(limit))) " " (px(y - half)) "v" (px(2.0 * half)) } class="limit" {}
            }
        }
    }

    /// Where the values of a row may lie: lines in the colours of the series.
    fn spread(&self, i: usize, series: &[Series], row: f64, x: impl Fn(f64) -> f64) -> Markup {
        let ranges = self.ranges.get(i).into_iter().flatten();
        html! {
            @for (series, [low, high]) in series.iter().zip(ranges).filter_map(|(one, range)| Some((one, (*range)?))) {
                path d={ "M" (px(x(low))) " " (px(middle(i, row))) "H" (px(x(high))) } stroke=(series.colour)
                    stroke-width=(px((row * 0.15).clamp(1.0, 3.0))) stroke-opacity="0.5" fill="none" {}
            }
        }
    }

    fn dots(
        &self,
        gene: &str,
        series: &[Series],
        values: &[Option<f64>],
        row: f64,
        place: impl Fn(f64) -> (f64, f64),
    ) -> Markup {
        let radius = px((row * 0.27).clamp(2.0, 5.4));
        let told = self.values.len() * series.len() <= MOST_TOOLTIPS;
        let known = series.iter().zip(values).filter_map(|(series, value)| Some((series, (*value)?)));
        html! {
            @for (series, value) in known {
                @let (x, y) = place(value);
                circle cx=(px(x)) cy=(px(y)) r=(radius) fill=(series.colour) {
                    @if told { title { (gene) " · " (series.label) ": " (format!("{value:.4}")) } }
                }
            }
        }
    }

    /// Lowest and highest tick, and the step between ticks: 1, 2 or 5 times a power of ten.
    fn axis(&self) -> (f64, f64, f64) {
        let all = self
            .values
            .iter()
            .flatten()
            .flatten()
            .copied()
            .chain(self.reference)
            .chain(self.limits.iter().flatten().copied())
            .chain(self.ranges.iter().flatten().flatten().flatten().copied());
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if !low.is_finite() {
            return (0.0, 1.0, 0.5);
        }
        let step = nice_above((high - low).max(0.02) / 5.0);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        // One value, or several on the same tick, still needs an axis of some length.
        if high > low { (low, high, step) } else { (low - step, high + step, step) }
    }
}

/// The height of the middle of the `i`th row.
fn middle(i: usize, row: f64) -> f64 {
    TOP + row * (i as f64 + 0.5)
}

/// The smallest of 1, 2, 5 × 10ⁿ that is not below `value`.
fn nice_above(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= value * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// The largest of 1, 2, 5 × 10ⁿ that is not above `value`.
pub(super) fn nice_below(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let steps = [5.0, 2.0, 1.0].map(|step| step * power);
    steps.into_iter().find(|step| *step <= value * (1.0 + 1e-9)).unwrap_or(power)
}

/// `value` with as many decimals as `step` needs.
fn number(value: f64, step: f64) -> String {
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_fall_on_round_numbers_and_enclose_the_values() {
        let values = vec![vec![Some(0.83), Some(1.31)]];
        let panel = Panel::new("", Some(1.0), values);
        let (low, high, step) = panel.axis();
        assert!((low - 0.8).abs() < 1e-9 && (high - 1.4).abs() < 1e-9 && (step - 0.1).abs() < 1e-9);
        assert_eq!(number(0.8, 0.1), "0.8");
        assert_eq!((nice_above(0.021), nice_below(1200.0)), (0.05, 1000.0));
    }
}
