//! Log-normalisation (§2 of the method; scanpy's `normalize_total` followed by `log1p`).

/// The target total: the median of the measured in-tissue totals. `None` when there are none.
///
/// An even number of totals gives the mean of the middle two, as NumPy does.
pub fn normalisation_target(totals: &[u64]) -> Option<f64> {
    let mut sorted = totals.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle] as f64),
        _ => Some((sorted[middle - 1] + sorted[middle]) as f64 / 2.0),
    }
}

/// ln(1 + count / total × target); 0 for a bin without any counts.
pub fn log_normalise(count: u64, total: u64, target: f64) -> f64 {
    if total == 0 { 0.0 } else { (count as f64 / total as f64 * target).ln_1p() }
}
