//! What the scores come down to for each method: medians over the genes, unmeasured bins only.

use super::evaluate::{Region, Score};
use serde::Serialize;

/// A method over all its genes. Medians over the genes for which a figure is defined.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MethodSummary {
    /// The label of the prediction.
    pub label: String,
    /// Number of genes scored.
    pub genes: usize,
    /// Median MAE.
    pub mae: Option<f64>,
    /// Median RMSE.
    pub rmse: Option<f64>,
    /// Median PCC.
    pub pcc: Option<f64>,
    /// Median ceiling of the PCC.
    pub pcc_ceiling: Option<f64>,
    /// Median share of its ceiling that the PCC reaches.
    pub pcc_share: Option<f64>,
    /// Median SSIM.
    pub ssim: Option<f64>,
    /// Median ratio of the MAE to the baseline's.
    pub mae_ratio: Option<f64>,
    /// Median ratio of the RMSE to the baseline's.
    pub rmse_ratio: Option<f64>,
    /// Median share of the bins that are better than the reference's.
    pub improvement_ratio: Option<f64>,
    /// Median of the mean gain over the reference.
    pub mean_gain: Option<f64>,
    /// Number of genes with a ratio of the MAE.
    pub compared: usize,
    /// Number of genes whose MAE is below the baseline's.
    pub better: usize,
}

impl MethodSummary {
    /// The summary of the method labelled `label` over `scores`.
    pub fn new(label: &str, scores: &[Score]) -> Self {
        let own: Vec<&Score> = scores.iter().filter(|s| s.method == label && s.region == Region::Unmeasured).collect();
        let of = |key: &str| median(own.iter().filter_map(|score| score.value(key)).collect());
        let share = |score: &&Score| Some(score.value("pcc")? / score.value("pcc_ceiling")?);
        MethodSummary {
            label: label.to_owned(),
            genes: own.len(),
            mae: of("mae"),
            rmse: of("rmse"),
            pcc: of("pcc"),
            pcc_ceiling: of("pcc_ceiling"),
            pcc_share: median(own.iter().filter_map(share).collect()),
            ssim: of("ssim"),
            mae_ratio: of("mae_ratio"),
            rmse_ratio: of("rmse_ratio"),
            improvement_ratio: of("improvement_ratio"),
            mean_gain: of("mean_gain"),
            compared: own.iter().filter(|s| s.value("mae_ratio").is_some()).count(),
            better: own.iter().filter(|s| s.value("mae_ratio").is_some_and(|ratio| ratio < 1.0)).count(),
        }
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn an_even_number_has_the_mean_of_the_middle_two() {
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }
}
