//! Log-normalisation (§2 of the method; scanpy's `normalize_total` followed by `log1p`).

use super::median;

/// The target total: the median of the measured in-tissue totals. `None` when there are none.
pub fn normalisation_target(totals: &[u64]) -> Option<f64> {
    median(totals.iter().map(|total| *total as f64))
}

/// ln(1 + count / total × target); 0 for a bin without any counts.
pub fn log_normalise(count: u64, total: u64, target: f64) -> f64 {
    if total == 0 { 0.0 } else { (count as f64 / total as f64 * target).ln_1p() }
}
