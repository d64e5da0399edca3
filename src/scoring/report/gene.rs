//! The pictures of one gene: truth, input, every prediction, its error and its gain on shared scales.

use super::charts::nice_below;
use super::colours::{ERRORS, GAINS, Scale, VALUES, quantile, shrink, shrink_mask};
use super::escape;
use crate::Result;
use crate::scoring::{Region, Score};
use crate::section::Raster;

/// The share of bins whose values the colour scales span; the few beyond take the last colour.
const SHOWN: f64 = 0.995;
/// Pictures have about this many pixels along their longer side: enough to stay sharp where the page scales them.
/// Maps with more bins are shown as means over blocks.
const PIXELS: usize = 640;
/// No picture is shown higher than this many CSS pixels.
const MOST_HEIGHT: usize = 520;

/// The maps of one gene, all [rows, cols], in log-normalised units.
pub struct GeneMaps<'a> {
    /// The gene.
    pub gene: &'a str,
    /// The tissue: the true one where there is a truth, else the inferred one.
    pub tissue: &'a Raster<bool>,
    /// The dense truth, 0 outside the tissue, if there is one.
    pub truth: Option<&'a Raster<f32>>,
    /// The measured values, NaN where nothing was measured.
    pub input: &'a Raster<f32>,
    /// Label and prediction (NaN where it says nothing).
    pub predictions: &'a [(&'a str, Raster<f32>)],
    /// Label and gain over the reference (NaN where bins are not compared) of the other predictions.
    pub gains: &'a [(&'a str, Raster<f64>)],
    /// The label of the reference.
    pub reference: Option<&'a str>,
    /// The gene's scores.
    pub scores: &'a [Score],
    /// Side of a bin in µm.
    pub bin_um: f64,
}

/// How a section is drawn: the same for all pictures of a gene.
struct Drawing<'a> {
    tissue: &'a Raster<bool>,
    /// Bins along the side of a block, which is shown in one colour.
    block: usize,
    /// Pixels of the picture along the side of a block.
    zoom: usize,
    bin_um: f64,
}

