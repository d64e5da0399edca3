//! Measured bins that are alike in expression and surroundings, and their averages.
//!
//! The idea is that of MAGIC (van Dijk et al. 2018): a bin's noisy counts are averaged with those of the bins most like it. One step of
//! diffusion, with a kernel as wide as the distance to the fifth neighbour; unlike there, the surroundings count as well.

use super::sites::{Neighbours, Sites, length};
use rayon::prelude::*;

/// Bins that a bin is averaged with, itself among them.
const ALIKE: usize = 16;

/// The neighbour whose distance is the width of the kernel.
const WIDTH: usize = 5;

/// Bins among which the alike ones are searched, at most: evenly spaced ones of more.
const MOST_CANDIDATES: usize = 8192;

/// Neighbours that are a bin's surroundings: the eight around it on a lattice.
const SURROUNDINGS: usize = 8;

/// For every site the sites alike, with weights that add up to 1.
pub struct Graph {
    rows: Vec<Vec<(u32, f64)>>,
}

impl Graph {
    /// The graph of sites with these `scores` [component][site], each weighing with its standard deviation of `deviations`.
    pub(super) fn new(sites: &Sites, around: &Neighbours, scores: &[Vec<f64>], deviations: &[f64]) -> Self {
        let features = features(sites, around, scores, deviations);
        let width = 2 * scores.len();
        let count = sites.at.len();
        if width == 0 {
            return Graph { rows: (0..count).map(|site| vec![(site as u32, 1.0)]).collect() };
        }
        let every = count.div_ceil(MOST_CANDIDATES).max(1);
        let directed: Vec<Vec<(u32, f64)>> =
            (0..count).into_par_iter().map(|site| alike(&features, width, site, every)).collect();
        let mut rows = directed.clone();
        for (site, row) in directed.iter().enumerate() {
            row.iter().for_each(|(other, weight)| rows[*other as usize].push((site as u32, *weight)));
        }
        rows.par_iter_mut().for_each(|row| {
            row.sort_by_key(|(other, _)| *other);
            row.dedup_by(|(other, weight), (kept, sum)| {
                let same = other == kept;
                *sum += if same { *weight } else { 0.0 };
                same
            });
            normalise(row);
        });
        Graph { rows }
    }

    /// The averages of `values` [site].
    pub(super) fn average(&self, values: &[f64]) -> Vec<f64> {
        self.rows.iter().map(|row| row.iter().map(|(other, weight)| weight * values[*other as usize]).sum()).collect()
    }

    /// The same without the bin's own value; where nothing else is alike, `nothing`.
    pub(super) fn average_of_others(&self, values: &[f64], nothing: f64) -> Vec<f64> {
        let one = |(site, row): (usize, &Vec<(u32, f64)>)| {
            let others = || row.iter().filter(|(other, _)| *other as usize != site);
            let weight: f64 = others().map(|(_, weight)| weight).sum();
            let sum: f64 = others().map(|(other, weight)| weight * values[*other as usize]).sum();
            if weight > 0.0 { sum / weight } else { nothing }
        };
        self.rows.iter().enumerate().map(one).collect()
    }
}

/// Of every site its own scores and those of its surroundings, the nearest weighing most: [site, 2 · components].
fn features(sites: &Sites, around: &Neighbours, scores: &[Vec<f64>], deviations: &[f64]) -> Vec<f32> {
    let one = |site: usize| {
        let offsets = around.patterns[around.of[site] as usize].iter().take(SURROUNDINGS);
        let near: Vec<(usize, f64)> = offsets
            .filter_map(|offset| Some((sites.beside(sites.at[site], *offset)?, length(*offset).powi(-2))))
            .collect();
        let total: f64 = near.iter().map(|(_, weight)| weight).sum();
        let own = scores.iter().zip(deviations).map(|(score, deviation)| (score[site] * deviation) as f32);
        let mean = |score: &Vec<f64>| near.iter().map(|(other, weight)| weight * score[*other]).sum::<f64>();
        let beside = scores
            .iter()
            .zip(deviations)
            .map(|(score, deviation)| if total > 0.0 { (mean(score) / total * deviation) as f32 } else { 0.0 });
        own.chain(beside).collect::<Vec<f32>>()
    };
    (0..sites.at.len()).into_par_iter().flat_map_iter(one).collect()
}

/// The sites most like `site`, with the weights of the kernel.
fn alike(features: &[f32], width: usize, site: usize, every: usize) -> Vec<(u32, f64)> {
    let row = |site: usize| &features[site * width..][..width];
    let own = row(site);
    let square = |other: usize| own.iter().zip(row(other)).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
    let candidates = (0..features.len() / width).step_by(every);
    let mut found: Vec<(f32, u32)> = candidates.map(|other| (square(other), other as u32)).collect();
    if !site.is_multiple_of(every) {
        found.push((0.0, site as u32));
    }
    let nearest = |a: &(f32, u32), b: &(f32, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    if found.len() > ALIKE {
        found.select_nth_unstable_by(ALIKE - 1, nearest);
        found.truncate(ALIKE);
    }
    found.sort_by(nearest);
    let width = f64::from(found[WIDTH.min(found.len() - 1)].0.sqrt()) + 1e-9;
    found.iter().map(|(square, other)| (*other, (-f64::from(*square) / (width * width)).exp())).collect()
}

fn normalise(row: &mut [(u32, f64)]) {
    let total: f64 = row.iter().map(|(_, weight)| weight).sum();
    row.iter_mut().for_each(|(_, weight)| *weight /= total);
}
