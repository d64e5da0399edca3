//! Simple cokriging of the first of several fields (Wackernagel, Multivariate Geostatistics, chapter 24): of its part that is no
//! noise, from all fields at the neighbours.

use super::coregionalisation::Coregionalisation;
use super::covariances::Lag;
use super::covariances::{Standard, covariances};
use super::sites::{Neighbours, Sites, length};
use crate::section::{cholesky, solve};
use rayon::prelude::*;

/// A model of standardised fields, ready to predict the first.
pub(super) struct Cokriging<'a> {
    sites: &'a Sites,
    fields: Vec<&'a Standard>,
    model: Coregionalisation,
}

/// Predictions of bins.
pub(super) struct Kriged {
    /// The values.
    pub(super) mean: Vec<f64>,
    /// Their expected squared errors, without the noise of the bins themselves.
    pub(super) variance: Vec<f64>,
}

impl<'a> Cokriging<'a> {
    /// Of `first`, with `others` to help; `known` are the others' covariances, if they were computed already.
    pub(super) fn new(sites: &'a Sites, first: &'a Standard, others: &'a [Standard], known: Option<&[Lag]>) -> Self {
        let fields: Vec<&Standard> = std::iter::once(first).chain(others).collect();
        let values: Vec<&[f64]> = fields.iter().map(|field| field.values.as_slice()).collect();
        let model = Coregionalisation::fit(&covariances(sites, &values, known));
        Cokriging { sites, fields, model }
    }

    /// The noise of a bin's own value, in the units of the first field, squared.
    pub(super) fn noise(&self) -> f64 {
        self.model.nugget[0][0] * self.fields[0].deviation.powi(2)
    }

    /// The bins of `neighbours`.
    pub(super) fn at(&self, neighbours: &Neighbours) -> Kriged {
        let weights: Vec<(Vec<f64>, f64)> =
            neighbours.patterns.par_iter().map(|offsets| self.weights(offsets)).collect();
        let first = self.fields[0];
        let one = |bin: usize| {
            let (weights, _) = &weights[neighbours.of[bin] as usize];
            let sites = neighbours.sites(self.sites, bin);
            let values = sites.flat_map(|site| self.fields.iter().map(move |field| field.values[site]));
            let standard: f64 = weights.iter().zip(values).map(|(weight, value)| weight * value).sum();
            first.mean + first.deviation * standard
        };
        let mean = (0..neighbours.of.len()).into_par_iter().map(one).collect();
        let variance = neighbours.of.iter().map(|pattern| weights[*pattern as usize].1 * first.deviation.powi(2));
        Kriged { mean, variance: variance.collect() }
    }

    /// The weights of all fields at these offsets, neighbour by neighbour, and the variance that they leave.
    fn weights(&self, offsets: &[(i32, i32)]) -> (Vec<f64>, f64) {
        let count = self.fields.len();
        let size = offsets.len() * count;
        let mut matrix = vec![vec![0.0; size]; size];
        for (i, a) in offsets.iter().enumerate() {
            for (j, b) in offsets[..=i].iter().enumerate() {
                let block = self.model.at(self.sites.halves(length((a.0 - b.0, a.1 - b.1))));
                for (u, v) in (0..count).flat_map(|u| (0..count).map(move |v| (u, v))) {
                    let noise = if i == j { self.model.nugget[u][v] } else { 0.0 };
                    matrix[i * count + u][j * count + v] = block[u][v] + noise;
                }
                // Fields without variance have no covariance: their weights are then 0.
                if i == j {
                    (0..count).for_each(|u| matrix[i * count + u][i * count + u] += 1e-9);
                }
            }
        }
        let towards = offsets.iter().flat_map(|offset| {
            let block = self.model.at(self.sites.halves(length(*offset)));
            (0..count).map(move |u| block[u][0])
        });
        let towards: Vec<f64> = towards.collect();
        let own = self.model.at(0.0)[0][0];
        match cholesky(matrix) {
            Some(factor) => {
                let weights = solve(&factor, towards.clone());
                let known: f64 = weights.iter().zip(&towards).map(|(weight, toward)| weight * toward).sum();
                (weights, (own - known).max(0.0))
            }
            None => (vec![0.0; size], own),
        }
    }
}
