//! Principal components of a panel over its measured bins: what the genes have in common, cell types above all.
//!
//! Block power iteration (Halko, Martinsson & Tropp 2011, algorithm 4.4) on the sparse gene × bin values, one gene at a
//! time: memory grows with the bins, not with bins × genes.

use super::symmetric::eigenvectors;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Vectors iterated beyond those asked for: the last ones asked for then converge as fast as the first.
const SPARE: usize = 8;

/// Passes over all genes.
const PASSES: usize = 12;

/// A component below this share of the variance is rounding noise.
const NEGLIGIBLE: f64 = 1e-9;

/// The principal components of a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Components {
    /// For each component the score of every bin: mean 0, variance 1.
    pub scores: Vec<Vec<f32>>,
    /// Their shares of the panel's variance, largest first.
    pub shares: Vec<f64>,
}

/// The first `count` principal components of `genes` genes in `bins` bins, fewer if there are no more.
///
/// `values` gives the (bin, value) pairs of a gene that are not zero. The sign of a component is that of its largest
/// loading. The same input gives the same components, bit for bit.
pub fn principal_components<I>(bins: usize, genes: usize, count: usize, values: impl Fn(usize) -> I) -> Components
where
    I: Iterator<Item = (usize, f32)>,
{
    let width = (count + SPARE).min(bins).min(genes);
    if width == 0 {
        return Components { scores: Vec::new(), shares: Vec::new() };
    }
    let mut block = Block::random(bins, width);
    let mut panel = Panel { values, genes };
    for _ in 0..PASSES {
        block.orthonormalise();
        block = panel.multiply(&block).0;
    }
    block.orthonormalise();
    let (_, loadings) = panel.multiply(&block);
    let gram: Vec<Vec<f64>> = (0..width).map(|i| (0..width).map(|j| dot(&loadings, i, j)).collect()).collect();
    let (variances, rotation) = eigenvectors(gram);
    let total = panel.variance(bins);
    let kept = (0..count.min(width)).filter(|&k| variances[k] > NEGLIGIBLE * total);
    let (scores, shares) = kept.map(|k| (block.score(&rotation[k], &loadings), variances[k] / total)).unzip();
    Components { scores, shares }
}

fn dot(loadings: &[Vec<f64>], i: usize, j: usize) -> f64 {
    loadings.iter().map(|gene| gene[i] * gene[j]).sum()
}

/// Vectors over bins, side by side: `width` numbers per bin.
struct Block {
    width: usize,
    numbers: Vec<f64>,
}

impl Block {
    fn random(bins: usize, width: usize) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
        Block { width, numbers: (0..bins * width).map(|_| rng.random::<f64>() - 0.5).collect() }
    }

    /// Gram–Schmidt, twice, since once loses what nearly parallel vectors differ in.
    fn orthonormalise(&mut self) {
        let width = self.width;
        for column in (0..width).flat_map(|column| [column, column]) {
            for earlier in 0..column {
                let along: f64 = self.numbers.chunks(width).map(|bin| bin[earlier] * bin[column]).sum();
                self.numbers.chunks_mut(width).for_each(|bin| bin[column] -= along * bin[earlier]);
            }
            let norm = self.numbers.chunks(width).map(|bin| bin[column].powi(2)).sum::<f64>().sqrt();
            // A vector that the others span already is nothing: it stays so.
            let scale = if norm > f64::MIN_POSITIVE { norm.recip() } else { 0.0 };
            self.numbers.chunks_mut(width).for_each(|bin| bin[column] *= scale);
        }
    }

    /// The scores along `direction`, with variance 1 and the sign of the largest loading.
    fn score(&self, direction: &[f64], loadings: &[Vec<f64>]) -> Vec<f32> {
        let along = |numbers: &[f64]| numbers.iter().zip(direction).map(|(a, b)| a * b).sum::<f64>();
        let largest =
            loadings.iter().map(|gene| along(gene)).fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
        let bins = self.numbers.len() / self.width;
        let scale = (bins as f64).sqrt().copysign(largest);
        self.numbers.chunks(self.width).map(|bin| (along(bin) * scale) as f32).collect()
    }
}

/// The centred gene × bin matrix X.
struct Panel<F> {
    values: F,
    genes: usize,
}

