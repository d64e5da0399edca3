//! Where errors are made: by the distance of a bin from the border of the tissue, by that from the nearest measured bin, and by its true
//! value.

use super::regions::{Region, Regions};
use crate::section::{Raster, border_distance, distances, pearson};
use serde::Serialize;

/// What bins are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Distance to the nearest bin outside the tissue or beyond the grid, in bins.
    Border,
    /// Distance to the nearest measured bin in the tissue, in bins.
    Distance,
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
    /// Mean over the genes of Pearson's correlation within the class; `None` where no gene has one, and of a class of true values.
    pub pcc: Option<f64>,
    /// Share of the values with an interval whose truth lies in it; `None` where none has one.
    pub coverage: Option<f64>,
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
    /// Correlations, and of how many genes.
    correlations: (f64, usize),
    /// Values with an interval, and those of them that lie in it.
    intervals: usize,
    held: usize,
}

impl Sums {
    fn add(&mut self, error: f64, held: Option<bool>) {
        self.values += 1;
        self.absolute += error.abs();
        self.squared += error * error;
        self.signed += error;
        self.intervals += usize::from(held.is_some());
        self.held += usize::from(held == Some(true));
    }

    fn row(&self, method: &str, by: By, class: &str) -> ProfileRow {
        let values = self.values as f64;
        let mean = |sum: f64, number: usize| (number > 0).then(|| sum / number as f64);
        ProfileRow {
            method: method.to_owned(),
            by,
            class: class.to_owned(),
            values: self.values,
            mae: self.absolute / values,
            rmse: (self.squared / values).sqrt(),
            bias: self.signed / values,
            pcc: mean(self.correlations.0, self.correlations.1),
            coverage: mean(self.held as f64, self.intervals),
        }
    }
}

/// A prediction of a gene, bin by bin.
#[derive(Clone, Copy)]
pub(super) struct Predicted<'a> {
    /// Its values [rows, cols]; a missing one counts as 0.
    pub(super) map: &'a Raster<f32>,
    /// Whether its interval holds the truth, of each bin [rows, cols] in a row; none where there is no interval.
    pub(super) held: &'a [Option<bool>],
}

/// The errors of several methods, gathered gene by gene.
pub(super) struct Profiles {
    unmeasured: Vec<usize>,
    /// The unmeasured in-tissue bins of each class by place.
    places: [(By, [Vec<usize>; 6]); 2],
    /// For each method, sums by place and by level.
    sums: Vec<[[Sums; 6]; 3]>,
    labels: Vec<String>,
}

impl Profiles {
    /// Nothing yet, for the methods of these `labels`.
    pub(super) fn new(regions: &Regions, labels: Vec<String>) -> Self {
        let (tissue, unmeasured) = (regions.bins(Region::Tissue), regions.bins(Region::Unmeasured));
        let measured =
            Raster::from_fn(tissue.rows(), tissue.cols(), |row, col| tissue[(row, col)] && !unmeasured[(row, col)]);
        let inside = unmeasured.values().iter().enumerate().filter(|(_, inside)| **inside);
        let unmeasured: Vec<usize> = inside.map(|(bin, _)| bin).collect();
        let classes = |distances: Option<Raster<f64>>| {
            let mut classes: [Vec<usize>; 6] = Default::default();
            let own = distances.iter().flat_map(|all| unmeasured.iter().map(|bin| (*bin, all.values()[*bin])));
            own.for_each(|(bin, distance)| classes[class(&DISTANCES, distance)].push(bin));
            classes
        };
        let places =
            [(By::Border, classes(Some(border_distance(tissue)))), (By::Distance, classes(distances(&measured)))];
        Profiles { unmeasured, places, sums: vec![Default::default(); labels.len()], labels }
    }

    /// Adds one gene: its `truth` [rows, cols] and the prediction of the `method`th method.
    pub(super) fn add(&mut self, method: usize, truth: &Raster<f32>, predicted: Predicted) {
        let pair = |bin: usize| {
            let value = predicted.map.values()[bin];
            (f64::from(truth.values()[bin]), if value.is_nan() { 0.0 } else { f64::from(value) })
        };
        let held = |bin: usize| predicted.held.get(bin).copied().flatten();
        let [border, distance, level] = &mut self.sums[method];
        for ((_, classes), sums) in self.places.iter().zip([border, distance]) {
            for (bins, sums) in classes.iter().zip(sums) {
                let pairs = bins.iter().map(|bin| pair(*bin));
                bins.iter().zip(pairs.clone()).for_each(|(bin, (truth, value))| sums.add(value - truth, held(*bin)));
                if let Some(correlation) = pearson(pairs) {
                    sums.correlations = (sums.correlations.0 + correlation, sums.correlations.1 + 1);
                }
            }
        }
        for bin in &self.unmeasured {
            let (truth, value) = pair(*bin);
            level[class(&LEVELS, truth)].add(value - truth, held(*bin));
        }
    }

    /// A row for every method and class that holds bins.
    pub(super) fn rows(&self) -> Vec<ProfileRow> {
        let kinds = [(By::Border, DISTANCES), (By::Distance, DISTANCES), (By::Level, LEVELS)];
        let mut rows = Vec::new();
        for (label, sums) in self.labels.iter().zip(&self.sums) {
            for ((by, classes), sums) in kinds.iter().zip(sums) {
                let held = classes.iter().zip(sums).filter(|(_, sums)| sums.values > 0);
                rows.extend(held.map(|((_, class), sums)| sums.row(label, *by, class)));
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
        let held: Vec<Option<bool>> = (0..25).map(|bin| (bin >= 20).then_some(bin > 20)).collect();
        profiles.add(0, &truth, Predicted { map: &predicted, held: &held });
        let found: Vec<(By, String, usize, f64)> =
            profiles.rows().into_iter().map(|row| (row.by, row.class, row.values, row.bias)).collect();
        let last = profiles.rows().into_iter().rfind(|row| row.by == By::Distance).unwrap();
        // (4, 4), √32 from (0, 0), and (3, 4) and (4, 3) with 5: of the last row (4, 3) and (4, 4), and both intervals hold. (4, 2) has √20.
        assert_eq!((last.class.as_str(), last.values, last.coverage, last.pcc), ("5–8", 3, Some(1.0), None));
        let row = |by, class: &str, values, sum: f64| (by, class.to_owned(), values, sum / values as f64);
        let expected = [
            row(By::Border, "1", 15, 13.0 - 1.0),
            row(By::Border, "2", 8, 6.0 - 1.0),
            row(By::Border, "3–4", 1, -1.5),
            row(By::Distance, "1", 3, 3.0),
            row(By::Distance, "2", 4, 1.0),
            row(By::Distance, "3–4", 14, 8.5),
            row(By::Distance, "5–8", 3, 3.0),
            row(By::Level, "0", 19, 19.0),
            row(By::Level, "1–2", 5, -2.0 - 1.5),
        ];
        assert_eq!(found, expected);
    }
}
