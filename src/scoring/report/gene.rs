//! The pictures of one gene: truth, input, every prediction, its error and its gain on shared scales.

use super::colours::{ERRORS, GAINS, Scale, VALUES, quantile};
use super::plate::{Picture, Plate, Shown};
use crate::scoring::{Region, Score};
use crate::section::Raster;

/// The share of bins whose values the colour scales span; the few beyond take the last colour.
const SHOWN: f64 = 0.995;

/// The maps of one gene, all [rows, cols], in log-normalised units.
pub(crate) struct GeneMaps<'a> {
    /// The gene.
    pub(crate) gene: &'a str,
    /// The tissue: the true one where there is a truth, else the inferred one.
    pub(crate) tissue: &'a Raster<bool>,
    /// The dense truth, 0 outside the tissue, if there is one.
    pub(crate) truth: Option<&'a Raster<f32>>,
    /// The measured values, NaN where nothing was measured.
    pub(crate) input: &'a Raster<f32>,
    /// Label and prediction (NaN where it says nothing).
    pub(crate) predictions: &'a [(&'a str, Raster<f32>)],
    /// Label and gain over the reference (NaN where bins are not compared) of the other predictions.
    pub(crate) gains: &'a [(&'a str, Raster<f64>)],
    /// The label of the reference.
    pub(crate) reference: Option<&'a str>,
    /// The gene's scores.
    pub(crate) scores: &'a [Score],
    /// Side of a bin in µm.
    pub(crate) bin_um: f64,
}

impl GeneMaps<'_> {
    /// All that is shown of the gene.
    pub(crate) fn plate(&self) -> Plate<'_> {
        let shown = self.truth.map(|truth| self.in_tissue(truth));
        let reference = shown.as_ref().unwrap_or(self.input);
        let high = top(reference.values().iter().copied());
        let errors: Vec<Raster<f32>> =
            shown.iter().flat_map(|truth| self.predictions.iter().map(|(_, map)| difference(truth, map))).collect();
        let most = top(errors.iter().flat_map(|map| map.values()).map(|error| error.abs()));
        let gains: Vec<Raster<f32>> = self.gains.iter().map(|(_, map)| map.map(|gain| *gain as f32)).collect();
        let most_gain = typical_top(&gains);
        let around = |palette, most: f64| Scale { palette, low: -most, high: most };
        Plate {
            gene: self.gene,
            tissue: self.tissue,
            bin_um: self.bin_um,
            values: Scale { palette: &VALUES, low: 0.0, high },
            errors: shown.is_some().then(|| around(&ERRORS, most)),
            gains: (!gains.is_empty()).then(|| around(&GAINS, most_gain)),
            columns: self.columns(shown, errors, gains),
        }
    }

    /// The pictures, in columns: what was given, then one for each prediction.
    fn columns(
        &self,
        truth: Option<Raster<f32>>,
        errors: Vec<Raster<f32>>,
        gains: Vec<Raster<f32>>,
    ) -> Vec<Vec<Picture>> {
        let picture = |shown, file: &str, title: String, note: String, image| {
            let file = match shown {
                Shown::Value => file.to_owned(),
                Shown::Error => format!("{file}.error"),
                Shown::Gain => format!("{file}.gain"),
            };
            Picture { shown, file, title, note, image }
        };
        let given = |title: &str, note: &str, image| {
            picture(Shown::Value, &title.to_lowercase(), title.to_owned(), note.to_owned(), image)
        };
        let truth = truth.map(|truth| given("Truth", "all bins, withheld ones included", truth));
        let input = given("Input", "measured bins; white: not measured", self.input.clone());
        let mut columns = vec![truth.into_iter().chain([input]).collect::<Vec<_>>()];
        let mut errors = errors.into_iter();
        for (label, map) in self.predictions {
            let mut column = vec![picture(Shown::Value, label, (*label).to_owned(), self.caption(label), map.clone())];
            let title = format!("{label} − truth");
            column.extend(errors.next().map(|map| picture(Shown::Error, label, title, self.ratio(label), map)));
            if let Some(at) = self.gains.iter().position(|(of, _)| of == label) {
                let title = format!("Gain over {}", self.reference.unwrap_or_default());
                column.push(picture(Shown::Gain, label, title, self.gain(label), gains[at].clone()));
            }
            columns.push(column);
        }
        columns
    }

    /// `image`, NaN outside the tissue.
    fn in_tissue(&self, image: &Raster<f32>) -> Raster<f32> {
        let value = |at: (usize, usize)| if self.tissue[at] { image[at] } else { f32::NAN };
        Raster::from_fn(image.rows(), image.cols(), |row, col| value((row, col)))
    }

    fn score(&self, label: &str) -> Option<&Score> {
        self.scores.iter().find(|score| score.method == label && score.region == Region::Unmeasured)
    }

    fn caption(&self, label: &str) -> String {
        let figure = |name: &str, value: Option<f64>| value.map(|value| format!("{name}\u{a0}{value:.3}"));
        let Some(score) = self.score(label) else { return String::new() };
        let figures =
            [figure("MAE", score.value("mae")), figure("PCC", score.value("pcc")), figure("SSIM", score.value("ssim"))];
        figures.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    fn gain(&self, label: &str) -> String {
        let figures = self
            .score(label)
            .and_then(|s| Some((s.value("improvement_ratio")?, s.value("tie_ratio")?, s.value("mean_gain")?)));
        figures.map_or(String::new(), |(improved, tied, mean)| {
            let percent = |share: f64| format!("{:.0}\u{a0}%", 100.0 * share);
            let (better, worse) = (percent(improved), percent(1.0 - improved - tied));
            let sign = if mean < 0.0 { "−" } else { "+" };
            format!("{better} better, {worse} worse · mean\u{a0}{sign}{:.4}", mean.abs())
        })
    }

    fn ratio(&self, label: &str) -> String {
        let ratio = self.score(label).and_then(|score| score.value("mae_ratio"));
        ratio.map_or(String::new(), |ratio| format!("MAE\u{a0}{ratio:.2}\u{a0}× bilinear"))
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
