//! How to read the page: what is folded below its tables, charts and maps.

use super::markup::reading;
use maud::{Markup, html};

/// Below the table of methods.
pub(super) fn summary() -> Markup {
    let text = html! {
        "Medians over the genes, on " b { "unmeasured in-tissue bins only" } ": the bins that no method has seen. MAE and RMSE "
        "are in log-normalised units (lower is better); PCC is Pearson’s correlation and SSIM the structural similarity "
        "(higher is better). A network trained on absolute errors predicts medians, which flatters its MAE on sparse genes: "
        "read RMSE and PCC beside it. The best value of a column is bold. Withheld counts are a sample, and no prediction can "
        "foresee their noise: " b { "PCC / ceiling" } " is the PCC as a share of what a prediction without any noise could "
        "reach, estimated by splitting the withheld counts in two at random."
    };
    reading("What these figures are", &text)
}

/// Below the charts of scores.
pub(super) fn charts() -> Markup {
    let text = html! {
        "Unmeasured bins, a row per gene, in the order of the first method that is not the baseline: of its MAE as a multiple of the "
        "baseline’s, or of its PCC where there is no baseline. Arrows point "
        "to the better side. The black mark in the plot of the PCC is the noise ceiling: a dot near it has learned all that "
        "these counts can tell."
    };
    reading("How to read the charts", &text)
}

/// Above the maps of the genes.
pub(super) fn zooming() -> Markup {
    html! {
        p class="read" {
            "Click on a map to zoom into all maps of the gene, drag to move, shift-click or Esc to go back; by keys + and −, the arrows and 0."
        }
    }
}

/// How to read the maps.
pub(super) fn maps(scored: bool) -> Markup {
    let text = html! {
        @if scored {
            "Each gene on one colour scale, from 0 to the 99.5th percentile of the truth; grey is outside the tissue. "
            b { "Input" } " is all that the methods were given. Below each prediction is its " b { "error" } ", prediction − "
            "truth: blue is predicted too low, red too high, white is right; all errors of a gene share their scale. "
            "Structure left in an error map is structure that the method missed. Figures are of unmeasured bins."
        } @else {
            "Each gene on one colour scale, from 0 to the 99.5th percentile of the measured values; grey is outside the "
            "tissue. " b { "Input" } " is all that was measured, and interpolation what can be had of it without any method: what a "
            "prediction shows beyond it is what to look at."
        }
    };
    reading("How to read the maps", &text)
}

/// How to read the maps of uncertainty.
pub(super) fn uncertainty() -> Markup {
    let text = html! {
        b { "Uncertainty" } " is half the width of the interval that is to hold what a bin would have been measured as, at the stated "
        "probability, noise of counting included: white is certain, as measured bins are, dark is not known. All of a gene share their "
        "scale, in log-normalised units as the expression is: where it is as large as the prediction, the map tells little. "
        "The ends of the intervals are in the store (" code { "lower" } ", " code { "upper" } " or " code { "uncertainty" } ")."
    };
    reading("How to read the uncertainty", &text)
}

/// How to read the maps and figures of gains over the prediction called `reference`.
pub(super) fn gains(reference: &str) -> Markup {
    let text = html! {
        b { "Gain over " (reference) } " is |error of " (reference) "| − |error of the method|, bin by bin: green where the "
        "method is nearer to the truth, brown where it is farther away, white where both are the same (measured bins are: every "
        "method keeps them). All gains of a gene share their scale, which suits the median method: one that is far from the "
        "others saturates. " b { "Better" } " is the share of the unmeasured bins with a gain above 0, and the mean gain is the "
        "MAE of " (reference) " less that of the method. Many bins a little better and few much worse, or the reverse, is what "
        "MAE alone does not tell."
    };
    reading("What a gain is", &text)
}

/// Below the table of all scores.
pub(super) fn scores() -> Markup {
    let text = html! {
        "Click on a heading to sort. The best method of a gene is bold. " b { "Unmeasured bins" } " are the honest number; "
        b { "all in-tissue bins" } " include the measured ones, which are exact by construction, as papers publish it. SSIM is "
        "the mean of the similarity map over the unmeasured bins, and over the whole frame with 0 outside the tissue. "
        b { "Bias" } " is the mean of the prediction as a multiple of the truth’s, " b { "RMSE if > 0" } " that of the bins where the "
        "truth is above 0; " b { "better, same" } " and " b { "worse" } " are the shares of bins by their errors beside the reference’s. "
        b { "Ceiling" } " is the PCC that a prediction without noise could reach. " b { "Moran’s I" } " and " b { "Geary’s C" }
        " are the spatial autocorrelation over the tissue: a prediction with I far above the truth, or C far below it, is "
        "smoother than the tissue."
    };
    reading("What the columns are", &text)
}