impl GeneMaps<'_> {
    /// The gene's card: a `details` element, open or closed.
    pub fn card(&self, open: bool) -> Result<String> {
        let longest = self.tissue.rows().max(self.tissue.cols());
        let block = longest.div_ceil(PIXELS);
        let zoom = PIXELS.div_ceil(longest.div_ceil(block));
        let drawing = Drawing { tissue: self.tissue, block, zoom, bin_um: self.bin_um };
        let shown = self.truth.map(|truth| self.in_tissue(truth));
        let reference = shown.as_ref().unwrap_or(self.input);
        let scale = Scale { palette: &VALUES, low: 0.0, high: top(reference.values().iter().copied()) };
        let errors: Vec<Raster<f32>> =
            shown.iter().flat_map(|truth| self.predictions.iter().map(|(_, map)| difference(truth, map))).collect();
        let most = top(errors.iter().flat_map(|map| map.values()).map(|error| error.abs()));
        let error_scale = Scale { palette: &ERRORS, low: -most, high: most };
        let gains: Vec<Raster<f32>> = self.gains.iter().map(|(_, map)| map.map(|gain| *gain as f32)).collect();
        let most_gain = typical_top(&gains);
        let gain_scale = Scale { palette: &GAINS, low: -most_gain, high: most_gain };

        let input = drawing.figure(self.input, &scale, "Input", "measured bins; white: not measured")?;
        let first = match &shown {
            Some(truth) => drawing.figure(truth, &scale, "Truth", "all bins, withheld ones included")? + &input,
            None => input,
        };
        let mut pairs = format!(r#"<div class="pair">{first}</div>"#);
        for (i, (label, map)) in self.predictions.iter().enumerate() {
            let mut pair = drawing.figure(map, &scale, label, &self.caption(label))?;
            if let Some(error) = errors.get(i) {
                pair += &drawing.figure(error, &error_scale, &format!("{label} − truth"), &self.ratio(label))?;
            }
            if let Some(at) = self.gains.iter().position(|(of, _)| of == label) {
                let title = format!("Gain over {}", self.reference.unwrap_or_default());
                pair += &drawing.figure(&gains[at], &gain_scale, &title, &self.gain(label))?;
            }
            pairs += &format!(r#"<div class="pair">{pair}</div>"#);
        }
        let mut keys = key("expression", &scale, [format!("{:.1}", 0.0), format!("≥ {:.2}", scale.high)]);
        if shown.is_some() {
            keys += &key("error", &error_scale, [format!("≤ −{most:.2}"), format!("≥ +{most:.2}")]);
        }
        if !gains.is_empty() {
            keys += &key("gain", &gain_scale, [format!("≤ −{most_gain:.3}"), format!("≥ +{most_gain:.3}")]);
        }
        let (gene, open) = (escape(self.gene), if open { " open" } else { "" });
        Ok(format!(
            r#"<details class="gene" id="gene-{gene}"{open}><summary><h3>{gene}</h3>{keys}</summary><div class="pairs" style="--n:{}">{pairs}</div></details>"#,
            self.predictions.len() + 1
        ))
    }

    /// `image`, NaN outside the tissue.
    fn in_tissue(&self, image: &Raster<f32>) -> Raster<f32> {
        Raster::from_fn(
            image.rows(),
            image.cols(),
            |row, col| {
                if self.tissue[(row, col)] { image[(row, col)] } else { f32::NAN }
            },
        )
    }

    fn score(&self, label: &str) -> Option<&Score> {
        self.scores.iter().find(|score| score.method == label && score.region == Region::Unmeasured)
    }

    fn caption(&self, label: &str) -> String {
        let figure = |name: &str, value: Option<f64>| value.map(|value| format!("{name}&nbsp;{value:.3}"));
        let Some(score) = self.score(label) else { return String::new() };
        let figures = [figure("MAE", score.mae), figure("PCC", score.pcc), figure("SSIM", score.ssim)];
        figures.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    fn gain(&self, label: &str) -> String {
        let figures = self.score(label).and_then(|s| Some((s.improvement_ratio?, s.tie_ratio?, s.mean_gain?)));
        figures.map_or(String::new(), |(improved, tied, mean)| {
            let percent = |share: f64| format!("{:.0}&nbsp;%", 100.0 * share);
            let (better, worse) = (percent(improved), percent(1.0 - improved - tied));
            let sign = if mean < 0.0 { "−" } else { "+" };
            format!("{better} better, {worse} worse · mean&nbsp;{sign}{:.4}", mean.abs())
        })
    }

    fn ratio(&self, label: &str) -> String {
        let ratio = self.score(label).and_then(|score| score.mae_ratio);
        ratio.map_or(String::new(), |ratio| format!("MAE&nbsp;{ratio:.2}&nbsp;× bilinear"))
    }
}

impl Drawing<'_> {
    fn figure(&self, image: &Raster<f32>, scale: &Scale, title: &str, note: &str) -> Result<String> {
        let (small, tissue) = (shrink(image, self.block), shrink_mask(self.tissue, self.block));
        let (width, height) = (small.cols() * self.zoom, small.rows() * self.zoom);
        let (uri, title, bar) = (scale.picture(&small, &tissue, self.zoom)?, escape(title), self.bar());
        let widest = MOST_HEIGHT * width / height;
        Ok(format!(
            r#"<figure style="max-width:{widest}px"><div class="map"><img src="{uri}" width="{width}" height="{height}" alt="{title}">{bar}</div><figcaption><b>{title}</b><br>{note}</figcaption></figure>"#
        ))
    }

    /// The scale bar: a round length of at most a quarter of the picture, its width in percent.
    fn bar(&self) -> String {
        let width_um = self.tissue.cols().div_ceil(self.block) as f64 * self.block as f64 * self.bin_um;
        let length = nice_below(width_um / 4.0);
        let label = if length >= 1000.0 { format!("{} mm", length / 1000.0) } else { format!("{length} µm") };
        format!(r#"<span class="bar" style="width:{:.2}%"><i>{label}</i></span>"#, 100.0 * length / width_um)
    }
}

/// The top of a colour scale over `values`; never 0, so that a scale has a length.
fn top(values: impl Iterator<Item = f32> + Clone) -> f64 {
    let most = values.clone().filter(|v| !v.is_nan()).fold(0.0, f32::max);
    // A gene found in fewer bins than the quantile leaves out would be all one colour.
    let top = quantile(values, SHOWN).filter(|top| *top > 0.0).unwrap_or(f64::from(most));
    if top > 0.0 { top } else { 1.0 }
}

/// The median of the tops of `maps` of differences, those of nothing but 0 left out: one method that is far from the others
/// takes the last colours and leaves the others theirs.
fn typical_top(maps: &[Raster<f32>]) -> f64 {
    let sizes = |map: &Raster<f32>| map.map(|value| value.abs());
    let different = maps.iter().map(sizes).filter(|map| map.values().iter().any(|size| *size > 0.0));
    let tops = different.map(|map| top(map.values().iter().copied()) as f32);
    quantile(tops, 0.5).unwrap_or(1.0)
}

/// Prediction − truth where there is a truth; a missing prediction counts as 0.
fn difference(truth: &Raster<f32>, predicted: &Raster<f32>) -> Raster<f32> {
    Raster::from_fn(truth.rows(), truth.cols(), |row, col| {
        let value = predicted[(row, col)];
        if value.is_nan() { -truth[(row, col)] } else { value - truth[(row, col)] }
    })
}

/// A colour bar with its two ends.
fn key(name: &str, scale: &Scale, [low, high]: [String; 2]) -> String {
    let gradient = scale.palette.gradient();
    format!(r#"<span class="key">{name} <i>{low}</i><span style="background:{gradient}"></span><i>{high}</i></span>"#)
}
