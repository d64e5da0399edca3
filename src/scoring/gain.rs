//! Where one method is better than another: the difference of their errors, bin by bin.

use super::regions::{Region, Regions};
use crate::section::Raster;

/// |error of `reference`| − |error of `predicted`| on the unmeasured in-tissue bins, NaN elsewhere, all [rows, cols].
///
/// Above 0 the prediction is nearer to the truth than the reference. A missing prediction (NaN) counts as predicted 0, as in
/// the scores.
pub fn gain_map(
    regions: &Regions,
    truth: &Raster<f32>,
    reference: &Raster<f32>,
    predicted: &Raster<f32>,
) -> Raster<f64> {
    let bins = regions.bins(Region::Unmeasured);
    let error = |map: &Raster<f32>, at: (usize, usize)| {
        let value = f64::from(map[at]);
        (if value.is_nan() { 0.0 } else { value } - f64::from(truth[at])).abs()
    };
    Raster::from_fn(bins.rows(), bins.cols(), |row, col| {
        let at = (row, col);
        if bins[at] { error(reference, at) - error(predicted, at) } else { f64::NAN }
    })
}

/// What a map of gains comes down to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gain {
    /// Share of the bins whose error is smaller than the reference's: the improvement ratio.
    pub improved: f64,
    /// Share of the bins with exactly the same error; the rest is worse than the reference.
    pub tied: f64,
    /// Mean of the gains: the reference's MAE less the method's, log-normalised units.
    pub mean: f64,
}

impl Gain {
    /// The figures of a `map` of gains; `None` if it holds none.
    pub fn of(map: &Raster<f64>) -> Option<Self> {
        let gains = || map.values().iter().copied().filter(|gain| !gain.is_nan());
        let bins = gains().count();
        let mean = |of: fn(f64) -> f64| gains().map(of).sum::<f64>() / bins as f64;
        (bins > 0).then(|| Gain {
            improved: mean(|gain| f64::from(gain > 0.0)),
            tied: mean(|gain| f64::from(gain == 0.0)),
            mean: mean(|gain| gain),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::{Lattice, Sampling, Scale};

    #[test]
    fn gains_by_hand() {
        // (0, 0) is measured and (0, 2) outside the tissue; errors of the reference 1, 2, 1, 1 and of the method 0, 3, 1, 4.
        let tissue = Raster::from_vec(2, 3, vec![true, true, false, true, true, true]).unwrap();
        let regions = Regions::new(tissue, &Sampling::regular(Lattice::new(Scale::new(3).unwrap()), 2, 3));
        let image = |values: [f32; 6]| Raster::from_vec(2, 3, values.to_vec()).unwrap();
        let truth = image([5.0, 1.0, 0.0, 2.0, 3.0, 4.0]);
        let reference = image([5.0, 0.0, 9.0, 0.0, 2.0, 3.0]);
        let predicted = image([5.0, 1.0, 0.0, 5.0, 4.0, f32::NAN]);
        let map = gain_map(&regions, &truth, &reference, &predicted);
        assert!(map[(0, 0)].is_nan() && map[(0, 2)].is_nan());
        assert_eq!([map[(0, 1)], map[(1, 0)], map[(1, 1)], map[(1, 2)]], [1.0, -1.0, 0.0, -3.0]);
        assert_eq!(Gain::of(&map), Some(Gain { improved: 0.25, tied: 0.25, mean: -0.75 }));
        assert_eq!(Gain::of(&map.map(|_| f64::NAN)), None);
    }
}