impl<F: Fn(usize) -> I, I: Iterator<Item = (usize, f32)>> Panel<F> {
    /// XᵀX·`block` over bins, and X·`block` over genes.
    fn multiply(&mut self, block: &Block) -> (Block, Vec<Vec<f64>>) {
        let width = block.width;
        let bins = block.numbers.len() / width;
        let sums: Vec<f64> = (0..width).map(|k| block.numbers.iter().skip(k).step_by(width).sum()).collect();
        let mut product = Block { width, numbers: vec![0.0; block.numbers.len()] };
        let mut shift = vec![0.0; width];
        let mut loadings = Vec::with_capacity(self.genes);
        for gene in 0..self.genes {
            let entries: Vec<(usize, f64)> = (self.values)(gene).map(|(bin, value)| (bin, f64::from(value))).collect();
            let mean = entries.iter().map(|(_, value)| value).sum::<f64>() / bins as f64;
            let mut loading: Vec<f64> = sums.iter().map(|sum| -mean * sum).collect();
            for &(bin, value) in &entries {
                let numbers = &block.numbers[bin * width..][..width];
                loading.iter_mut().zip(numbers).for_each(|(loading, number)| *loading += value * number);
            }
            for &(bin, value) in &entries {
                let numbers = &mut product.numbers[bin * width..][..width];
                numbers.iter_mut().zip(&loading).for_each(|(number, loading)| *number += value * loading);
            }
            shift.iter_mut().zip(&loading).for_each(|(shift, loading)| *shift += mean * loading);
            loadings.push(loading);
        }
        product.numbers.chunks_mut(width).for_each(|bin| bin.iter_mut().zip(&shift).for_each(|(n, shift)| *n -= shift));
        (product, loadings)
    }

    /// The sum of squares of X.
    fn variance(&self, bins: usize) -> f64 {
        let of = |gene: usize| {
            let (sum, squares) = (self.values)(gene).fold((0.0, 0.0), |(sum, squares), (_, value)| {
                (sum + f64::from(value), squares + f64::from(value).powi(2))
            });
            squares - sum * sum / bins as f64
        };
        (0..self.genes).map(of).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five genes of two patterns over 30 bins, one of them three times as strong.
    fn of_two_patterns() -> (Vec<Vec<f32>>, [Vec<f64>; 2]) {
        let first: Vec<f64> = (0..30).map(|i| (i as f64 / 3.0).sin()).collect();
        let second: Vec<f64> = (0..30).map(|i| f64::from(u8::from(i % 7 < 3))).collect();
        let weights = [(3.0, 0.0), (-2.0, 0.3), (0.0, 1.0), (1.0, -0.5), (0.4, 0.4)];
        let gene = |(a, b): (f64, f64)| first.iter().zip(&second).map(|(x, y)| (5.0 + a * x + b * y) as f32).collect();
        (weights.map(gene).to_vec(), [first, second])
    }

    #[test]
    fn what_two_patterns_made_two_components_explain() {
        let (genes, patterns) = of_two_patterns();
        let values = |gene: usize| genes[gene].iter().copied().enumerate();
        let found = principal_components(30, genes.len(), 4, values);
        assert!((found.shares[0] + found.shares[1] - 1.0).abs() < 1e-6, "{:?}", found.shares);
        for pattern in patterns {
            let mean = pattern.iter().sum::<f64>() / 30.0;
            let centred: Vec<f64> = pattern.iter().map(|value| value - mean).collect();
            // Scores are orthogonal with variance 1: the squares of the projections add up to the pattern's own.
            let along = |score: &Vec<f32>| score.iter().zip(&centred).map(|(s, p)| f64::from(*s) * p).sum::<f64>();
            let spanned: f64 = found.scores[..2].iter().map(|score| along(score).powi(2) / 30.0).sum();
            let whole: f64 = centred.iter().map(|p| p * p).sum();
            assert!((spanned / whole - 1.0).abs() < 1e-6, "{spanned} of {whole}");
        }
    }

    #[test]
    fn scores_have_mean_0_and_variance_1_and_a_panel_without_variance_has_none() {
        let (genes, _) = of_two_patterns();
        let found = principal_components(30, genes.len(), 2, |gene| genes[gene].iter().copied().enumerate());
        for score in &found.scores {
            let mean = score.iter().map(|s| f64::from(*s)).sum::<f64>() / 30.0;
            let square = score.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / 30.0;
            assert!(mean.abs() < 1e-6 && (square - 1.0).abs() < 1e-6, "{mean} {square}");
        }
        let flat = principal_components(30, 3, 2, |_| (0..30).map(|bin| (bin, 2.0)));
        assert!(flat.scores.is_empty());
        assert!(principal_components(0, 0, 2, |_| std::iter::empty()).scores.is_empty());
    }
}
