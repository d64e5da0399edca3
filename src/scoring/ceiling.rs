//! The noise ceiling: how well any prediction could correlate with counts that are a sample themselves.
//!
//! A withheld count is a draw of the molecules that were there. Halving it by a fair coin for every molecule (binomial
//! thinning: if the count is Poisson, the halves are independent Poisson counts of half the rate) gives two measurements of
//! the same truth; their correlation r over the bins is the reliability of half the depth, and 2r / (1 + r) that of the whole
//! (Spearman, 1910; Brown, 1910). A prediction without any noise correlates with the truth by at most its square root.

use crate::section::PairSums;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Random halvings that the correlation is averaged over.
const SPLITS: usize = 20;

/// The counts of a gene in the bins of a region.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    /// Count and total over all genes of each bin that holds the gene.
    pub(super) found: Vec<(u32, u32)>,
    /// Number of bins, those without the gene included.
    pub(super) bins: usize,
    /// The target total of log-normalisation.
    pub(super) target: f64,
}

/// The reliability of the log-normalised values of these counts: the share of their variance over the bins that is not noise
/// of counting. `None` where the halves do not correlate: there is nothing that a prediction could agree with.
///
/// The same counts give the same figure, bit for bit.
pub(super) fn reliability(counts: &Counts) -> Option<f64> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let splits: Option<Vec<f64>> = (0..SPLITS).map(|_| halves(counts, &mut rng)).collect();
    let r = splits?.iter().sum::<f64>() / SPLITS as f64;
    (r > 0.0).then(|| 2.0 * r / (1.0 + r))
}

/// The correlation of the log-normalised values of two halves.
fn halves(counts: &Counts, rng: &mut impl Rng) -> Option<f64> {
    let value = |count: u32, total: u32| match count {
        0 => 0.0,
        _ => (f64::from(count) / f64::from(total) * counts.target).ln_1p(),
    };
    let mut sums = PairSums::default();
    for &(count, total) in &counts.found {
        let own = half(count, rng);
        let all = own + half(total.saturating_sub(count), rng);
        sums.add(value(own, all), value(count - own, total.max(count) - all));
    }
    sums.correlation(counts.bins)
}

/// How many of `count` molecules a fair coin puts into the first half.
fn half(count: u32, rng: &mut impl Rng) -> u32 {
    let whole: u32 = (0..count / 64).map(|_| rng.next_u64().count_ones()).sum();
    // Of the last draw as many bits as there are molecules left.
    whole + (rng.next_u64() & ((1_u64 << (count % 64)) - 1)).count_ones()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::pearson;
    use rand::RngExt;

    #[test]
    fn halves_are_binomial() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        for count in [0, 1, 63, 64, 200] {
            let draws: Vec<f64> = (0..4000).map(|_| f64::from(half(count, &mut rng))).collect();
            let mean = draws.iter().sum::<f64>() / 4000.0;
            let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 4000.0;
            let n = f64::from(count);
            assert!((mean - n / 2.0).abs() <= 0.1 * n.sqrt() && (variance - n / 4.0).abs() <= 0.04 * n, "{count}");
        }
    }

    /// Knuth's method.
    fn poisson(rate: f64, rng: &mut impl RngExt) -> u32 {
        let (floor, mut product, mut count) = ((-rate).exp(), rng.random::<f64>(), 0);
        while product > floor {
            product *= rng.random::<f64>();
            count += 1;
        }
        count
    }

    /// The truth of a simulation has a correlation with its own counts: the ceiling that is estimated from the counts alone.
    #[test]
    fn the_ceiling_is_what_the_true_rates_reach() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        for mean in [0.05, 0.3, 1.0, 4.0, 15.0] {
            let (mut found, mut rates, mut values) = (Vec::new(), Vec::new(), Vec::new());
            for bin in 0..200_000 {
                let rate = mean * (1.2 * (f64::from(bin) / 50.0).sin()).exp();
                let count = poisson(rate, &mut rng);
                let total = count + 200;
                rates.push(rate.ln_1p());
                values.push((f64::from(count) / f64::from(total) * 200.0).ln_1p());
                found.extend((count > 0).then_some((count, total)));
            }
            let reached = pearson(rates.iter().copied().zip(values)).unwrap();
            let ceiling = reliability(&Counts { found, bins: 200_000, target: 200.0 }).unwrap().sqrt();
            assert!((ceiling - reached).abs() < 0.02, "mean {mean}: ceiling {ceiling}, reached {reached}");
        }
    }

    #[test]
    fn noise_alone_has_no_reliability_and_a_constant_none() {
        assert_eq!(reliability(&Counts { found: vec![], bins: 50, target: 100.0 }), None);
        // A single molecule is in one half or the other.
        assert_eq!(reliability(&Counts { found: vec![(1, 100); 3], bins: 50, target: 100.0 }), None);
    }
}
