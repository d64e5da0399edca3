//! The pictures of one gene: truth, input, every prediction, its error, its gain and its uncertainty on shared scales.

use super::colours::{ERRORS, GAINS, Scale, VALUES, WIDTHS, quantile};
use super::figure::{GeneFigure, Picture, Shown};
use crate::scoring::metric::{Metric, Place};
use crate::scoring::registry::shown;
use crate::scoring::scored_gene::ScoredGene;
use crate::scoring::{Expectation, Region, Score};
use crate::section::Raster;
use crate::store::Advice;

/// The share of bins whose values the colour scales span; the few beyond take the last colour.
const SHOWN: f64 = 0.995;

/// Up to this many pictures are no columns of several.
const IN_A_ROW: usize = 4;

/// All that is shown of a gene: its figure, over the `tissue` [rows, cols], the true one where there is a truth.
pub(crate) fn figure<'a>(gene: &'a ScoredGene, tissue: &'a Raster<bool>) -> GeneFigure<'a> {
    let truth = gene.truth.as_ref().map(|truth| in_tissue(truth, tissue));
    let input = gene.input();
    let high = top(truth.as_ref().unwrap_or(&input).values().iter().copied());
    let errors: Vec<Raster<f32>> =
        truth.iter().flat_map(|truth| gene.predictions.iter().map(|(_, map)| difference(truth, map))).collect();
    let most = top(errors.iter().flat_map(|map| map.values()).map(|error| error.abs()));
    let gains: Vec<Raster<f32>> = gene.gains.iter().map(|(_, map)| map.map(|gain| *gain as f32)).collect();
    let most_gain = typical_top(&gains);
    let widths: Vec<Raster<f32>> = gene.half_widths.iter().map(|(_, half, _)| half.clone()).collect();
    let widest = typical_top(&widths);
    let around = |palette, most: f64| Scale { palette, low: -most, high: most };
    GeneFigure {
        gene: gene.gene,
        tissue,
        bin_um: gene.dataset.manifest().grid.bin_um,
        values: Scale { palette: &VALUES, low: 0.0, high },
        errors: truth.is_some().then(|| around(&ERRORS, most)),
        gains: (!gains.is_empty()).then(|| around(&GAINS, most_gain)),
        widths: (!widths.is_empty()).then_some(Scale { palette: &WIDTHS, low: 0.0, high: widest }),
        advice: truth.is_none().then(|| gene.expectations.first().map_or(Advice::Unknown, |one| one.advice)),
        columns: columns(gene, Maps { truth, input, errors, gains }),
    }
}

/// What pictures are made of.
struct Maps {
    /// NaN outside the tissue.
    truth: Option<Raster<f32>>,
    input: Raster<f32>,
    /// Of each prediction, with a truth.
    errors: Vec<Raster<f32>>,
    /// Of each prediction but the reference, with a truth.
    gains: Vec<Raster<f32>>,
}

