//! Correlations of two lists of numbers.

/// Pearson's correlation coefficient; `None` if one of them is constant or there are fewer than two numbers.
pub fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let (x, y) = (standardised(x)?, standardised(y)?);
    Some(x.iter().zip(&y).map(|(x, y)| x * y).sum())
}

/// Spearman's rank correlation: Pearson's of the ranks, those of equal numbers averaged. `None` as [`pearson`].
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    pearson(&ranks(x), &ranks(y))
}

/// `values` less their mean, as a vector of length 1: the correlation of two lists is the product of these. `None` if they
/// are constant.
pub fn standardised(values: &[f64]) -> Option<Vec<f64>> {
    let first = values.first()?;
    // Rounding leaves a constant a variance of some 1e-34: look at the values, not at the sum.
    if values.iter().all(|value| value == first) {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let norm = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>().sqrt();
    Some(values.iter().map(|value| (value - mean) / norm).collect())
}

/// The ranks of `values` from 0, the mean of their ranks for equal ones.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for equal in order.chunk_by(|&i, &j| values[i] == values[j]) {
        let rank = first as f64 + (equal.len() - 1) as f64 / 2.0;
        equal.iter().for_each(|&i| ranks[i] = rank);
        first += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_ranks_as_in_scipy() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
        // scipy.stats.spearmanr([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]) = 0.8207826816681233
        let found = spearman(&[1.0, 2.0, 3.0, 4.0, 5.0], &[5.0, 6.0, 7.0, 8.0, 7.0]).unwrap();
        assert!((found - 0.820_782_681_668_123_3).abs() < 1e-12);
        assert_eq!(pearson(&[0.1, 0.1, 0.1], &[1.0, 2.0, 3.0]), None);
    }
}
