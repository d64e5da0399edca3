//! One sentence for each prediction: is it better than interpolation?

use super::outcome::Outcome;
use super::regions::Region;
use crate::words::counted;
use std::fmt::Write;

/// The methods that see one gene and no more.
const INTERPOLATIONS: [&str; 5] = ["nearest", "bilinear", "bicubic", "idw", "kriging"];

/// As many genes are named.
const NAMED: usize = 5;

/// For each prediction that is no interpolation, how its RMSE over the unmeasured bins is to that of the best interpolation of each gene.
/// Empty without interpolations, or without a truth.
pub(super) fn verdicts(outcome: &Outcome) -> Vec<String> {
    let simple = |method: &str| INTERPOLATIONS.contains(&method);
    let interpolations: Vec<&str> =
        outcome.methods.iter().filter(|one| simple(&one.method)).map(|one| one.label.as_str()).collect();
    let others = outcome.methods.iter().filter(|one| !simple(&one.method));
    others.filter_map(|one| verdict(outcome, &one.label, &interpolations)).collect()
}

fn verdict(outcome: &Outcome, label: &str, interpolations: &[&str]) -> Option<String> {
    let rmse = |gene: &str, label: &str| {
        let score = outcome
            .scores
            .iter()
            .find(|score| score.region == Region::Unmeasured && score.gene == gene && score.method == label)?;
        score.value("rmse")
    };
    let own = outcome.scores.iter().filter(|score| score.region == Region::Unmeasured && score.method == label);
    let ratio = |gene: &str| {
        let best = interpolations.iter().filter_map(|other| rmse(gene, other)).min_by(f64::total_cmp)?;
        (best > 0.0).then_some(rmse(gene, label)? / best)
    };
    let mut ratios: Vec<(f64, &str)> =
        own.filter_map(|score| Some((ratio(&score.gene)?, score.gene.as_str()))).collect();
    if ratios.is_empty() {
        return None;
    }
    ratios.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mean = ratios.iter().map(|(ratio, _)| ratio).sum::<f64>() / ratios.len() as f64;
    let worse: Vec<&(f64, &str)> = ratios.iter().filter(|(ratio, _)| *ratio > 1.0).collect();
    let mut told = format!(
        "{label}: RMSE {mean:.3} times that of the best interpolation of each gene ({}), in the mean of {}; worse than it on {} of {}",
        interpolations.join(", "),
        counted(ratios.len(), "gene"),
        worse.len(),
        counted(ratios.len(), "gene")
    );
    for (i, (ratio, gene)) in worse.iter().take(NAMED).enumerate() {
        let _ = write!(told, "{} {gene} {ratio:.3}", if i == 0 { ":" } else { "," });
    }
    Some(told)
}
