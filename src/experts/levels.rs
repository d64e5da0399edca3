//! Which intervals hold a bin with the probability asked for.

use super::forest::{Distribution, Forest};
use super::said::Said;

/// Measured bins that intervals are calibrated on, at most.
const MOST_CALIBRATED: usize = 4096;

/// Shares of the distributions' weight that are tried for intervals.
const LEVELS: std::ops::RangeInclusive<usize> = 40..=99;

/// Fewer measured bins than this tell no interval from another.
const LEAST_CALIBRATED: usize = 50;

/// Measured bins at one distance, or neighbouring ones, that are calibrated by themselves.
const OF_A_DISTANCE: usize = 400;

/// Levels by the distance of a bin from its nearest measured one, ascending.
pub(super) struct Levels(Vec<Level>);

#[derive(Clone, Copy)]
struct Level {
    /// Bins as far away as this, in bins.
    up_to: f64,
    /// The share of the distribution's weight that the interval holds.
    level: f64,
    /// Deviations from the mean; not a number with too few measured bins to tell.
    reach: f64,
}

impl Levels {
    /// Those whose intervals hold `coverage` of the measured bins of about the same distance, out of bag. `distances` are those of the
    /// rows that `forest` learned from; without any, all bins are as far away.
    ///
    /// By the rank of split conformal prediction (Vovk et al., 2005): out of bag a bin is as new to its distribution as an unmeasured one.
    pub(super) fn of(forest: &Forest, targets: &[f32], coverage: f64, distances: Option<&[f64]>) -> Self {
        let every = targets.len().div_ceil(MOST_CALIBRATED).max(1);
        let needed = |index: usize, found: &Distribution| {
            let holds = |percent: &usize| {
                let (lower, upper) = found.shortest(*percent as f64 / 100.0);
                (lower..=upper).contains(&targets[index])
            };
            let said = Said::of(found, coverage, 1.0);
            Needed {
                distance: distances.map_or(0.0, |distances| distances[index]),
                level: LEVELS.clone().find(holds).unwrap_or(100) as f64 / 100.0,
                deviations: (f64::from(targets[index]) - said.mean).abs() / said.deviation.max(1e-6),
            }
        };
        let found = forest.each_out_of_bag(|index, found| {
            found.filter(|_| index.is_multiple_of(every)).map(|found| needed(index, found))
        });
        let mut found: Vec<Needed> = found.into_iter().flatten().collect();
        found.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        let mut levels: Vec<Level> = by_distance(&found).map(|bins| level(bins, coverage)).collect();
        if let Some(last) = levels.last_mut() {
            last.up_to = f64::INFINITY;
        }
        Levels(levels)
    }

    /// The level and the reach at a distance in bins.
    pub(super) fn at(&self, distance: f64) -> (f64, f64) {
        let class = self.0.iter().find(|class| distance <= class.up_to);
        class.map_or((1.0, f64::NAN), |class| (class.level, class.reach))
    }
}

/// What it takes to hold a measured bin.
struct Needed {
    distance: f64,
    level: f64,
    deviations: f64,
}

/// Bins in ascending order of their distance, in parts of equal or neighbouring distances: one part without any bins.
fn by_distance(bins: &[Needed]) -> impl Iterator<Item = &[Needed]> {
    let mut rest = Some(bins);
    std::iter::from_fn(move || {
        let bins = rest?;
        let farthest = bins.get(OF_A_DISTANCE - 1).map_or(f64::INFINITY, |bin| bin.distance);
        let end = bins.partition_point(|bin| bin.distance <= farthest);
        // What is left has to be enough for a part of its own.
        let end = if bins.len() - end < OF_A_DISTANCE { bins.len() } else { end };
        rest = Some(&bins[end..]).filter(|rest| !rest.is_empty());
        Some(&bins[..end])
    })
}

fn level(bins: &[Needed], coverage: f64) -> Level {
    let up_to = bins.last().map_or(f64::INFINITY, |bin| bin.distance);
    if bins.len() < LEAST_CALIBRATED {
        return Level { up_to, level: coverage, reach: f64::NAN };
    }
    let rank = ((bins.len() + 1) as f64 * coverage).ceil() as usize;
    let rank = rank.clamp(1, bins.len()) - 1;
    let at_rank = |of: fn(&Needed) -> f64| {
        let mut values: Vec<f64> = bins.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[rank]
    };
    Level { up_to, level: at_rank(|bin| bin.level).min(0.999), reach: at_rank(|bin| bin.deviations) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_parted_where_there_are_bins_enough() {
        let bins = |of: &[(f64, usize)]| {
            let all = of.iter().flat_map(|(distance, count)| std::iter::repeat_n(*distance, *count));
            all.map(|distance| Needed { distance, level: 0.5, deviations: distance }).collect::<Vec<_>>()
        };
        let sizes = |bins: &[Needed]| by_distance(bins).map(<[Needed]>::len).collect::<Vec<_>>();
        assert_eq!(sizes(&bins(&[(1.0, 900), (2.0, 300), (3.0, 200), (4.0, 399)])), [900, 899]);
        assert_eq!(sizes(&bins(&[(1.0, 900), (2.0, 300), (3.0, 200), (4.0, 400)])), [900, 500, 400]);
        assert_eq!(sizes(&bins(&[(0.0, 30)])), [30]);
        assert_eq!(sizes(&[]), [0]);
        let far = level(&bins(&[(2.0, 60), (3.0, 60)]), 0.9);
        assert_eq!((far.up_to, far.level, far.reach), (3.0, 0.5, 3.0));
    }
}
