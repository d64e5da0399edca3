//! How much alike fields are at a distance: empirical covariances between standardised fields.

use super::sites::Sites;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// The longest distance, in spacings of the measured bins.
const REACH: f64 = 12.0;

/// Sites whose pairs are looked at, at most: evenly spaced ones of more.
const MOST_SITES: usize = 20_000;

/// Fewer pairs say nothing.
const LEAST_PAIRS: f64 = 50.0;

/// Of a distance: its length in halves of the spacing, how many pairs there are, and the covariance of every pair of fields.
#[derive(Clone)]
pub(super) struct Lag {
    pub(super) distance: f64,
    pub(super) pairs: f64,
    pub(super) covariance: Vec<Vec<f64>>,
}

/// A field standardised over the sites: mean 0, variance 1; constant ones are 0.
pub(super) struct Standard {
    pub(super) mean: f64,
    pub(super) deviation: f64,
    pub(super) values: Vec<f64>,
}

impl Standard {
    pub(super) fn of(field: &[f64]) -> Self {
        let n = field.len().max(1) as f64;
        let mean = field.iter().sum::<f64>() / n;
        let deviation = (field.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
        let scale = if deviation > 1e-12 { deviation.recip() } else { 0.0 };
        Standard { mean, deviation, values: field.iter().map(|value| (value - mean) * scale).collect() }
    }
}

/// The covariances of `fields` [field][site] at every distance with pairs enough; the first lag is that of distance 0.
///
/// `known` are those of the fields but the first, if they were computed already: only the first one's are then.
pub(super) fn covariances(sites: &Sites, fields: &[&[f64]], known: Option<&[Lag]>) -> Vec<Lag> {
    let every = sites.at.len().div_ceil(MOST_SITES).max(1);
    let offsets = offsets(sites);
    let first_only = known.is_some();
    let sums: Vec<(u64, f64, f64, Vec<f64>)> = offsets
        .par_iter()
        .map(|&(class, distance, offset)| {
            let (pairs, sums) = products(sites, fields, offset, every, first_only);
            (class, distance, pairs, sums)
        })
        .collect();
    let mut classes: BTreeMap<u64, (f64, f64, Vec<f64>)> = BTreeMap::new();
    for (class, distance, pairs, sums) in sums {
        let lag = classes.entry(class).or_insert_with(|| (distance, 0.0, vec![0.0; sums.len()]));
        lag.1 += pairs;
        lag.2.iter_mut().zip(sums).for_each(|(all, sum)| *all += sum);
    }
    let zero = products(sites, fields, (0, 0), 1, first_only);
    let all = std::iter::once((0.0, zero.0, zero.1)).chain(classes.into_values());
    let kept = all.filter(|(distance, pairs, _)| *distance == 0.0 || *pairs >= LEAST_PAIRS);
    kept.enumerate().map(|(i, sums)| lag(fields.len(), sums, known.map(|known| &known[i]))).collect()
}

/// Class, distance in halves of the spacing, and offset in bins of everything within reach: each direction once.
fn offsets(sites: &Sites) -> Vec<(u64, f64, (i32, i32))> {
    let most = (REACH * sites.spacing) as i32;
    let step = sites.step as i32;
    let steps = most / step;
    let half = (0..=steps).flat_map(|down| (-steps..=steps).map(move |right| (down * step, right * step)));
    half.filter(|(down, right)| *down > 0 || *right > 0)
        .filter_map(|offset| {
            let distance = sites.halves(super::sites::length(offset));
            // Near distances each by themselves, far ones in classes of one half of the spacing.
            let class = if distance < 9.0 { (distance * 1000.0).round() } else { distance.round() * 1000.0 };
            (distance <= 2.0 * REACH).then_some((class as u64, class / 1000.0, offset))
        })
        .collect()
}

/// The number of pairs of sites an offset apart, and the sums of their products: of the first field with all, or of all with all.
fn products(sites: &Sites, fields: &[&[f64]], offset: (i32, i32), every: usize, first_only: bool) -> (f64, Vec<f64>) {
    let count = fields.len();
    let rows = if first_only { 1 } else { count };
    let (mut pairs, mut sums) = (0.0, vec![0.0; rows * count]);
    for site in (0..sites.at.len()).step_by(every) {
        let Some(other) = sites.beside(sites.at[site], offset) else { continue };
        pairs += 1.0;
        for i in 0..rows {
            for j in i..count {
                let both = fields[i][site] * fields[j][other] + fields[j][site] * fields[i][other];
                sums[i * count + j] += both / 2.0;
            }
        }
    }
    (pairs, sums)
}

fn lag(count: usize, (distance, pairs, sums): (f64, f64, Vec<f64>), known: Option<&Lag>) -> Lag {
    let of = |i: usize, j: usize| match known {
        Some(known) if i.min(j) > 0 => known.covariance[i - 1][j - 1],
        _ => sums[i.min(j) * count + i.max(j)] / f64::max(pairs, 1.0),
    };
    Lag { distance, pairs, covariance: (0..count).map(|i| (0..count).map(|j| of(i, j)).collect()).collect() }
}
