//! Clusters of bins, and how alike two clusterings are.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::BTreeMap;

/// Starts of which the best result is kept.
const STARTS: usize = 10;
/// Rounds after which a start ends, settled or not.
const ROUNDS: usize = 100;

/// k-means of `points` (each of the same length) into `k` clusters: Lloyd's algorithm from 10 starts by k-means++ (Arthur and
/// Vassilvitskii, 2007), the one with the least sum of squares. The cluster of each point; one `seed`, one result.
pub(super) fn k_means(points: &[Vec<f64>], k: usize, seed: u64) -> Vec<usize> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let runs = (0..STARTS).map(|_| lloyd(points, start(points, k, &mut rng)));
    runs.min_by(|a, b| a.1.total_cmp(&b.1)).map_or_else(Vec::new, |(labels, _)| labels)
}

/// k points as centres: the next one drawn by its squared distance to those that are there.
fn start(points: &[Vec<f64>], k: usize, rng: &mut impl RngExt) -> Vec<Vec<f64>> {
    let Some(most) = points.len().checked_sub(1) else { return Vec::new() };
    let mut centres = vec![points[rng.random_range(0..=most)].clone()];
    let mut squares = vec![f64::INFINITY; points.len()];
    while centres.len() < k {
        let last = &centres[centres.len() - 1];
        squares.iter_mut().zip(points).for_each(|(least, point)| *least = least.min(square(point, last)));
        let mut left = rng.random::<f64>() * squares.iter().sum::<f64>();
        let drawn = squares.iter().position(|square| {
            left -= square;
            left < 0.0
        });
        centres.push(points[drawn.unwrap_or(most)].clone());
    }
    centres
}

/// The clusters around `centres` once they have settled, and the sum of the squared distances to them.
fn lloyd(points: &[Vec<f64>], mut centres: Vec<Vec<f64>>) -> (Vec<usize>, f64) {
    let mut labels = vec![usize::MAX; points.len()];
    let mut sum = 0.0;
    for _ in 0..ROUNDS {
        let nearest: Vec<(usize, f64)> = points.iter().map(|point| nearest(point, &centres)).collect();
        sum = nearest.iter().map(|(_, square)| square).sum();
        let settled = nearest.iter().zip(&labels).all(|((new, _), old)| new == old);
        labels = nearest.into_iter().map(|(label, _)| label).collect();
        if settled {
            break;
        }
        for (label, centre) in centres.iter_mut().enumerate() {
            let own = || points.iter().zip(&labels).filter(|(_, of)| **of == label).map(|(point, _)| point);
            let count = own().count() as f64;
            // A centre that lost all its points stays where it is.
            if count > 0.0 {
                centre.fill(0.0);
                own().for_each(|point| centre.iter_mut().zip(point).for_each(|(c, p)| *c += p / count));
            }
        }
    }
    (labels, sum)
}

fn nearest(point: &[f64], centres: &[Vec<f64>]) -> (usize, f64) {
    let squares = centres.iter().map(|centre| square(point, centre)).enumerate();
    squares.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
}

fn square(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

/// The adjusted Rand index of two clusterings of the same points (Hubert and Arabie, 1985): 1 for the same clusters whatever
/// they are called, 0 on average for clusters drawn at random. `None` without pairs of points.
pub(super) fn adjusted_rand_index(a: &[usize], b: &[usize]) -> Option<f64> {
    let pairs = |counts: &BTreeMap<(usize, usize), usize>| {
        counts.values().map(|count| (count * (count.saturating_sub(1))) as f64 / 2.0).sum::<f64>()
    };
    let (mut both, mut first, mut second) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (&a, &b) in a.iter().zip(b) {
        *both.entry((a, b)).or_insert(0) += 1;
        *first.entry((a, 0)).or_insert(0) += 1;
        *second.entry((b, 0)).or_insert(0) += 1;
    }
    let all = (a.len() * a.len().saturating_sub(1)) as f64 / 2.0;
    let (both, first, second) = (pairs(&both), pairs(&first), pairs(&second));
    let (by_chance, most) = (first * second / all, (first + second) / 2.0);
    (all > 0.0).then(|| if most == by_chance { 1.0 } else { (both - by_chance) / (most - by_chance) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_that_of_scikit_learn() {
        // sklearn.metrics.adjusted_rand_score
        let cases: [(&[usize], &[usize], f64); 4] = [
            (&[0, 0, 1, 1], &[5, 5, 2, 2], 1.0),
            (&[0, 0, 1, 2], &[0, 0, 1, 1], 0.571_428_571_428_571_4),
            (&[0, 0, 1, 1, 2, 2, 2, 3], &[0, 1, 1, 1, 2, 2, 0, 0], 0.157_894_736_842_105_25),
            (&[0, 0, 0, 0], &[0, 1, 2, 3], 0.0),
        ];
        for (a, b, expected) in cases {
            assert!((adjusted_rand_index(a, b).unwrap() - expected).abs() < 1e-12, "{a:?} {b:?}");
        }
        assert_eq!(adjusted_rand_index(&[], &[]), None);
    }

    #[test]
    fn clouds_that_lie_apart_are_found_from_any_seed() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
        let truth: Vec<usize> = (0..400).map(|i| i % 4).collect();
        let point =
            |of: &usize| vec![(of % 2) as f64 * 9.0 + rng.random::<f64>(), (of / 2) as f64 * 9.0 + rng.random::<f64>()];
        let points: Vec<Vec<f64>> = truth.iter().map(point).collect();
        for seed in 0..5 {
            assert_eq!(adjusted_rand_index(&k_means(&points, 4, seed), &truth), Some(1.0));
        }
        assert_eq!(k_means(&points, 4, 1), k_means(&points, 4, 1));
        assert_eq!(k_means(&vec![vec![1.0]; 5], 3, 0), [0; 5], "points that are all the same are one cluster");
    }
}
