//! Where errors are made: by the distance of a bin from the border of the tissue, and by its true value.

use super::regions::{Region, Regions};
use crate::section::{Raster, border_distance};
use serde::Serialize;

/// What bins are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Distance to the nearest bin outside the tissue or beyond the grid, in bins.
    Border,
    /// The true value, log-normalised.
    Level,
}

/// The errors of one method in one class of bins, over all genes that every method predicted; unmeasured in-tissue bins only.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProfileRow {
    /// The label of the prediction.
    pub method: String,
    /// What the class is one of.
    pub by: By,
    /// The class: a range of distances in bins, or of true values.
    pub class: String,
    /// Number of values compared: bins × genes.
    pub values: usize,
    /// Mean absolute error.
    pub mae: f64,
    /// Root mean squared error.
    pub rmse: f64,
    /// Mean of prediction − truth: above 0 predicted too high.
    pub bias: f64,
}

/// The classes by distance: from this one on, rounded to whole bins.
const DISTANCES: [(f64, &str); 6] =
    [(0.5, "1"), (1.5, "2"), (2.5, "3–4"), (4.5, "5–8"), (8.5, "9–16"), (16.5, "17 and more")];
/// The classes by true value: from above this one on.
const LEVELS: [(f64, &str); 6] =
    [(f64::NEG_INFINITY, "0"), (0.0, "0–1"), (1.0, "1–2"), (2.0, "2–3"), (3.0, "3–4"), (4.0, "above 4")];

/// The class of `value`: the last one that begins below it.
fn class(classes: &[(f64, &str); 6], value: f64) -> usize {
    classes.iter().rposition(|(from, _)| value > *from).unwrap_or(0)
}

#[derive(Clone, Copy, Default)]
struct Sums {
    values: usize,
    absolute: f64,
    squared: f64,
    signed: f64,
}

impl Sums {
    fn add(&mut self, error: f64) {
        self.values += 1;
        self.absolute += error.abs();
        self.squared += error * error;
        self.signed += error;
    }
}

/// The errors of several methods, gathered gene by gene.
pub(super) struct Profiles {
    /// The class by distance of each unmeasured in-tissue bin; `None` elsewhere.
    depths: Vec<Option<usize>>,
    /// For each method, sums by distance and by level.
    sums: Vec<[[Sums; 6]; 2]>,
    labels: Vec<String>,
}

impl Profiles {
    /// Nothing yet, for the methods of these `labels`.
    pub(super) fn new(regions: &Regions, labels: Vec<String>) -> Self {
        let distances = border_distance(regions.bins(Region::Tissue));
        let unmeasured = regions.bins(Region::Unmeasured).values();
        let depth = |(distance, own): (&f64, &bool)| own.then(|| class(&DISTANCES, *distance));
        let depths = distances.values().iter().zip(unmeasured).map(depth).collect();
        Profiles { depths, sums: vec![Default::default(); labels.len()], labels }
    }

    /// Adds one gene: its `truth` and the prediction of the `method`th method, [rows, cols]. A missing one counts as 0.
    pub(super) fn add(&mut self, method: usize, truth: &Raster<f32>, predicted: &Raster<f32>) {
        let [by_distance, by_level] = &mut self.sums[method];
        let values = truth.values().iter().zip(predicted.values());
        for (depth, (truth, predicted)) in self.depths.iter().zip(values) {
            let Some(depth) = *depth else { continue };
            let predicted = if predicted.is_nan() { 0.0 } else { f64::from(*predicted) };
            let truth = f64::from(*truth);
            by_distance[depth].add(predicted - truth);
            by_level[class(&LEVELS, truth)].add(predicted - truth);
        }
    }

    /// A row for every method and class that holds bins.
    pub(super) fn rows(&self) -> Vec<ProfileRow> {
        let mut rows = Vec::new();
        for (label, sums) in self.labels.iter().zip(&self.sums) {
            for (by, classes, sums) in [(By::Border, DISTANCES, sums[0]), (By::Level, LEVELS, sums[1])] {
                let held = classes.iter().zip(sums).filter(|(_, sums)| sums.values > 0);
                rows.extend(held.map(|((_, class), sums)| ProfileRow {
                    method: label.clone(),
                    by,
                    class: (*class).to_owned(),
                    values: sums.values,
                    mae: sums.absolute / sums.values as f64,
                    rmse: (sums.squared / sums.values as f64).sqrt(),
                    bias: sums.signed / sums.values as f64,
                }));
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::{Lattice, Sampling, Scale};

    #[test]
    fn classes_by_hand() {
        // 5 × 5 bins in tissue, S = 5: only (0, 0) is measured. 15 unmeasured bins at the border, 8 next, 1 in the middle.
        let tissue = Raster::filled(5, 5, true);
        let regions = Regions::new(tissue, &Sampling::regular(Lattice::new(Scale::new(5).unwrap()), 5, 5));
        let truth = Raster::from_fn(5, 5, |row, _| if row == 2 { 1.5 } else { 0.0 });
        let predicted = Raster::from_fn(5, 5, |row, col| if (row, col) == (2, 2) { f32::NAN } else { 1.0 });
        let mut profiles = Profiles::new(&regions, vec!["m".into()]);
        profiles.add(0, &truth, &predicted);
        let found: Vec<(By, String, usize, f64)> =
            profiles.rows().into_iter().map(|row| (row.by, row.class, row.values, row.bias)).collect();
        let row = |by, class: &str, values, sum: f64| (by, class.to_owned(), values, sum / values as f64);
        let expected = [
            row(By::Border, "1", 15, 13.0 - 1.0),
            row(By::Border, "2", 8, 6.0 - 1.0),
            row(By::Border, "3–4", 1, -1.5),
            row(By::Level, "0", 19, 19.0),
            row(By::Level, "1–2", 5, -2.0 - 1.5),
        ];
        assert_eq!(found, expected);
    }
}
