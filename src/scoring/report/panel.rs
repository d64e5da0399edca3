//! The sections on all genes together: what the panel is good for, and where errors are made.

use super::markup::escape;
use super::score_charts;
use super::tables::{cell, named};
use crate::scoring::metric::{Metric, Place};
use crate::scoring::registry::shown;
use crate::scoring::{Outcome, PanelScore};

/// The panel's section; empty without a panel.
pub(super) fn panel(outcome: &Outcome, colours: &[&str]) -> String {
    let Some(panel) = &outcome.panel else { return String::new() };
    let columns: Vec<(&Metric, String)> = shown(&[Place::Panel])
        .into_iter()
        .filter_map(|metric| Some((metric, outcome.heading(metric)?.replace('\n', "<br>"))))
        .collect();
    let heads: String = columns.iter().map(|(_, name)| format!(r#"<th data-sort="number">{name}</th>"#)).collect();
    let row = |(score, colour): (&PanelScore, &&str)| {
        let cells = columns.iter().map(|(metric, _)| {
            cell(
                metric,
                score.values.of(metric),
                metric.best(panel.methods.iter().map(|one| one.values.of(metric))),
                "",
            )
        });
        format!(r#"<tr><td class="text">{}</td>{}</tr>"#, named(&score.method, colour), cells.collect::<String>())
    };
    let rows: String = panel.methods.iter().zip(colours.iter().cycle()).map(row).collect();
    let repeat = panel.ari_repeat.map_or(String::new(), |ari| {
        format!(" (two clusterings of the truth itself from different starts reach {ari:.2})")
    });
    format!(
        r#"<h2>The panel</h2><p class="read">What {} genes are used for together, on {} unmeasured bins, done with the predictions and with the truth.
<b>Spatially variable genes</b>: the rank correlation over the genes of Moran’s I, and the share of the truth’s {} most variable genes found again. <b>Gene–gene</b>: how alike the correlations of all pairs of genes are, their mean absolute difference, and the excess of their size: counting noise hides correlations in the truth, and smoothing exaggerates them in predictions, so an excess above 0 is expected even of good predictions, and invents co-expression where it is large.
<b>Clusters</b>: the adjusted Rand index of {} k-means clusters of the bins by their principal components, 1 for the same clusters, 0 for chance{repeat}.</p><div class="scroll"><table class="sortable"><thead><tr><th class="text" data-sort="text">Method</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"#,
        panel.genes, panel.bins, panel.top, panel.clusters
    )
}

/// The section on where errors are made; empty without a truth.
pub(super) fn profiles(outcome: &Outcome, colours: &[&'static str]) -> String {
    if outcome.profiles.is_empty() {
        return String::new();
    }
    let [border, level] = score_charts::profiles(outcome, colours).map(|chart| chart.html());
    let um = escape(&outcome.bin_um.to_string());
    format!(
        r#"<h2>Where errors are made</h2><p class="read">Over all genes that every method predicted, unmeasured bins. <b>By distance</b> from the nearest bin outside the tissue or beyond the grid, in bins of {um} µm: errors that grow towards the border come of missing neighbours, or of a tissue mask that is off.</p>{border}
<p class="read"><b>By the true value</b>: every method predicts high values too low and zeros too high, since it cannot foresee noise (regression to the mean). Compare the methods, not the classes: a bias nearer to 0 in the highest class, at no cost in the lowest, is contrast that is real.</p>{level}"#
    )
}
