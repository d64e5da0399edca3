//! Dot plots as SVG: a row per gene or class of bins, a dot per method.

use super::markup::{escape, standalone};

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
}

/// Plots side by side, ready to be shown.
pub(super) struct Chart {
    body: String,
    width: f64,
    height: f64,
    series: Vec<Series>,
}

/// Plots `panels` side by side over the same `rows`, one colour per series.
pub(super) fn dot_plots(rows: &[&str], series: Vec<Series>, panels: &[Panel]) -> Chart {
    let row = ROW.min(MOST_HEIGHT / rows.len().max(1) as f64);
    let height = TOP + row * rows.len() as f64 + BOTTOM;
    let width = LABELS + (WIDTH + GAP) * panels.len() as f64;
    let mut body = String::new();
    if row >= NAMED {
        for (i, name) in rows.iter().enumerate() {
            let (y, name) = (TOP + row * (i as f64 + 0.5) + 4.0, escape(name));
            body += &format!(r#"<text x="{}" y="{y:.1}" class="name">{name}</text>"#, LABELS - 10.0);
        }
    }
    for (i, panel) in panels.iter().enumerate() {
        let left = LABELS + (WIDTH + GAP) * i as f64;
        body += &panel.draw(rows, &series, left, row);
    }
    Chart { body, width, height, series }
}

impl Chart {
    /// The chart within a page, with the legend above it.
    pub(super) fn html(&self) -> String {
        let Chart { body, width, height, series } = self;
        let entry = |one: &Series| {
            let label = escape(&one.label);
            format!(r#"<span><span class="dot" style="background:{}"></span>{label}</span>"#, one.colour)
        };
        let legend: String = series.iter().map(entry).collect();
        format!(
            r#"<div class="legend">{legend}</div><svg class="chart" viewBox="0 0 {width} {height:.1}" style="max-width:{width}px" role="img" aria-label="Figures per row and method">{body}</svg>"#
        )
    }

    /// The chart as an SVG file.
    pub(super) fn file(&self) -> String {
        let mut legend = String::new();
        let mut x = LABELS;
        for one in &self.series {
            let label = escape(&one.label);
            legend += &format!(
                r#"<circle cx="{x}" cy="14" r="5.5" fill="{}"/><text x="{}" y="18">{label}</text>"#,
                one.colour,
                x + 11.0
            );
            x += 40.0 + 8.0 * one.label.chars().count() as f64;
        }
        let body = format!(r#"{legend}<g transform="translate(0 28)">{}</g>"#, self.body);
        standalone(&body, self.width.max(x), self.height + 28.0)
    }
}

impl Panel {
    fn draw(&self, genes: &[&str], series: &[Series], left: f64, row: f64) -> String {
        let (low, high, step) = self.axis();
        let x = |value: f64| left + (value - low) / (high - low) * WIDTH;
        let bottom = TOP + row * genes.len() as f64;
        let mut svg = format!(r#"<text x="{left}" y="16" class="title">{}</text>"#, escape(&self.title));
        let ticks = ((high - low) / step).round() as usize;
        for tick in (0..=ticks).map(|i| low + step * i as f64) {
            let at = x(tick);
            svg += &format!(r#"<path d="M{at:.1} {}V{bottom:.1}" class="grid"/>"#, TOP - 4.0);
            // Adding zero turns −0 into 0.
            let label = number(tick + 0.0, step);
            svg += &format!(r#"<text x="{at:.1}" y="{:.1}" class="tick">{label}</text>"#, bottom + 18.0);
        }
        if let Some(reference) = self.reference {
            svg += &format!(r#"<path d="M{:.1} {}V{bottom:.1}" class="reference"/>"#, x(reference), TOP - 8.0);
        }
        for (i, values) in self.values.iter().enumerate() {
            let y = TOP + row * (i as f64 + 0.5);
            let known = || values.iter().flatten().copied();
            let (least, most) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
            if row >= NAMED && least < most {
                svg += &format!(r#"<path d="M{:.1} {y:.1}H{:.1}" class="span"/>"#, x(least), x(most));
            }
            if let Some(limit) = self.limits.get(i).copied().flatten() {
                let half = (row * 0.38).min(7.0);
                svg += &format!(r#"<path d="M{:.1} {:.1}v{:.1}" class="limit"/>"#, x(limit), y - half, 2.0 * half);
            }
            svg += &self.dots(genes[i], series, values, row, |value| (x(value), y));
        }
        svg
    }

    fn dots(
        &self,
        gene: &str,
        series: &[Series],
        values: &[Option<f64>],
        row: f64,
        place: impl Fn(f64) -> (f64, f64),
    ) -> String {
        let radius = (row * 0.27).clamp(2.0, 5.4);
        let told = self.values.len() * series.len() <= MOST_TOOLTIPS;
        let dot = |(series, value): (&Series, &Option<f64>)| {
            let value = (*value)?;
            let ((x, y), colour) = (place(value), series.colour);
            let tip = format!("<title>{} · {}: {value:.4}</title>", escape(gene), escape(&series.label));
            let tip = if told { tip } else { String::new() };
            Some(format!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius:.1}" fill="{colour}">{tip}</circle>"#))
        };
        series.iter().zip(values).filter_map(dot).collect()
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
            .chain(self.limits.iter().flatten().copied());
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
        let panel = Panel { title: String::new(), reference: Some(1.0), values, limits: Vec::new() };
        let (low, high, step) = panel.axis();
        assert!((low - 0.8).abs() < 1e-9 && (high - 1.4).abs() < 1e-9 && (step - 0.1).abs() < 1e-9);
        assert_eq!(number(0.8, 0.1), "0.8");
        assert_eq!((nice_above(0.021), nice_below(1200.0)), (0.05, 1000.0));
    }
}
