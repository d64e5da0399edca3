//! Medians and correlations of lists of numbers.

/// The median, the mean of the middle two of an even number as NumPy has it; `None` of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// Pearson's correlation coefficient of the two halves of `pairs`, which are walked through several times and kept nowhere;
/// `None` if one half is constant or there are no pairs.
pub fn pearson(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> Option<f64> {
    // Rounding leaves a constant a variance of some 1e-34: look at the values, not at the sum.
    let (first_x, first_y) = pairs.clone().next()?;
    if pairs.clone().all(|(x, _)| x == first_x) || pairs.clone().all(|(_, y)| y == first_y) {
        return None;
    }
    let (mut count, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
    pairs.clone().for_each(|(x, y)| (count, sum_x, sum_y) = (count + 1.0, sum_x + x, sum_y + y));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        let (dx, dy) = (x - mean_x, y - mean_y);
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    Some((xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0))
}

/// Sums over pairs of numbers, those of pairs of zeros left out: their correlation in the time of the others.
#[derive(Clone, Copy, Debug, Default)]
pub struct PairSums {
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl PairSums {
    /// Adds a pair.
    pub fn add(&mut self, x: f64, y: f64) {
        let PairSums { x: sum_x, y: sum_y, xx, yy, xy } = *self;
        *self = PairSums { x: sum_x + x, y: sum_y + y, xx: xx + x * x, yy: yy + y * y, xy: xy + x * y };
    }

    /// [`pearson`] of `count` pairs, of which those not added are (0, 0). It loses digits where means are large beside the
    /// spread, which sparse counts are not.
    pub fn correlation(&self, count: usize) -> Option<f64> {
        let PairSums { x, y, xx, yy, xy } = *self;
        let n = count as f64;
        let (covariance, variances) = (xy - x * y / n, (xx - x * x / n) * (yy - y * y / n));
        (variances > 0.0).then(|| covariance / variances.sqrt())
    }
}

/// `values` less their mean, as a vector of length 1: [`pearson`] of two lists is the [`product`] of these, which are made
/// once where every list is compared with every other. `None` if they are constant or there are none.
pub fn standardised(values: &[f64]) -> Option<Vec<f64>> {
    let first = values.first()?;
    // As in `pearson`.
    if values.iter().all(|value| value == first) {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let norm = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>().sqrt();
    Some(values.iter().map(|value| (value - mean) / norm).collect())
}

/// Σ xᵢ · yᵢ.
pub fn product(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// Spearman's rank correlation: Pearson's of the ranks, those of equal numbers averaged. `None` as [`pearson`].
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    Some(product(&standardised(&ranks(x))?, &standardised(&ranks(y))?))
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
    use proptest::prelude::*;

    #[test]
    fn ties_share_their_ranks_as_in_scipy() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
        // scipy.stats.spearmanr([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]) = 0.8207826816681233
        let found = spearman(&[1.0, 2.0, 3.0, 4.0, 5.0], &[5.0, 6.0, 7.0, 8.0, 7.0]).unwrap();
        assert!((found - 0.820_782_681_668_123_3).abs() < 1e-12);
    }

    #[test]
    fn a_constant_has_no_correlation() {
        assert_eq!(pearson([(0.1, 1.0), (0.1, 2.0), (0.1, 3.0)].into_iter()), None);
        assert_eq!(pearson(std::iter::empty()), None);
        assert_eq!((standardised(&[0.1; 3]), standardised(&[])), (None, None));
        assert_eq!(PairSums::default().correlation(5), None);
    }

    #[test]
    fn an_even_number_has_the_mean_of_the_middle_two() {
        assert_eq!(median([4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median([]), None);
    }

    proptest! {
        #[test]
        fn every_way_to_a_correlation_leads_to_the_same(pairs in prop::collection::vec((0..6_u8, 0..6_u8), 2..40)) {
            let pairs: Vec<(f64, f64)> = pairs.into_iter().map(|(x, y)| (f64::from(x), f64::from(y))).collect();
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
            let mut sums = PairSums::default();
            pairs.iter().filter(|pair| **pair != (0.0, 0.0)).for_each(|(x, y)| sums.add(*x, *y));
            let expected = pearson(pairs.iter().copied());
            let by_vectors = standardised(&x).zip(standardised(&y)).map(|(x, y)| product(&x, &y));
            prop_assert_eq!(by_vectors.is_some(), expected.is_some());
            if let Some(expected) = expected {
                prop_assert!((by_vectors.unwrap() - expected).abs() < 1e-12);
                prop_assert!((sums.correlation(pairs.len()).unwrap() - expected).abs() < 1e-9);
            }
        }

        #[test]
        fn half_of_the_numbers_lie_on_either_side_of_the_median(values in prop::collection::vec(-9.0..9.0, 1..30)) {
            let middle = median(values.iter().copied()).unwrap();
            prop_assert!(values.iter().filter(|value| **value < middle).count() <= values.len() / 2);
            prop_assert!(values.iter().filter(|value| **value > middle).count() <= values.len() / 2);
        }
    }
}
