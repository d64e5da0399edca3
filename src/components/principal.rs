//! Principal components of a panel over its measured bins: what the genes have in common, cell types above all.
//!
//! Block power iteration (Halko, Martinsson & Tropp 2011, algorithm 4.4) on the sparse gene × bin values, one gene at a
//! time: memory grows with the bins, not with bins × genes.

use super::rows::{add_rows, add_to_rows};
use crate::section::{eigenvectors, spread};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use std::borrow::Cow;

/// Vectors iterated beyond those asked for: the last ones asked for then converge as fast as the first.
const SPARE: usize = 8;

/// Passes over all genes.
const PASSES: usize = 12;

/// Bins that a section may have for all of them to be iterated over.
const SAMPLE: usize = 1 << 16;

/// A component below this share of the variance is rounding noise.
const NEGLIGIBLE: f64 = 1e-9;

/// The values of a gene that are not zero, each behind its bin, in the order of the bins.
pub type Entries<'a> = Cow<'a, [(u32, f32)]>;

/// The principal components of a panel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Components {
    /// For each component the score of every bin: mean 0, variance 1.
    pub scores: Vec<Vec<f32>>,
    /// Their shares of the panel's variance, largest first.
    pub shares: Vec<f64>,
    /// The panel's variance: the sum over its genes, in squared units of the values.
    pub variance: f64,
}

/// The first `count` principal components of `genes` genes in `bins` bins, fewer if there are no more.
///
/// `values` gives the entries of a gene, many times. The sign of a component is that of its largest
/// loading. The same input gives the same components, bit for bit. Of more than [`SAMPLE`] bins, a sample of them chooses
/// the directions, and all bins their scores, variances and order: the time of the iteration is bounded.
pub fn principal_components<'a>(
    bins: usize,
    genes: usize,
    count: usize,
    values: impl Fn(usize) -> Entries<'a> + Sync,
) -> Components {
    if bins > SAMPLE { of_sample(bins, genes, count, values, SAMPLE) } else { of_all(bins, genes, count, values) }
}

fn of_all<'a>(bins: usize, genes: usize, count: usize, values: impl Fn(usize) -> Entries<'a> + Sync) -> Components {
    let panel = Panel { values, genes };
    let Some((block, loadings, directions)) = panel.directions(bins, count) else { return Components::default() };
    let total = panel.variance(bins);
    let kept = directions.iter().take(count).filter(|(variance, _)| *variance > NEGLIGIBLE * total);
    let (scores, shares) = kept.map(|(variance, along)| (block.score(along, &loadings), variance / total)).unzip();
    Components { scores, shares, variance: total / bins as f64 }
}

