//! What is plotted of a plan.

use super::charts::{Panel, Series, dot_plots};
use super::score_charts::{BASELINE, OTHERS};
use crate::scoring::plan::{PlanRow, Summary};
use crate::scoring::registry::LOG_NORMALISED;

/// A row for every sampling, a dot for every method: medians over the genes, as an SVG file.
pub(in crate::scoring) fn plan_figure(rows: &[PlanRow]) -> String {
    let all = Summary::all(rows);
    let (mut samplings, mut methods): (Vec<&str>, Vec<&str>) = Default::default();
    for row in &all {
        if !samplings.contains(&row.sampling) {
            samplings.push(row.sampling);
        }
        if !methods.contains(&row.method) {
            methods.push(row.method);
        }
    }
    let colours = std::iter::once(BASELINE).chain(OTHERS.into_iter().rev()).chain(std::iter::repeat(BASELINE));
    let series = methods.iter().zip(colours).map(|(method, colour)| Series { label: (*method).to_owned(), colour });
    let panel = |title: &str, of: fn(&Summary) -> Option<f64>| {
        let value = |sampling: &str, method: &str| {
            all.iter().find(|row| row.sampling == sampling && row.method == method).and_then(of)
        };
        let values = samplings.iter().map(|sampling| methods.iter().map(|method| value(sampling, method)).collect());
        Panel::new(title, None, values.collect())
    };
    let panels = [
        panel("PCC →", |row| row.pcc),
        panel(&format!("← MAE ({LOG_NORMALISED})"), |row| row.mae),
        panel(&format!("← RMSE ({LOG_NORMALISED})"), |row| row.rmse),
    ];
    dot_plots(&samplings, series.collect(), &panels).file()
}
