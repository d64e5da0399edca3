//! How much smaller errors are on bins that were learned than on those that were not.

use std::collections::BTreeMap;

/// The factor from errors over all measured bins to those of bins that were not learned, at least 1.
///
/// `scores` are errors in units of the expected one: of each bin its block, whether it was held out of the losses, and the
/// score. Held-out bins are few and lie in blocks, so that the ratio of the two means says more about those places than about
/// the network. It is therefore drawn towards 1 as far as its standard error over the blocks asks for (James and Stein's positive part, on
/// the logarithm): a network that learned its bins by heart is found out, chance is not taken for it.
pub(super) fn optimism(scores: impl Iterator<Item = (usize, bool, f64)>) -> f64 {
    let mut blocks: [BTreeMap<usize, (f64, f64)>; 2] = Default::default();
    for (block, held, score) in scores {
        let sums = blocks[usize::from(held)].entry(block).or_default();
        *sums = (sums.0 + 1.0, sums.1 + score);
    }
    let [Some((learned, learned_error)), Some((held, held_error))] = blocks.each_ref().map(mean) else { return 1.0 };
    if !(learned > 0.0 && held > learned) {
        return 1.0;
    }
    let ratio = (held / learned).ln();
    let error = (held_error / held).hypot(learned_error / learned);
    (ratio * (1.0 - (error / ratio).powi(2)).max(0.0)).exp()
}

/// The mean over blocks of (count, sum) and its standard error; `None` for fewer than two.
fn mean(blocks: &BTreeMap<usize, (f64, f64)>) -> Option<(f64, f64)> {
    let number = blocks.len() as f64;
    let (count, sum) = blocks.values().fold((0.0, 0.0), |all, block| (all.0 + block.0, all.1 + block.1));
    let mean = sum / count;
    let off = blocks.values().map(|(count, sum)| (sum - mean * count).powi(2)).sum::<f64>();
    (blocks.len() > 1).then(|| (mean, (off * number / (number - 1.0)).sqrt() / count))
}

#[cfg(test)]
mod tests {
    use super::optimism;

    /// 40 blocks of 25 bins, every fourth one held out; scores of blocks vary by a third around 1, times `factor` where held out.
    fn of(factor: f64) -> f64 {
        optimism((0..1000).map(|i| {
            let (block, held) = (i / 25, (i / 25) % 4 == 0);
            let here = [0.7, 1.3, 1.0][(block / 4) % 3];
            (block, held, here * if held { factor } else { 1.0 })
        }))
    }

    #[test]
    fn chance_is_left_alone_and_learning_by_heart_is_not() {
        assert_eq!(of(1.0), 1.0);
        assert_eq!(of(0.6), 1.0);
        assert_eq!(of(1.05), 1.0);
        let found = of(2.0);
        assert!((1.9..2.05).contains(&found), "{found}");
        assert_eq!(optimism([(0, false, 1.0), (1, false, 1.0)].into_iter()), 1.0);
    }
}
