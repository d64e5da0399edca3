//! How much of the mean each expert has.

/// What each expert weighs in the mean: none below 0, together 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights([f64; 5]);

/// How far weights are drawn to those of [`Weights::equal`], as a share of the experts' mean squared error: errors of experts are much
/// alike, and a few hundred bins do not tell which combination of them is the best.
const SHRINKAGE: f64 = 0.1;

/// What is best of kriging and the three experts before anything is known of a gene.
const PRIOR: [f64; 4] = [0.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0];

/// Steps of the projected gradient; with so few weights it has converged by far.
const STEPS: usize = 2000;

impl Weights {
    /// The experts, in the order of the weights.
    pub const EXPERTS: [&str; 5] = ["bilinear", "kriging", "smoothed", "cokriging", "forest"];

    /// Equal ones for the three that read the panel.
    pub fn equal() -> Self {
        Self::of(PRIOR)
    }

    /// Bilinear interpolation of the gene alone.
    pub fn bilinear() -> Self {
        Weights([1.0, 0.0, 0.0, 0.0, 0.0])
    }

    /// Kriging of the gene alone.
    pub fn kriging() -> Self {
        Weights([0.0, 1.0, 0.0, 0.0, 0.0])
    }

    /// In the order of [`Weights::EXPERTS`].
    pub fn values(&self) -> [f64; 5] {
        self.0
    }

    /// The weighted mean of the experts' `values`.
    pub fn mean(&self, values: [f64; 5]) -> f64 {
        self.0.iter().zip(values).filter(|(weight, _)| **weight > 0.0).map(|(weight, value)| weight * value).sum()
    }

    /// Those of least squared error, given the mean `products` of the errors of all but bilinear, shrunk towards equal ones of the
    /// three that read the panel. Bilinear interpolation has none: kriging is its better, where a variogram can be told.
    pub(super) fn best(products: &[[f64; 4]; 4]) -> Self {
        let scale = (0..4).map(|i| products[i][i]).sum::<f64>() / 4.0;
        if scale <= 0.0 {
            return Self::equal();
        }
        // The largest eigenvalue is at most the largest sum of a row's absolute values.
        let row = |i: usize| products[i].iter().map(|product| product.abs()).sum::<f64>() / scale + SHRINKAGE;
        let steepest = (0..4).map(row).fold(0.0, f64::max);
        let mut weights = PRIOR;
        for _ in 0..STEPS {
            let slope = |i: usize| {
                let product: f64 = products[i].iter().zip(&weights).map(|(product, weight)| product * weight).sum();
                product / scale + SHRINKAGE * (weights[i] - PRIOR[i])
            };
            weights = on_simplex(std::array::from_fn(|i| weights[i] - slope(i) / steepest));
        }
        Self::of(weights)
    }

    fn of([kriging, smoothed, cokriging, forest]: [f64; 4]) -> Self {
        Weights([0.0, kriging, smoothed, cokriging, forest])
    }
}

/// The nearest weights that are none below 0 and add up to 1 (Held, Wolfe & Crowder 1974).
fn on_simplex(point: [f64; 4]) -> [f64; 4] {
    let mut sorted = point;
    sorted.sort_by(|a, b| b.total_cmp(a));
    let (mut sum, mut level) = (0.0, 0.0);
    for (count, value) in (1..).zip(sorted) {
        sum += value;
        let candidate = (sum - 1.0) / f64::from(count);
        if value > candidate {
            level = candidate;
        }
    }
    point.map(|value| (value - level).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean products of errors that have this correlation and these mean squares.
    fn products(squares: [f64; 4], correlation: f64) -> [[f64; 4]; 4] {
        let of = |i: usize, j: usize| (squares[i] * squares[j]).sqrt() * if i == j { 1.0 } else { correlation };
        std::array::from_fn(|i| std::array::from_fn(|j| of(i, j)))
    }

    #[test]
    fn what_is_known_of_nothing_is_the_prior_and_a_bad_expert_has_no_part() {
        assert_eq!(Weights::best(&[[0.0; 4]; 4]), Weights::equal());
        // Experts alike in everything differ by the prior alone.
        let [bilinear, kriging, others @ ..] = Weights::best(&products([1.0; 4], 0.6)).values();
        assert!(bilinear == 0.0 && others.iter().all(|weight| *weight > kriging && (weight - others[0]).abs() < 1e-9));
        let bad = Weights::best(&products([1.0, 4.0, 1.0, 1.0], 0.8)).values();
        assert!(bad[2] < 1e-9, "{bad:?}");
    }

    #[test]
    fn no_other_weights_have_a_smaller_penalised_error() {
        let products = products([1.0, 0.8, 1.2, 0.9], 0.7);
        let scale = (1.0 + 0.8 + 1.2 + 0.9) / 4.0;
        let cost = |weights: [f64; 4]| {
            let pairs = (0..16).map(|k| weights[k / 4] * weights[k % 4] * products[k / 4][k % 4] / scale);
            let drawn = weights.iter().zip(PRIOR).map(|(weight, prior)| (weight - prior).powi(2));
            pairs.sum::<f64>() + SHRINKAGE * drawn.sum::<f64>()
        };
        let [_, best @ ..] = Weights::best(&products).values();
        assert!((best.iter().sum::<f64>() - 1.0).abs() < 1e-12 && best.iter().all(|weight| *weight >= 0.0));
        for (from, to) in (0..16).map(|k| (k / 4, k % 4)).filter(|(from, to)| from != to && best[*from] > 0.01) {
            let mut other = best;
            other[from] -= 0.01;
            other[to] += 0.01;
            assert!(cost(other) > cost(best), "{from} {to}: {best:?}");
        }
    }
}
