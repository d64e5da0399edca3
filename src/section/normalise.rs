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

/// [`log_normalise`] of many counts by one target: of small ones in small bins, which nearly all are, it was computed before.
#[derive(Clone, Debug)]
pub struct LogNormaliser {
    target: f64,
    /// By the total of the bin, of 1 count, 2 counts, ….
    known: Vec<[f32; Self::COUNTS]>,
}

impl LogNormaliser {
    /// Counts up to this one are small.
    const COUNTS: usize = 4;
    /// Bins of fewer counts are small.
    const TOTALS: u32 = 1 << 14;

    /// Of bins with `largest` counts at most.
    pub fn new(target: f64, largest: u32) -> Self {
        let of =
            |total: u32| std::array::from_fn(|more| log_normalise(more as u64 + 1, u64::from(total), target) as f32);
        LogNormaliser { target, known: (0..=largest.min(Self::TOTALS)).map(of).collect() }
    }

    /// The value of `count` of the `total` counts of a bin.
    pub fn value(&self, count: u32, total: u32) -> f32 {
        let known = self.known.get(total as usize).and_then(|known| known.get((count as usize).wrapping_sub(1)));
        known.copied().unwrap_or_else(|| log_normalise(u64::from(count), u64::from(total), self.target) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_computed_before_is_what_would_be_computed_now() {
        let normaliser = LogNormaliser::new(387.5, u32::MAX);
        for total in [0, 1, 2, 388, LogNormaliser::TOTALS, LogNormaliser::TOTALS + 1, u32::MAX] {
            for count in (0..=LogNormaliser::COUNTS as u32 + 1).chain([total]) {
                let now = log_normalise(u64::from(count), u64::from(total), 387.5) as f32;
                assert_eq!(normaliser.value(count, total), now, "{count} of {total}");
            }
        }
    }
}
