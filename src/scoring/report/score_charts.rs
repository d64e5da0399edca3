//! What is plotted of the scores.

use super::charts::{Chart, Panel, Series, dot_plots};
use super::ranked::Ranked;
use crate::scoring::registry::LOG_NORMALISED;
use crate::scoring::{By, Outcome, ProfileRow, Region, Score};
use crate::section::Pattern;
use std::collections::HashMap;

/// Colours of the methods (Okabe and Ito, 2008: told apart with colour vision deficiency), the baseline's first.
pub(super) const BASELINE: &str = "#8a949e";
pub(super) const OTHERS: [&str; 6] = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// The colour of each method: grey for the baseline, the others in order.
pub(super) fn colours(outcome: &Outcome) -> Vec<&'static str> {
    let mut others = OTHERS.iter().cycle();
    // The network first: it is what the reader looks for, whatever the order of the predictions.
    let mut order: Vec<usize> = (0..outcome.methods.len()).collect();
    order.sort_by_key(|i| outcome.methods[*i].method != "s2s");
    let mut colours = vec![BASELINE; order.len()];
    for i in order {
        if outcome.baseline.as_ref() != Some(&outcome.methods[i].label) {
            colours[i] = others.next().copied().unwrap_or(BASELINE);
        }
    }
    colours
}

/// A series for each method.
fn series(outcome: &Outcome, colours: &[&'static str]) -> Vec<Series> {
    let methods = outcome.methods.iter().zip(colours);
    methods.map(|(method, colour)| Series { label: method.label.clone(), colour }).collect()
}

/// MAE, RMSE and PCC over the unmeasured bins of genes as they are `ranked`: of all, or of some at even steps where they are many.
pub(super) fn scores(outcome: &Outcome, ranked: &Ranked, colours: &[&'static str]) -> Chart {
    let honest = outcome.scores.iter().filter(|score| score.region == Region::Unmeasured);
    let honest: HashMap<(&str, &str), &Score> =
        honest.map(|score| ((score.gene.as_str(), score.method.as_str()), score)).collect();
    let series = series(outcome, colours);
    let genes = ranked.charted();
    let table: Vec<Vec<Option<&Score>>> = genes
        .iter()
        .map(|gene| series.iter().map(|one| honest.get(&(*gene, one.label.as_str())).copied()).collect())
        .collect();
    let panel = |title: String, reference: Option<f64>, key: &str| {
        let values = table.iter().map(|row| row.iter().map(|score| (*score)?.value(key)).collect()).collect();
        Panel::new(title, reference, values)
    };
    let ceiling = |row: &Vec<Option<&Score>>| row.iter().flatten().find_map(|score| score.value("pcc_ceiling"));
    let mut panels = match &outcome.baseline {
        Some(label) => [
            panel(format!("← MAE as a multiple of {label}’s"), Some(1.0), "mae_ratio"),
            panel(format!("← RMSE as a multiple of {label}’s"), Some(1.0), "rmse_ratio"),
            panel("PCC →".into(), None, "pcc"),
        ],
        None => [
            panel(format!("← MAE ({LOG_NORMALISED})"), None, "mae"),
            panel(format!("← RMSE ({LOG_NORMALISED})"), None, "rmse"),
            panel("PCC →".into(), None, "pcc"),
        ],
    };
    panels[2].limits = table.iter().map(ceiling).collect();
    dot_plots(&genes, series, &panels).noted(ranked.charted_told())
}

/// The share of the values beyond the first class of distances from which these say something.
const TELLING: f64 = 0.05;

/// Errors by distance from the border, by that from measured bins where it differs enough to say something, and by true value; each with
/// its name.
pub(super) fn profiles(outcome: &Outcome, colours: &[&'static str]) -> Vec<(By, &'static str, Chart)> {
    let named =
        [(By::Border, "errors_by_border"), (By::Distance, "errors_by_distance"), (By::Level, "errors_by_level")];
    let told = named.into_iter().filter(|(by, _)| *by != By::Distance || distances_differ(outcome));
    told.map(|(by, name)| (by, name, profile(outcome, by, colours))).collect()
}

/// Whether unmeasured bins are not all about as far from measured ones, as on a lattice.
fn distances_differ(outcome: &Outcome) -> bool {
    if outcome.pattern == Pattern::Lattice {
        return false;
    }
    let first = outcome.methods.first().map(|method| &method.label);
    let own = || outcome.profiles.iter().filter(|row| row.by == By::Distance && Some(&row.method) == first);
    let near = own().map(|row| row.values).max().unwrap_or(0);
    let all: usize = own().map(|row| row.values).sum();
    all > near && (all - near) as f64 >= TELLING * all as f64
}

fn profile(outcome: &Outcome, by: By, colours: &[&'static str]) -> Chart {
    let rows: Vec<&ProfileRow> = outcome.profiles.iter().filter(|row| row.by == by).collect();
    let mut classes: Vec<&str> = rows.iter().map(|row| row.class.as_str()).collect();
    // Every method has the same classes: those of the first.
    classes.truncate(rows.iter().take_while(|row| row.method == rows[0].method).count());
    let series = series(outcome, colours);
    let panel = |title: &str, reference: Option<f64>, of: fn(&ProfileRow) -> Option<f64>| {
        let value = |class: &&str, label: &str| {
            rows.iter().find(|row| row.class == *class && row.method == label).and_then(|row| of(row))
        };
        let values = classes.iter().map(|class| series.iter().map(|one| value(class, &one.label)).collect());
        Panel::new(title, reference, values.collect())
    };
    let mae = || panel(&format!("← MAE ({LOG_NORMALISED})"), None, |row| Some(row.mae));
    let rmse = panel(&format!("← RMSE ({LOG_NORMALISED})"), None, |row| Some(row.rmse));
    let pcc = || panel("PCC →", None, |row| row.pcc);
    // The coverage that the first intervals promise.
    let coverage = || panel("coverage", outcome.intervals.first().map(|one| one.nominal), |row| row.coverage);
    let panels = match by {
        By::Border | By::Level => {
            let title = format!("bias: prediction − truth ({LOG_NORMALISED})");
            [mae(), rmse, panel(&title, Some(0.0), |row| Some(row.bias))]
        }
        By::Distance if rows.iter().any(|row| row.coverage.is_some()) => [rmse, pcc(), coverage()],
        By::Distance => [mae(), rmse, pcc()],
    };
    dot_plots(&classes, series, &panels)
}
