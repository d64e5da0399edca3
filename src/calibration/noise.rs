//! How much of an error is the noise of counting, which no method and no spacing removes.

use crate::section::Raster;

/// Counts this many standard deviations above their expectation have no part in a sum.
const TAIL: f64 = 8.0;

/// The mean over the measured in-tissue bins of the variance that a log-normalised value has by Poisson noise of its count alone.
///
/// `values` are log-normalised to `target`, `totals` the counts of all genes, both of the measured bins (`known`). The expected count of a
/// bin is its total times the mean share of the gene in the known bins within `reach` of it, itself among them.
pub(crate) fn count_noise(
    values: &Raster<f32>,
    totals: &Raster<u32>,
    known: &Raster<bool>,
    target: f64,
    reach: usize,
) -> f64 {
    let (rows, cols) = values.shape();
    let share = |at: (usize, usize)| f64::from(values[at]).exp_m1() / target;
    let (mut sum, mut bins) = (0.0, 0.0);
    for (row, col) in (0..rows * cols).map(|i| (i / cols, i % cols)).filter(|at| known[*at] && totals[*at] > 0) {
        let (mut shares, mut near) = (0.0, 0.0);
        for r in row.saturating_sub(reach)..(row + reach + 1).min(rows) {
            for c in (col.saturating_sub(reach)..(col + reach + 1).min(cols)).filter(|c| known[(r, *c)]) {
                (shares, near) = (shares + share((r, c)), near + 1.0);
            }
        }
        let total = f64::from(totals[(row, col)]);
        sum += variance(shares / near * total, target / total);
        bins += 1.0;
    }
    sum / f64::max(bins, 1.0)
}

/// The variance of ln(1 + `factor`·k) of a Poisson number k with this mean.
fn variance(mean: f64, factor: f64) -> f64 {
    if mean <= 0.0 {
        return 0.0;
    }
    let spread = TAIL * mean.sqrt() + TAIL;
    let (first, last) = ((mean - spread).max(0.0) as u64, (mean + spread) as u64);
    // From the mode outwards no probability is lost to underflow, and their sum makes up for the unknown first one.
    let mode = mean as u64;
    let (mut weight, mut first_moment, mut second) = (0.0, 0.0, 0.0);
    let mut add = |k: u64, probability: f64| {
        let value = (factor * k as f64).ln_1p();
        weight += probability;
        first_moment += probability * value;
        second += probability * value * value;
    };
    let mut probability = 1.0;
    for k in mode..=last {
        add(k, probability);
        probability *= mean / (k + 1) as f64;
    }
    let mut probability = 1.0;
    for k in (first..mode).rev() {
        probability *= (k + 1) as f64 / mean;
        add(k, probability);
    }
    (second / weight - (first_moment / weight).powi(2)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_variance_over_the_poisson_distribution() {
        // By the definition, with probabilities from factorials.
        for (mean, factor) in [(0.05, 1.0), (2.5, 0.8), (40.0, 3.0)] {
            let terms = (0..160).scan(-mean, |log, k: i32| {
                let now = *log;
                *log += f64::ln(mean) - f64::from(k + 1).ln();
                Some((now.exp(), (factor * f64::from(k)).ln_1p()))
            });
            let terms: Vec<(f64, f64)> = terms.collect();
            let first: f64 = terms.iter().map(|(p, v)| p * v).sum();
            let expected: f64 = terms.iter().map(|(p, v)| p * (v - first).powi(2)).sum();
            assert!((variance(mean, factor) - expected).abs() < 1e-9, "{mean} {factor}");
        }
        assert_eq!(variance(0.0, 1.0), 0.0);
    }

    #[test]
    fn bins_outside_have_no_part_and_a_flat_gene_is_all_noise() {
        let known = Raster::from_fn(6, 6, |row, _| row < 4);
        let values = Raster::from_fn(6, 6, |row, _| if row < 4 { 2.0_f32.ln() } else { 9.0 });
        let totals = Raster::filled(6, 6, 100);
        // A share of 1/100 of 100 counts: a Poisson number with mean 1, at target 100.
        let found = count_noise(&values, &totals, &known, 100.0, 1);
        assert!((found - variance(1.0, 1.0)).abs() < 1e-5);
    }
}