/// The components in the directions of those of `sample` bins, one of every `bins / sample` in a row drawn at random: the scores
/// of all bins along them, turned to their principal axes (Rayleigh and Ritz).
fn of_sample<'a>(
    bins: usize,
    genes: usize,
    count: usize,
    values: impl Fn(usize) -> Entries<'a> + Sync,
    sample: usize,
) -> Components {
    let mut places = vec![None; bins];
    spread(bins, sample).into_iter().enumerate().for_each(|(place, bin)| places[bin] = Some(place as u32));
    let drawn = |gene| {
        values(gene).iter().filter_map(|(bin, value)| Some((places[*bin as usize]?, *value))).collect::<Entries>()
    };
    let part = Panel { values: drawn, genes };
    let Some((_, loadings, directions)) = part.directions(sample, count) else { return Components::default() };
    let noise = NEGLIGIBLE * part.variance(sample);
    // One vector over genes for each direction, orthogonal to the others and of length 1.
    let kept: Vec<(f64, &Vec<f64>)> = directions
        .iter()
        .filter(|(variance, _)| *variance > noise)
        .map(|(v, along)| (v.sqrt().recip(), along))
        .collect();
    let turned = |gene: &Vec<f64>| kept.iter().map(|(scale, along)| scale * inner(gene, along)).collect();
    let loadings: Vec<Vec<f64>> = loadings.iter().map(turned).collect();
    let panel = Panel { values, genes };
    let block = panel.project(bins, kept.len(), &loadings);
    let (variances, rotation) = eigenvectors(block.gram());
    let total = panel.variance(bins);
    let kept = variances.iter().zip(&rotation).take(count).filter(|(variance, _)| **variance > NEGLIGIBLE * total);
    let score = |(variance, along): (&f64, &Vec<f64>)| {
        let unit: Vec<f64> = along.iter().map(|number| number / variance.sqrt()).collect();
        (block.score(&unit, &loadings), variance / total)
    };
    let (scores, shares) = kept.map(score).unzip();
    Components { scores, shares, variance: total / bins as f64 }
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Adds `times` the vector `other` to `own`.
fn add(own: &mut [f64], times: f64, other: &[f64]) {
    own.iter_mut().zip(other).for_each(|(own, other)| *own += times * other);
}

fn sum(entries: &[(u32, f32)]) -> f64 {
    entries.iter().map(|(_, value)| f64::from(*value)).sum()
}

fn dot(loadings: &[Vec<f64>], i: usize, j: usize) -> f64 {
    loadings.iter().map(|gene| gene[i] * gene[j]).sum()
}

/// A basis, loadings on it, and variances and directions in it.
type Decomposition = (Block, Vec<Vec<f64>>, Vec<(f64, Vec<f64>)>);

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
        // Vector after vector, as they are walked through.
        let mut vectors: Vec<Vec<f64>> =
            (0..width).map(|k| self.numbers.iter().skip(k).step_by(width).copied().collect()).collect();
        for column in (0..width).flat_map(|column| [column, column]) {
            let (earlier, rest) = vectors.split_at_mut(column);
            let own = &mut rest[0];
            for other in earlier.iter() {
                let along = inner(other, own);
                add(own, -along, other);
            }
            let norm = own.iter().map(|number| number.powi(2)).sum::<f64>().sqrt();
            // A vector that the others span already is nothing: it stays so.
            let scale = if norm > f64::MIN_POSITIVE { norm.recip() } else { 0.0 };
            own.iter_mut().for_each(|number| *number *= scale);
        }
        for (k, vector) in vectors.iter().enumerate() {
            self.numbers.iter_mut().skip(k).step_by(width).zip(vector).for_each(|(number, own)| *number = *own);
        }
    }

    /// The products of every vector with every other.
    fn gram(&self) -> Vec<Vec<f64>> {
        let mut gram = vec![vec![0.0; self.width]; self.width];
        for bin in self.numbers.chunks(self.width.max(1)) {
            for (row, a) in gram.iter_mut().zip(bin) {
                row.iter_mut().zip(bin).for_each(|(sum, b)| *sum += a * b);
            }
        }
        gram
    }

    /// The scores along `direction`, with variance 1 and the sign of the largest loading.
    fn score(&self, direction: &[f64], loadings: &[Vec<f64>]) -> Vec<f32> {
        let along = |numbers: &[f64]| inner(numbers, direction);
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

impl<'a, F: Fn(usize) -> Entries<'a> + Sync> Panel<F> {
    /// A basis over `bins` bins of the first `count` components and some more, the loadings of the genes on it, and the
    /// components in it: their variances, largest first, and their directions. `None` without bins, genes or components.
    fn directions(&self, bins: usize, count: usize) -> Option<Decomposition> {
        let width = (count + SPARE).min(bins).min(self.genes);
        if width == 0 {
            return None;
        }
        let mut block = Block::random(bins, width);
        for _ in 0..PASSES {
            block.orthonormalise();
            block = self.multiply(&block).0;
        }
        block.orthonormalise();
        let (_, loadings) = self.multiply(&block);
        let gram = (0..width).map(|i| (0..width).map(|j| dot(&loadings, i, j)).collect()).collect();
        let (variances, rotation) = eigenvectors(gram);
        Some((block, loadings, variances.into_iter().zip(rotation).collect()))
    }

    /// Xᵀ·`loadings` over bins, for `width` loadings of every gene.
    fn project(&self, bins: usize, width: usize, loadings: &[Vec<f64>]) -> Block {
        let mut block = Block { width, numbers: vec![0.0; bins * width] };
        let mut shift = vec![0.0; width];
        for (gene, loading) in loadings.iter().enumerate() {
            let entries = (self.values)(gene);
            add_to_rows(&entries, 0, loading, &mut block.numbers);
            add(&mut shift, sum(&entries) / bins as f64, loading);
        }
        let centre = |bin: &mut [f64]| bin.iter_mut().zip(&shift).for_each(|(number, shift)| *number -= shift);
        block.numbers.chunks_mut(width.max(1)).for_each(centre);
        block
    }

    /// XᵀX·`block` over bins, and X·`block` over genes. Every sum has an order of its own, however many threads there are.
    fn multiply(&self, block: &Block) -> (Block, Vec<Vec<f64>>) {
        let width = block.width;
        let bins = block.numbers.len() / width;
        let sums: Vec<f64> = (0..width).map(|k| block.numbers.iter().skip(k).step_by(width).sum()).collect();
        let of_gene = |gene: usize| {
            let entries = (self.values)(gene);
            let mean = sum(&entries) / bins as f64;
            let mut loading: Vec<f64> = sums.iter().map(|sum| -mean * sum).collect();
            add_rows(&entries, &block.numbers, &mut loading);
            (mean, loading)
        };
        let (means, loadings): (Vec<f64>, Vec<Vec<f64>>) = (0..self.genes).into_par_iter().map(of_gene).unzip();
        let mut shift = vec![0.0; width];
        means.iter().zip(&loadings).for_each(|(mean, loading)| add(&mut shift, *mean, loading));
        let mut product = Block { width, numbers: vec![0.0; block.numbers.len()] };
        // Each thread has bins of its own, of all genes.
        let stretch = bins.div_ceil(rayon::current_num_threads());
        product.numbers.par_chunks_mut(stretch * width).enumerate().for_each(|(part, numbers)| {
            let first = part * stretch;
            let after = first + numbers.len() / width;
            for (gene, loading) in loadings.iter().enumerate() {
                let entries = (self.values)(gene);
                let before = |bound: usize| entries.partition_point(|(bin, _)| (*bin as usize) < bound);
                add_to_rows(&entries[before(first)..before(after)], first, loading, numbers);
            }
            numbers.chunks_mut(width).for_each(|bin| bin.iter_mut().zip(&shift).for_each(|(n, shift)| *n -= shift));
        });
        (product, loadings)
    }

    /// The sum of squares of X.
    fn variance(&self, bins: usize) -> f64 {
        let of = |gene: usize| {
            let (sum, squares) = (self.values)(gene).iter().fold((0.0, 0.0), |(sum, squares), (_, value)| {
                (sum + f64::from(*value), squares + f64::from(*value).powi(2))
            });
            squares - sum * sum / bins as f64
        };
        (0..self.genes).map(of).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(values: impl Iterator<Item = f32>) -> Entries<'static> {
        (0..).zip(values).collect()
    }

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
        let values = |gene: usize| entries(genes[gene].iter().copied());
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
    fn a_sample_finds_what_all_bins_hold() {
        // 20 genes in 3,000 bins: three patterns and noise.
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let pattern = |k: usize, bin: usize| ((bin as f64 / [40.0, 97.0, 211.0][k]).sin() * [4.0, 2.0, 1.0][k]) as f32;
        let genes: Vec<Vec<f32>> = (0..20)
            .map(|gene| (0..3000).map(|bin| pattern(gene % 3, bin) + rng.random::<f32>() - 0.5).collect())
            .collect();
        let values = |gene: usize| entries(genes[gene].iter().copied());
        let (all, sampled) = (of_all(3000, 20, 3, values), of_sample(3000, 20, 3, values, 600));
        for k in 0..3 {
            assert!((sampled.shares[k] / all.shares[k] - 1.0).abs() < 1e-3, "{:?} {:?}", sampled.shares, all.shares);
            let like: f64 =
                all.scores[k].iter().zip(&sampled.scores[k]).map(|(a, b)| f64::from(a * b)).sum::<f64>() / 3000.0;
            assert!(like > 0.999, "component {k}: {like}");
        }
        // All bins drawn, it is the same decomposition.
        let whole = of_sample(3000, 20, 3, values, 3000);
        for (own, other) in whole.scores.iter().flatten().zip(all.scores.iter().flatten()) {
            assert!((own - other).abs() < 1e-4, "{own} {other}");
        }
        for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
            let product: f64 =
                sampled.scores[i].iter().zip(&sampled.scores[j]).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            assert!((product / 3000.0 - f64::from(u8::from(i == j))).abs() < 1e-5, "{i} {j}: {product}");
        }
        let flat = of_sample(3000, 3, 2, |_| entries(std::iter::repeat_n(2.0, 3000)), 600);
        assert!(flat.scores.is_empty());
    }

    #[test]
    fn scores_have_mean_0_and_variance_1_and_a_panel_without_variance_has_none() {
        let (genes, _) = of_two_patterns();
        let found = principal_components(30, genes.len(), 2, |gene| entries(genes[gene].iter().copied()));
        for score in &found.scores {
            let mean = score.iter().map(|s| f64::from(*s)).sum::<f64>() / 30.0;
            let square = score.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / 30.0;
            assert!(mean.abs() < 1e-6 && (square - 1.0).abs() < 1e-6, "{mean} {square}");
        }
        let flat = principal_components(30, 3, 2, |_| entries(std::iter::repeat_n(2.0, 30)));
        assert!(flat.scores.is_empty());
        assert!(principal_components(0, 0, 2, |_| entries(std::iter::empty())).scores.is_empty());
    }
}
