//! The linear model of coregionalisation: fields that are sums of shared structures (Goulard & Voltz 1992).

use super::covariances::Lag;
use crate::section::eigenvectors;

/// Ranges of the structures in halves of the spacing of measured bins.
const RANGES: [f64; 5] = [1.5, 3.0, 6.0, 14.0, 40.0];

/// Rounds of the fit; it hardly moves after a few dozen.
const ROUNDS: usize = 60;

/// A symmetric matrix over the fields.
type Matrix = Vec<Vec<f64>>;

/// C(h) = Σ_s B_s · exp(−h / range_s) for h > 0, and the nugget more at 0; every B is positive semidefinite.
pub(super) struct Coregionalisation {
    structures: Vec<Matrix>,
    pub(super) nugget: Matrix,
}

impl Coregionalisation {
    /// The model nearest to `lags`, the first of which is that of distance 0, weighted by pairs / distance: structure by structure the
    /// least-squares one beside the others, its negative eigenvalues cut off (Goulard & Voltz 1992, §4).
    pub(super) fn fit(lags: &[Lag]) -> Self {
        let fields = lags[0].covariance.len();
        let most = lags.iter().map(|lag| lag.pairs).fold(0.0, f64::max).max(1.0);
        let weight = |lag: &Lag| if lag.distance == 0.0 { 1.0 } else { lag.pairs / lag.distance.max(1.0) / most };
        let weights: Vec<f64> = lags.iter().map(weight).collect();
        // shape[s][lag]; the last structure is the nugget.
        let decay = |range: &f64| lags.iter().map(|lag| (-lag.distance / range).exp()).collect::<Vec<f64>>();
        let mut shapes: Vec<Vec<f64>> = RANGES.iter().map(decay).collect();
        shapes.push(lags.iter().map(|lag| f64::from(u8::from(lag.distance == 0.0))).collect());
        let part = 1.0 / shapes.len() as f64;
        let mut structures: Vec<Matrix> = shapes.iter().map(|_| map(&lags[0].covariance, |c| c * part)).collect();
        for _ in 0..ROUNDS {
            for s in 0..shapes.len() {
                let power: f64 = weights.iter().zip(&shapes[s]).map(|(w, g)| w * g * g).sum();
                let mut best = vec![vec![0.0; fields]; fields];
                for (l, lag) in lags.iter().enumerate() {
                    let share = weights[l] * shapes[s][l] / power;
                    if share == 0.0 {
                        continue;
                    }
                    for (i, j) in (0..fields).flat_map(|i| (i..fields).map(move |j| (i, j))) {
                        let others = |other: usize| shapes[other][l] * structures[other][i][j];
                        let beside: f64 = (0..shapes.len()).filter(|other| *other != s).map(others).sum();
                        best[i][j] += share * (lag.covariance[i][j] - beside);
                    }
                }
                (0..fields).for_each(|i| (0..i).for_each(|j| best[i][j] = best[j][i]));
                structures[s] = semidefinite(best);
            }
        }
        let nugget = structures.pop().unwrap_or_default();
        Coregionalisation { structures, nugget }
    }

    /// The covariance of the fields at two bins this far apart (halves of the spacing), without the nugget.
    pub(super) fn at(&self, distance: f64) -> Matrix {
        let fields = self.nugget.len();
        let decays = RANGES.map(|range| (-distance / range).exp());
        let of = |i: usize, j: usize| self.structures.iter().zip(decays).map(|(b, decay)| b[i][j] * decay).sum();
        (0..fields).map(|i| (0..fields).map(|j| of(i, j)).collect()).collect()
    }
}

/// The nearest matrix without negative eigenvalues.
fn semidefinite(matrix: Matrix) -> Matrix {
    if let [[single]] = matrix.iter().map(Vec::as_slice).collect::<Vec<_>>()[..] {
        return vec![vec![single.max(0.0)]];
    }
    let n = matrix.len();
    let (values, vectors) = eigenvectors(matrix);
    let of = |i: usize, j: usize| {
        values.iter().zip(&vectors).map(|(value, vector)| value.max(0.0) * vector[i] * vector[j]).sum::<f64>()
    };
    (0..n).map(|i| (0..n).map(|j| of(i, j)).collect()).collect()
}

fn map(matrix: &Matrix, f: impl Fn(f64) -> f64) -> Matrix {
    matrix.iter().map(|row| row.iter().map(|value| f(*value)).collect()).collect()
}
