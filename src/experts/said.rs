//! What a distribution says of a bin, in a few numbers.

use super::forest::Distribution;

/// What the forest says of a bin.
pub(super) struct Said {
    pub(super) mean: f64,
    pub(super) median: f32,
    pub(super) interval: (f32, f32),
    pub(super) deviation: f64,
    /// Half the width of the interval around the mean.
    pub(super) half_width: f64,
    pub(super) detected: f64,
    /// The mean of eᵛ − 1 over that of the mean: Duan's smearing factor (1983), 1 or more.
    pub(super) smearing: f64,
}

impl Said {
    /// Its shortest interval holds a share `level` of the weight, and the one around the mean is `reach` deviations wide to each side.
    pub(super) fn of(distribution: &Distribution, level: f64, reach: f64) -> Self {
        let mean = distribution.mean();
        let square: f64 = distribution.pairs().map(|(value, weight)| f64::from(value).powi(2) * weight).sum();
        let deviation = (square - mean * mean).max(0.0).sqrt();
        Said {
            mean,
            median: distribution.quantile(0.5),
            interval: distribution.shortest(level),
            deviation,
            half_width: reach * deviation,
            detected: distribution.share_above(0.0),
            smearing: smearing(distribution, mean),
        }
    }
}

fn smearing(distribution: &Distribution, mean: f64) -> f64 {
    let of_mean = mean.exp_m1();
    let mean: f64 = distribution.pairs().map(|(value, weight)| f64::from(value).exp_m1() * weight).sum();
    if of_mean > 1e-9 { (mean / of_mean).max(1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smearing_factor_leads_from_the_mean_of_logarithms_to_that_of_numbers() {
        let [one, nine] = [1.0_f32, 9.0].map(f32::ln_1p);
        let said = Said::of(&Distribution::of([(one, 3.0), (nine, 1.0), (0.0, 1.0)]).expect("weights"), 0.9, 1.0);
        assert!((said.mean.exp_m1() * said.smearing - (3.0 * 1.0 + 9.0) / 5.0).abs() < 1e-6);
        assert_eq!(Said::of(&Distribution::of([(0.0, 1.0)]).expect("weights"), 0.9, 1.0).smearing, 1.0);
    }
}
