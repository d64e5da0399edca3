//! How values differ with their distance: the empirical variogram (Cressie, 1993, chapter 2).

use super::Raster;

/// Classes of distance, at most.
const CLASSES: usize = 12;

/// Half the mean squared difference of pairs of bins, by distance.
#[derive(Clone, Debug, PartialEq)]
pub struct Lag {
    /// Mean distance of the pairs, in bins.
    pub distance: f64,
    /// Half the mean of their squared differences.
    pub semivariance: f64,
    /// Number of pairs.
    pub pairs: f64,
}

/// How pairs of bins are put into lags.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lags {
    /// By distance, in classes as wide as the measured bins are apart: at most 12 `spacing`s (bins), or half the grid's diagonal.
    Classes {
        /// How far apart the measured bins are.
        spacing: f64,
    },
    /// Every offset by itself, up to `reach` bins.
    Offsets {
        /// The longest of them.
        reach: f64,
    },
}

impl Lags {
    /// The longest distance on a grid of this shape.
    fn reach(self, (rows, cols): (usize, usize)) -> f64 {
        match self {
            Lags::Classes { spacing } => (CLASSES as f64 * spacing).min((rows as f64).hypot(cols as f64) / 2.0),
            Lags::Offsets { reach } => reach,
        }
    }

    /// The difference of two values: by offset to the precision that values have, as calibrations that are kept with weights
    /// were computed.
    fn difference(self, a: f32, b: f32) -> f64 {
        match self {
            Lags::Classes { .. } => f64::from(a) - f64::from(b),
            Lags::Offsets { .. } => f64::from(a - b),
        }
    }
}

/// The empirical variogram (Matheron's estimator) of `values` over the bins that are `known`, both [rows, cols]: the `lags` that
/// hold pairs. No other bin of `values` is read.
pub fn empirical(values: &Raster<f32>, known: &Raster<bool>, lags: Lags) -> Vec<Lag> {
    let (rows, cols) = values.shape();
    let reach = lags.reach((rows, cols));
    let bins: Vec<(i64, i64, f32)> = (0..rows * cols)
        .map(|i| (i / cols, i % cols))
        .filter(|at| known[*at])
        .map(|at| (at.0 as i64, at.1 as i64, values[at]))
        .collect();
    let mut found: Vec<Lag> = Vec::new();
    let half = reach as i64;
    // Every offset once: downwards, or to the right in the same row.
    for (down, right) in (0..=half).flat_map(|down| (-half..=half).map(move |right| (down, right))) {
        let distance = (down as f64).hypot(right as f64);
        if (down == 0 && right <= 0) || distance > reach {
            continue;
        }
        let class = match lags {
            Lags::Classes { spacing } => (distance / spacing).round().clamp(1.0, CLASSES as f64) as usize - 1,
            Lags::Offsets { .. } => found.len(),
        };
        if class >= found.len() {
            found.resize(class + 1, Lag { distance: 0.0, semivariance: 0.0, pairs: 0.0 });
        }
        let lag = &mut found[class];
        for &(row, col, value) in &bins {
            let (row, col) = (row + down, col + right);
            if row < rows as i64 && (0..cols as i64).contains(&col) && known[(row as usize, col as usize)] {
                lag.distance += distance;
                lag.semivariance += lags.difference(value, values[(row as usize, col as usize)]).powi(2) / 2.0;
                lag.pairs += 1.0;
            }
        }
        if let Lags::Offsets { .. } = lags {
            // Of pairs that are all as far apart it is the mean already, without rounding.
            lag.distance = distance;
        }
    }
    found.retain(|lag| lag.pairs > 0.0);
    for lag in &mut found {
        lag.semivariance /= lag.pairs;
        if let Lags::Classes { .. } = lags {
            lag.distance /= lag.pairs;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_semivariance_is_half_the_mean_squared_difference() {
        let values = Raster::from_vec(1, 5, vec![1.0, f32::NAN, 3.0, f32::NAN, 8.0]).unwrap();
        let known = Raster::from_fn(1, 5, |_, col| col % 2 == 0);
        let lags = empirical(&values, &known, Lags::Classes { spacing: 2.0 });
        // Pairs (1, 3) and (3, 8) are 2 bins apart; half the diagonal is 2.5 bins.
        assert_eq!(lags, [Lag { distance: 2.0, semivariance: (4.0 + 25.0) / 4.0, pairs: 2.0 }]);
    }

    proptest! {
        #[test]
        fn classes_hold_what_their_offsets_hold(bins in prop::collection::vec((0..9_u8, any::<bool>()), 80)) {
            let values = Raster::from_vec(8, 10, bins.iter().map(|(value, _)| f32::from(*value)).collect()).unwrap();
            let known = Raster::from_vec(8, 10, bins.iter().map(|(_, known)| *known).collect()).unwrap();
            let by_offset = empirical(&values, &known, Lags::Offsets { reach: 6.0 });
            let by_class = empirical(&values, &known, Lags::Classes { spacing: 0.5 });
            let sums = |lags: &[Lag]| {
                lags.iter().fold([0.0; 3], |[pairs, squares, length], lag| {
                    [pairs + lag.pairs, squares + lag.semivariance * lag.pairs, length + lag.distance * lag.pairs]
                })
            };
            for (offset, class) in sums(&by_offset).iter().zip(sums(&by_class)) {
                prop_assert!((offset - class).abs() < 1e-9 * (1.0 + class), "{by_offset:?} {by_class:?}");
            }
        }
    }
}