/// The pictures, in columns: what was given, then one for each prediction.
fn columns(gene: &ScoredGene, maps: Maps) -> Vec<Vec<Picture>> {
    let picture = |shown, of: &str, title, note, image| Picture { shown, of: of.to_owned(), title, note, image };
    let given = |title: &str, note: &str, image| {
        picture(Shown::Value, &title.to_lowercase(), title.to_owned(), note.to_owned(), image)
    };
    let truth = maps.truth.map(|truth| given("Truth", "all bins, withheld ones included", truth));
    let input = given("Input", "measured bins; white: not measured", maps.input);
    let beside = gene.interpolated.clone();
    let beside = beside.map(|map| given("Interpolation", "bilinear, of the measured bins", map));
    let mut columns = vec![truth.into_iter().chain([input]).chain(beside).collect::<Vec<_>>()];
    let mut errors = maps.errors.into_iter();
    for (label, map) in &gene.predictions {
        let score = gene.scores.iter().find(|score| score.method == *label && score.region == Region::Unmeasured);
        let note = |of: fn(&Score) -> Option<String>| score.and_then(of).unwrap_or_default();
        let expected = gene.expectations.iter().find(|one| one.method == *label).and_then(expected);
        let below = expected.filter(|_| gene.truth.is_none()).unwrap_or_else(|| note(caption));
        let mut column = vec![picture(Shown::Value, label, (*label).to_owned(), below, map.clone())];
        let title = format!("{label} − truth");
        column.extend(errors.next().map(|map| picture(Shown::Error, label, title, note(ratio), map)));
        if let Some(at) = gene.gains.iter().position(|(of, _)| of == label) {
            let title = format!("Gain over {}", gene.reference.unwrap_or_default());
            column.push(picture(Shown::Gain, label, title, note(gain), maps.gains[at].clone()));
        }
        if let Some((_, half, coverage)) = gene.half_widths.iter().find(|(of, ..)| of == label) {
            let held = gene.intervals.iter().find(|(of, _)| of == label).map(|(_, found)| found.coverage);
            let title = format!("Uncertainty of {label}");
            let picture = picture(Shown::Width, label, title, promised(*coverage, held), half.clone());
            // One alone finds room below the input, where no error and no gain stands.
            let alone = gene.truth.is_some() && gene.half_widths.len() == 1;
            if alone { columns[0].push(picture) } else { column.push(picture) }
        }
        columns.push(column);
    }
    // Few stand in a row.
    let few = columns.iter().map(Vec::len).sum::<usize>() <= IN_A_ROW;
    if few { columns.into_iter().flatten().map(|picture| vec![picture]).collect() } else { columns }
}

/// Below a prediction.
fn caption(score: &Score) -> Option<String> {
    let figure = |metric: &Metric| Some(format!("{}\u{a0}{:.3}", metric.title, score.metric(metric)?));
    Some(shown(&[Place::Caption]).into_iter().filter_map(figure).collect::<Vec<_>>().join(" · "))
}

/// Below a prediction, where no truth tells how good it is.
fn expected(one: &Expectation) -> Option<String> {
    let expected = one.choice.expected.as_ref()?;
    let correlation = expected.correlation.map(|found| format!("expected PCC\u{a0}{found:.2} · ")).unwrap_or_default();
    Some(format!("{correlation}RMSE\u{a0}{:.2}\u{a0}× interpolation", expected.rmse_ratio))
}

/// Below an uncertainty: how many bins are promised to be within their intervals and, with a truth, how many are.
fn promised(coverage: f64, held: Option<f64>) -> String {
    let percent = |share: f64| format!("{:.0}\u{a0}%", 100.0 * share);
    let held = held.map(|held| format!(", which hold {}", percent(held))).unwrap_or_default();
    format!("half the width of {} intervals{held}", percent(coverage))
}

/// Below an error.
fn ratio(score: &Score) -> Option<String> {
    Some(format!("MAE\u{a0}{:.2}\u{a0}× bilinear", score.value("mae_ratio")?))
}

/// Below a gain.
fn gain(score: &Score) -> Option<String> {
    let (improved, tied, mean) =
        (score.value("improvement_ratio")?, score.value("tie_ratio")?, score.value("mean_gain")?);
    let percent = |share: f64| format!("{:.0}\u{a0}%", 100.0 * share);
    let (better, worse) = (percent(improved), percent(1.0 - improved - tied));
    let sign = if mean < 0.0 { "−" } else { "+" };
    Some(format!("{better} better, {worse} worse · mean\u{a0}{sign}{:.3}", mean.abs()))
}

/// `image`, NaN outside the tissue.
fn in_tissue(image: &Raster<f32>, tissue: &Raster<bool>) -> Raster<f32> {
    let value = |at: (usize, usize)| if tissue[at] { image[at] } else { f32::NAN };
    Raster::from_fn(image.rows(), image.cols(), |row, col| value((row, col)))
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
