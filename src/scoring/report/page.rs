//! The page around the pictures: what was done, what came out, how to read it.

use super::limits::MOST_PICTURED;
use super::markup::escape;
use super::uncertainty::uncertainty;
use super::{panel, score_charts, tables};
use crate::dataset::Mode;
use crate::scoring::Outcome;
use crate::scoring::verdict::verdicts;
use crate::section::Pattern;
use crate::{Error, Result};

const STYLE: &str = include_str!("style.css");
const SCRIPTS: [&str; 2] = [include_str!("sort.js"), include_str!("zoom.js")];

/// The whole page for `outcome`; `genes` are those scored or shown, `cards` the pictures of the first of them.
pub(crate) fn page(outcome: &Outcome, genes: &[&str], cards: &str) -> Result<String> {
    let colours = score_charts::colours(outcome);
    let scored = outcome.mode == Mode::Benchmark;
    let mut body = header(outcome);
    body += "<main>";
    body += &notes(outcome);
    for verdict in verdicts(outcome) {
        body += &format!(r#"<p class="read"><b>{}</b></p>"#, escape(&verdict));
    }
    body += if scored { "<h2>Summary</h2>" } else { "<h2>Methods</h2>" };
    if scored {
        body += SUMMARY;
    }
    body += &tables::methods(outcome, &colours);
    if scored {
        body += &score_charts::scores(outcome, genes, &colours).html();
        body += CHARTS;
        body += &uncertainty(outcome, &colours);
    }
    body += "<h2>Maps</h2>";
    body += if scored { SCORED_MAPS } else { UNSCORED_MAPS };
    body += &gains(outcome);
    if genes.len() > MOST_PICTURED {
        let most = format!("Pictures of the first {MOST_PICTURED} of {} genes.", genes.len());
        body += &format!(r#"<p class="note">{most}</p>"#);
    }
    body += cards;
    if scored {
        body += "<h2>All scores</h2>";
        body += SCORES;
        body += &tables::scores(outcome, genes, &colours);
        body += &panel::panel(outcome, &colours);
        body += &panel::profiles(outcome, &colours);
        body += &tissue(outcome);
    }
    body += &provenance(outcome)?;
    let title = format!("s2s · {}", escape(&outcome.sample));
    Ok(format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}</title><style>{STYLE}</style></head>
<body>{body}</main><script>{}</script></body></html>
"#,
        SCRIPTS.concat()
    ))
}

const SUMMARY: &str = r#"<p class="read">Medians over the genes, on <b>unmeasured in-tissue bins only</b>: the bins that no method has seen.
MAE and RMSE are in log-normalised units (lower is better); PCC is Pearson’s correlation and SSIM the structural similarity (higher is better).
A network trained on absolute errors predicts medians, which flatters its MAE on sparse genes: read RMSE and PCC beside it. The best value of a column is bold.
Withheld counts are a sample, and no prediction can foresee their noise: <b>PCC / ceiling</b> is the PCC as a share of what a prediction without any noise could reach, estimated by splitting the withheld counts in two at random.</p>"#;

const CHARTS: &str = r#"<p class="read">Unmeasured bins, a row per gene, sorted by the first plot of the first method that is not the baseline. Arrows point to the better side. The black mark in the plot of the PCC is the noise ceiling: a dot near it has learned all that these counts can tell.</p>"#;

const SCORED_MAPS: &str = r#"<p class="read">Each gene on one colour scale, from 0 to the 99.5th percentile of the truth; grey is outside the tissue. <b>Input</b> is all that the methods were given.
Below each prediction is its <b>error</b>, prediction − truth: blue is predicted too low, red too high, white is right; all errors of a gene share their scale.
Structure left in an error map is structure that the method missed. Figures are of unmeasured bins. Click on a map to zoom into all maps of the gene, drag to move, shift-click or Esc to go back.</p>"#;

const UNSCORED_MAPS: &str = r#"<p class="read">Each gene on one colour scale, from 0 to the 99.5th percentile of the measured values; grey is outside the tissue. <b>Input</b> is all that was measured. Click on a map to zoom into all maps of the gene, drag to move, shift-click or Esc to go back.</p>"#;

const SCORES: &str = r#"<p class="read">Click on a heading to sort. The best method of a gene is bold. <b>Unmeasured bins</b> are the honest number; <b>all in-tissue bins</b> include the measured ones, which are exact by construction, as papers publish it.
SSIM is the mean of the similarity map over the unmeasured bins, and over the whole frame with 0 outside the tissue.
<b>Ceiling</b> is the PCC that a prediction without noise could reach. <b>Moran’s I</b> and <b>Geary’s C</b> are the spatial autocorrelation over the tissue: a prediction with I far above the truth, or C far below it, is smoother than the tissue.</p>"#;

