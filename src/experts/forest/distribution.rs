//! A distribution over values that were seen.

/// Weighted values, in the units of the targets: ascending, all different, and their weights sum to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    values: Vec<f32>,
    /// The weight of all values up to and with this one; the last is 1.
    below: Vec<f64>,
}

/// How far sums of weights are trusted: a level that is missed by less is reached.
const ROUNDING: f64 = 1e-9;

impl Distribution {
    /// Room for pairs to [`Distribution::fill`] in.
    pub(super) fn empty() -> Self {
        Distribution { values: Vec::new(), below: Vec::new() }
    }

    /// The distribution of (value, weight) pairs in any order, weights of any scale, none negative, all finite. `None` without any weight.
    pub fn of(pairs: impl IntoIterator<Item = (f32, f64)>) -> Option<Self> {
        let mut pairs: Vec<(f32, f64)> = pairs.into_iter().filter(|(_, weight)| *weight > 0.0).collect();
        pairs.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        pairs.dedup_by(|(value, weight), (kept, sum)| {
            let same = value == kept;
            *sum += if same { *weight } else { 0.0 };
            same
        });
        let mut distribution = Distribution::empty();
        distribution.fill(pairs).then_some(distribution)
    }

    /// Takes over (value, weight) pairs that ascend and differ, with weights above 0; whether there were any.
    pub(super) fn fill(&mut self, pairs: impl IntoIterator<Item = (f32, f64)>) -> bool {
        self.values.clear();
        self.below.clear();
        let mut total = 0.0;
        for (value, weight) in pairs {
            total += weight;
            self.values.push(value);
            self.below.push(total);
        }
        self.below.iter_mut().for_each(|below| *below /= total);
        !self.values.is_empty()
    }

    /// The values and their weights, ascending.
    pub fn pairs(&self) -> impl Iterator<Item = (f32, f64)> {
        let weights = self.below.iter().scan(0.0, |before, below| Some(below - std::mem::replace(before, *below)));
        self.values.iter().copied().zip(weights)
    }

    /// The weighted mean.
    pub fn mean(&self) -> f64 {
        self.pairs().map(|(value, weight)| f64::from(value) * weight).sum()
    }

    /// The smallest value whose cumulative weight is at least `level`, 0 to 1.
    pub fn quantile(&self, level: f64) -> f32 {
        let place = self.below.partition_point(|below| *below < level - ROUNDING);
        self.values[place.min(self.values.len() - 1)]
    }

    /// The ends of the shortest interval between two values, both included, that holds at least `coverage` of the weight, 0 to 1;
    /// of equally short ones the lowest.
    ///
    /// Not the central interval: sparse genes have much weight at 0, and an interval that must leave out as much below as
    /// above cannot end there.
    pub fn shortest(&self, coverage: f64) -> (f32, f32) {
        let mut shortest = (self.values[0], self.values[self.values.len() - 1]);
        let (mut end, mut before) = (0, 0.0);
        for (start, below) in self.below.iter().enumerate() {
            while end < self.below.len() && self.below[end] - before < coverage - ROUNDING {
                end += 1;
            }
            let Some(&upper) = self.values.get(end) else { break };
            let lower = self.values[start];
            if upper - lower < shortest.1 - shortest.0 {
                shortest = (lower, upper);
            }
            end = end.max(start + 1);
            before = *below;
        }
        shortest
    }

    /// The probability of values above `limit`.
    pub fn share_above(&self, limit: f32) -> f64 {
        match self.values.partition_point(|value| *value <= limit) {
            0 => 1.0,
            place => 1.0 - self.below[place - 1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn distribution(pairs: &[(f32, f64)]) -> Distribution {
        Distribution::of(pairs.iter().copied()).expect("weights")
    }

    #[test]
    fn by_hand() {
        let dice = distribution(&[(3.0, 1.0), (0.0, 3.0), (1.0, 2.0), (0.0, 2.0), (7.0, 2.0)]);
        assert_eq!(dice.pairs().map(|(value, _)| value).collect::<Vec<_>>(), [0.0, 1.0, 3.0, 7.0]);
        assert!((dice.mean() - 1.9).abs() < 1e-12);
        assert_eq!(
            [0.0, 0.5, 0.51, 0.7, 0.8, 0.81, 1.0].map(|level| dice.quantile(level)),
            [0.0, 0.0, 1.0, 1.0, 3.0, 7.0, 7.0]
        );
        assert_eq!(
            [0.5, 0.7, 0.8, 0.9].map(|coverage| dice.shortest(coverage)),
            [(0.0, 0.0), (0.0, 1.0), (0.0, 3.0), (0.0, 7.0)]
        );
        assert!((dice.share_above(0.0) - 0.5).abs() < 1e-12 && (dice.share_above(2.0) - 0.3).abs() < 1e-12);
        assert_eq!((dice.share_above(-1.0), dice.share_above(7.0)), (1.0, 0.0));
        assert_eq!(Distribution::of([(1.0, 0.0)]), None);
    }

    #[test]
    fn of_equally_short_intervals_the_lowest() {
        assert_eq!(distribution(&[(1.0, 1.0), (2.0, 1.0), (3.0, 1.0), (4.0, 1.0)]).shortest(0.5), (1.0, 2.0));
        assert_eq!(distribution(&[(-2.0, 1.0), (5.0, 1.0)]).shortest(0.5), (-2.0, -2.0));
    }

    proptest! {
        /// Against the definitions, by trying every pair of values.
        #[test]
        fn as_defined(pairs in prop::collection::vec((-5i8..5, 1u8..6), 1..12), level in 0.01f64..1.0) {
            let pairs: Vec<(f32, f64)> = pairs.into_iter().map(|(value, weight)| (value.into(), weight.into())).collect();
            let total: f64 = pairs.iter().map(|(_, weight)| weight).sum();
            let holds = |lower: f32, upper: f32| {
                let inside = pairs.iter().filter(|(value, _)| (lower..=upper).contains(value));
                inside.map(|(_, weight)| weight).sum::<f64>() / total
            };
            let ours = distribution(&pairs);
            let mean = pairs.iter().map(|(value, weight)| f64::from(*value) * weight).sum::<f64>() / total;
            prop_assert!((ours.mean() - mean).abs() < 1e-9);
            let values = || pairs.iter().map(|(value, _)| *value);
            let reached = values().filter(|value| holds(f32::MIN, *value) >= level - ROUNDING);
            prop_assert_eq!(ours.quantile(level), reached.fold(f32::MAX, f32::min));
            let all = values().flat_map(|lower| values().map(move |upper| (lower, upper)));
            let wide = all.filter(|(lower, upper)| lower <= upper && holds(*lower, *upper) >= level - ROUNDING);
            let best = wide.min_by(|one, other| (one.1 - one.0).total_cmp(&(other.1 - other.0)).then(one.0.total_cmp(&other.0)));
            prop_assert_eq!(Some(ours.shortest(level)), best);
            prop_assert!((ours.share_above(0.0) + holds(f32::MIN, 0.0) - 1.0).abs() < 1e-9);
        }
    }
}
