//! The figures of one gene, method and region; and those of the intervals of a gene and a method.

use super::comparison::{Comparison, Context, References};
use super::intervals::Intervals;
use super::metric::{Metric, Values};
use super::regions::Region;
use super::registry;
use serde::Serialize;

/// How well one method predicted one gene over one region.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// The gene.
    pub gene: String,
    /// The label of the prediction.
    pub method: String,
    /// The bins compared.
    pub region: Region,
    /// Their number.
    pub bins: usize,
    /// How many of them the prediction left without a value; they are compared as 0.
    pub missed: usize,
    /// The figures, in the order of [`registry::in_files`].
    #[serde(flatten)]
    pub values: Values,
}

impl Score {
    /// Those of `gene` as `method` predicted it, over both regions.
    pub fn of(gene: &str, method: &str, comparison: &Comparison, references: References) -> [Self; 2] {
        Region::ALL.map(|region| Score {
            gene: gene.to_owned(),
            method: method.to_owned(),
            region,
            bins: comparison.agreement(region).bins,
            missed: comparison.missed(region),
            values: registry::of_gene(&Context { region, comparison, references }),
        })
    }

    /// The figure called `key`; `None` where it is not defined.
    pub fn value(&self, key: &str) -> Option<f64> {
        self.values.value(key)
    }

    /// The figure of `metric`; `None` where it is not defined.
    pub fn metric(&self, metric: &Metric) -> Option<f64> {
        self.values.of(metric)
    }
}

/// How well the intervals of one method for one gene hold what they promise, over the unmeasured in-tissue bins that have one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IntervalScore {
    /// The gene.
    pub gene: String,
    /// The label of the prediction.
    pub method: String,
    /// The coverage that was asked for.
    pub nominal: f64,
    /// The bins compared; those that the inferred tissue mask missed have no interval.
    pub bins: usize,
    /// The figures: `coverage`, `width`, `score`, `constant_width`, `constant_score`.
    #[serde(flatten)]
    pub values: Values,
    /// Coverage asked for, and achieved.
    pub reliability: Vec<[f64; 2]>,
}

impl IntervalScore {
    /// Those of the `intervals` that `method` gave for `gene`.
    pub fn of(gene: &str, method: &str, intervals: &Intervals) -> Self {
        IntervalScore {
            gene: gene.to_owned(),
            method: method.to_owned(),
            nominal: intervals.nominal,
            bins: intervals.bins,
            values: registry::of_intervals(intervals),
            reliability: intervals.reliability.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::regions::Regions;
    use super::*;
    use crate::section::{Lattice, Raster, Sampling, Scale};

    /// 2 × 4 bins, S = 2: (0, 0) and (0, 2) are measured, (1, 3) is outside the tissue.
    fn regions() -> Regions {
        let tissue = Raster::from_fn(2, 4, |row, col| (row, col) != (1, 3));
        Regions::new(tissue, &Sampling::regular(Lattice::new(Scale::new(2).unwrap()), 2, 4))
    }

    #[test]
    fn a_bin_without_a_prediction_counts_as_zero_and_one_outside_the_tissue_not_at_all() {
        let truth = Raster::from_vec(2, 4, vec![1.0, 2.0, 1.0, 0.0, 0.0, 4.0, 0.0, 0.0]).unwrap();
        let predicted = Raster::from_vec(2, 4, vec![1.0, 1.0, 1.0, 0.0, 0.0, f32::NAN, 0.0, 50.0]).unwrap();
        let regions = regions();
        let comparison = Comparison::new(&regions, &truth, &predicted);
        let [unmeasured, tissue] = Score::of("A", "m", &comparison, References::default());
        assert_eq!((unmeasured.bins, unmeasured.missed, unmeasured.value("mae")), (5, 1, Some(1.0)));
        assert_eq!((tissue.bins, tissue.missed, tissue.value("mae")), (7, 1, Some(5.0 / 7.0)));
        assert_eq!(unmeasured.value("rmse"), Some((17.0f64 / 5.0).sqrt()));
        assert_eq!(
            (tissue.value("ssim"), tissue.value("ssim_frame")),
            (None, None),
            "the grid is smaller than the window"
        );
    }

    #[test]
    fn ratios_are_to_the_baseline_of_the_same_region() {
        let truth = Raster::filled(2, 4, 1.0);
        let regions = regions();
        let [baseline, own] = [0.5, 0.75].map(|value| Comparison::new(&regions, &truth, &Raster::filled(2, 4, value)));
        let references = References { baseline: Some(&baseline), ..References::default() };
        let scores =
            [Score::of("A", "bilinear", &baseline, references), Score::of("A", "s2s", &own, references)].concat();
        assert_eq!(scores.iter().map(|s| s.value("mae_ratio").unwrap()).collect::<Vec<_>>(), [1.0, 1.0, 0.5, 0.5]);
    }
}
