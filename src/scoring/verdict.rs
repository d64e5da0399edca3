//! One sentence for each prediction: is it better than interpolation; and, where no truth tells, what may be used.

use super::expectations::Expectation;
use super::outcome::Outcome;
use super::prediction::interpolates;
use super::regions::Region;
use super::score::Score;
use crate::dataset::Mode;
use crate::section::median;
use crate::store::Advice;
use crate::words::counted;
use std::collections::HashMap;

/// As many genes are named.
const NAMED: usize = 5;

/// Ratios as near to 1 as three decimals cannot tell from it are equal.
const EQUAL: f64 = 5e-4;

/// With a truth, for each prediction that is no interpolation, how its RMSE over the unmeasured bins is to that of the best interpolation
/// of each gene; without interpolations how near it is to the ceiling. Without a truth, what measured bins say of each prediction.
pub fn verdicts(outcome: &Outcome) -> Vec<String> {
    let methods = || outcome.methods.iter();
    if outcome.mode == Mode::Impute {
        let told: Vec<String> = methods().filter_map(|one| expected(outcome, &one.label)).collect();
        let unknown = "Nothing tells how good these predictions are: none of these methods asks hidden bins. Predict with --method blend, or with networks, to know which genes may be used.";
        return if told.is_empty() { vec![unknown.to_owned()] } else { told };
    }
    let simple = methods().filter(|one| interpolates(&one.method));
    let interpolations: Vec<&str> = simple.map(|one| one.label.as_str()).collect();
    let others = methods().filter(|one| !interpolates(&one.method));
    let of = |label: &str| {
        if interpolations.is_empty() { alone(outcome, label) } else { verdict(outcome, label, &interpolations) }
    };
    others.filter_map(|one| of(&one.label)).collect()
}

/// What can be said of the method called `label` where no interpolation stands beside it.
fn alone(outcome: &Outcome, label: &str) -> Option<String> {
    let own = outcome.summary.iter().find(|one| one.label == label)?;
    let pcc = own.medians.value("pcc")?;
    let ceiling = own.medians.value("pcc_ceiling").map(|most| format!(" of the {most:.3} that these counts allow"));
    let genes = counted(own.genes, "gene");
    let ceiling = ceiling.unwrap_or_default();
    Some(format!(
        "{label}: PCC {pcc:.3}{ceiling}, in the median of {genes}. Whether interpolation would do as well is not known: predict with --method kriging, too"
    ))
}

/// What measured bins say of the method called `label`; `None` where they were not asked.
fn expected(outcome: &Outcome, label: &str) -> Option<String> {
    let own: Vec<&Expectation> = outcome.expectations.iter().filter(|one| one.method == label).collect();
    if own.is_empty() {
        return None;
    }
    let count = |advice: Advice| own.iter().filter(|one| one.advice == advice).count();
    let all = counted(own.len(), "gene");
    let mut told = format!("{label}: you may use {} of {all}", count(Advice::Use));
    for (advice, what) in [(Advice::Leave, "leave"), (Advice::Unknown, "nothing is known of")] {
        let genes: Vec<&str> = own.iter().filter(|one| one.advice == advice).map(|one| one.gene.as_str()).collect();
        if !genes.is_empty() {
            told += &format!(", {what} {}", listed(&genes));
        }
    }
    let ratios = own.iter().filter_map(|one| Some(one.choice.expected.as_ref()?.rmse_ratio));
    let ratio = median(ratios).map(|ratio| {
        format!("; expected RMSE {ratio:.3} times that of the better one of bilinear and kriging, in the median")
    });
    Some(told + &ratio.unwrap_or_default())
}

/// How the method called `label` did against `interpolations`.
fn verdict(outcome: &Outcome, label: &str, interpolations: &[&str]) -> Option<String> {
    let unmeasured = || outcome.scores.iter().filter(|score| score.region == Region::Unmeasured);
    let found = unmeasured().map(|score| ((score.gene.as_str(), score.method.as_str()), score));
    let found: HashMap<(&str, &str), &Score> = found.collect();
    let rmse = |gene: &str, label: &str| found.get(&(gene, label))?.value("rmse");
    let own = unmeasured().filter(|score| score.method == label);
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
    let better = ratios.iter().filter(|(ratio, _)| *ratio <= 1.0 - EQUAL).count();
    let worse =
        ratios.iter().filter(|(ratio, _)| *ratio >= 1.0 + EQUAL).map(|(ratio, gene)| format!("{gene} {ratio:.3}"));
    let worse: Vec<String> = worse.collect();
    let same = ratios.len() - better - worse.len();
    let mut told = format!("{label} beats interpolation on {better} of {}", counted(ratios.len(), "gene"));
    if same > 0 {
        told += &format!(", equals it on {same}");
    }
    if !worse.is_empty() {
        told += &format!(", is worse on {}", listed(&worse));
    }
    let of = interpolations.join(", ");
    Some(format!("{told}: RMSE {mean:.3} times that of the best interpolation of each gene ({of}), in the mean"))
}

/// How many they are, and the first by name.
fn listed(genes: &[impl AsRef<str>]) -> String {
    let named: Vec<&str> = genes.iter().take(NAMED).map(AsRef::as_ref).collect();
    let more = if genes.len() > NAMED { ", …" } else { "" };
    format!("{} ({}{more})", genes.len(), named.join(", "))
}