/// How to read the maps and figures of gains, where there are any.
fn gains(outcome: &Outcome) -> String {
    let Some(reference) = outcome.reference.as_deref().map(escape) else { return String::new() };
    format!(
        r#"<p class="read"><b>Gain over {reference}</b> is |error of {reference}| − |error of the method|, bin by bin: green where the method is nearer to the truth, brown where it is farther away, white where both are the same (measured bins are: every method keeps them).
All gains of a gene share their scale, which suits the median method: one that is far from the others saturates. <b>Better</b> is the share of the unmeasured bins with a gain above 0, and the mean gain is the MAE of {reference} less that of the method. Many bins a little better and few much worse, or the reverse, is what MAE alone does not tell.</p>"#
    )
}

fn header(outcome: &Outcome) -> String {
    let bins = outcome.bins;
    let share = |part: usize| 100.0 * part as f64 / bins.tissue.max(1) as f64;
    let sampling = match &outcome.pattern {
        Pattern::Lattice => format!("1 in {} <small>S = {}</small>", outcome.scale.pow(2), outcome.scale),
        Pattern::Random { rate, .. } => format!("{rate} <small>at random</small>"),
        Pattern::Listed { bins, .. } => format!("{} <small>listed bins</small>", grouped(*bins as usize)),
    };
    let facts = [
        ("Bin", format!("{} µm", outcome.bin_um)),
        ("Grid", format!("{} × {} <small>bins</small>", bins.rows, bins.cols)),
        ("Sampling", sampling),
        ("In tissue", format!("{} <small>bins</small>", grouped(bins.tissue))),
        ("Measured", format!("{} <small>{:.1} %</small>", grouped(bins.measured), share(bins.measured))),
        ("Unmeasured", format!("{} <small>{:.1} %</small>", grouped(bins.unmeasured), share(bins.unmeasured))),
    ];
    let facts: String = facts.iter().map(|(name, fact)| format!("<div><dt>{name}</dt><dd>{fact}</dd></div>")).collect();
    let tagline = match outcome.mode {
        Mode::Benchmark => {
            "Benchmark: a dense section of which all bins but the measured ones were withheld, imputed, and compared."
        }
        Mode::Impute => "Imputation: the section was sampled sparsely, and the bins between were predicted.",
    };
    let (sample, platform) = (escape(&outcome.sample), escape(&outcome.platform));
    format!(
        r#"<header><div><h1>{sample}</h1><div class="tagline">{platform} · {tagline}</div><dl class="facts">{facts}</dl></div></header>"#
    )
}

/// `number` with its thousands set apart.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let group = |(i, digit): (usize, char)| {
        let gap = i > 0 && (digits.len() - i).is_multiple_of(3);
        if gap { format!("\u{202f}{digit}") } else { digit.to_string() }
    };
    digits.chars().enumerate().map(group).collect()
}

fn notes(outcome: &Outcome) -> String {
    let unscored = "No truth: this dataset was prepared to impute, so nothing can be scored. The maps show what was measured and what was predicted.";
    let first = (outcome.mode == Mode::Impute).then_some(unscored);
    let all = first.into_iter().chain(outcome.warnings.iter().map(String::as_str));
    all.map(|note| format!(r#"<p class="note">{}</p>"#, escape(note))).collect()
}

fn tissue(outcome: &Outcome) -> String {
    let Some(mask) = &outcome.mask else { return String::new() };
    format!(
        r#"<h2>Tissue</h2><p class="read">Where the tissue is was inferred from the measured bins alone, and scores are taken over the truth’s own tissue. Of the unmeasured bins in tissue, {} ({:.2} %) were missed by the inferred mask and count as predicted 0;
{} bins ({:.2} % of the unmeasured bins of the inferred mask) were predicted outside the tissue and do not count.</p>"#,
        grouped(mask.missed),
        100.0 * mask.missed_share,
        grouped(mask.extra),
        100.0 * mask.extra_share
    )
}

fn provenance(outcome: &Outcome) -> Result<String> {
    let text = serde_json::to_string_pretty(&outcome.provenance).map_err(|e| Error::Bug(format!("provenance: {e}")))?;
    let command = escape(&outcome.provenance.command.join(" "));
    let (text, version) = (escape(&text), escape(&outcome.provenance.version));
    Ok(format!(
        r#"<h2>Provenance</h2><p class="read">How this report came to be; the same is in scores.json.</p><p><code>{command}</code></p><details class="provenance"><summary>Versions, inputs and their fingerprints</summary><pre>{text}</pre></details><footer>Made by s2s {version}: single-shot sparser-to-sparse imputation of spatial transcriptomics (arXiv 2507.16886).</footer>"#
    ))
}
