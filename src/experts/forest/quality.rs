//! Tests of the forest as a whole.

use super::*;
use std::ops::Range;

/// Number `index` of a sequence of uniform numbers in [0, 1) that any language can compute: SplitMix64 (Steele et al. 2014), its upper 24 bits.
fn unit(index: u64) -> f64 {
    let mut z = (index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 40) as f64 / (1u64 << 24) as f64
}

/// Features [rows, columns] that are `unit(16 row + column)`, and targets by `target` of the row's 16 uniform numbers.
fn generated(rows: Range<u64>, columns: usize, target: impl Fn(&[f64]) -> f64) -> (Features, Vec<f32>) {
    let numbers = |row| (16 * row..16 * row + 16).map(unit).collect::<Vec<f64>>();
    let known = rows.clone().flat_map(|row| numbers(row).into_iter().take(columns).map(|value| value as f32));
    (Features::new(columns, known.collect()), rows.map(|row| target(&numbers(row)) as f32).collect())
}

/// Nearly normal: mean 0, variance 1.
fn noise(numbers: &[f64]) -> f64 {
    (numbers[10..16].iter().sum::<f64>() - 3.0) * 2f64.sqrt()
}

/// The best split is the one that explains everything, and columns that explain nothing do not blur it.
#[test]
fn a_step_is_learned_exactly() {
    let side = |u: &[f64]| if u[9] <= 0.4 { -1.0 } else { 2.5 };
    let (others, targets) = generated(0..400, 3, side);
    let beside = |row: usize| [&[targets[row]], others.row(row)].concat();
    let features = Features::new(4, (0..400).flat_map(beside).collect());
    let forest = Forest::grow(&features, &targets, &Settings { tried: 1.0, ..Settings::default() }, 1);
    for (row, target) in targets.iter().enumerate() {
        assert_eq!(forest.at(features.row(row)).pairs().collect::<Vec<_>>(), [(*target, 1.0)]);
        assert_eq!(forest.out_of_bag(row).expect("trees without it").shortest(1.0), (*target, *target));
    }
}

#[test]
fn a_leaf_has_its_members_and_a_tree_its_draws() {
    let (features, targets) = generated(0..300, 3, |u| u[0] + noise(u));
    for leaf in [1, 5, 40] {
        let settings = Settings { trees: 1, leaf, ..Settings::default() };
        let forest = Forest::grow(&features, &targets, &settings, 7);
        let members = forest.each(&features, |_, distribution| distribution.pairs().count());
        assert!(members.iter().all(|members| *members >= leaf));
        assert!(leaf == 1 || members.iter().any(|members| *members < 3 * leaf), "grown to the end");
        // 1 − e^(−0.7) of the rows are drawn.
        let drawn = (0..300).filter(|row| forest.out_of_bag(*row).is_none()).count();
        assert!((130..=172).contains(&drawn), "{drawn}");
    }
    let few = Settings { trees: 1, most: 10, ..Settings::default() };
    let forest = Forest::grow(&features, &targets, &few, 7);
    assert!((0..300).filter(|row| forest.out_of_bag(*row).is_none()).count() <= 10);
}

#[test]
fn what_cannot_be_split_is_one_leaf() {
    let same = Features::new(2, vec![1.0; 40]);
    let targets: Vec<f32> = (0..20u8).map(f32::from).collect();
    let forest = Forest::grow(&same, &targets, &Settings::default(), 1);
    let distribution = forest.at(&[0.0, 5.0]);
    assert_eq!(distribution.pairs().count(), 20);
    assert!((distribution.mean() - 9.5).abs() < 1.5);
    let one = Forest::grow(&Features::new(1, vec![3.0]), &[2.0], &Settings::default(), 1);
    assert_eq!(one.at(&[0.0]).shortest(0.9), (2.0, 2.0));
    assert_eq!(one.out_of_bag(0), None);
}

#[test]
fn threads_change_nothing_and_seeds_do() {
    let (features, targets) = generated(0..500, 4, |u| 3.0 * u[0] + noise(u));
    let answers = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let forest = Forest::grow(&features, &targets, &Settings::default(), seed);
            let all = forest.each(&features, |_, distribution| distribution.clone());
            (all, forest.each_out_of_bag(|_, distribution| distribution.cloned()))
        })
    };
    let (all, out_of_bag) = answers(1, 3);
    assert_eq!((&all, &out_of_bag), (&answers(2, 3).0, &answers(2, 3).1));
    assert_ne!(all, answers(2, 4).0);
    let forest = Forest::grow(&features, &targets, &Settings::default(), 3);
    for row in [0, 17, 499] {
        assert_eq!(forest.at(features.row(row)), all[row]);
        assert_eq!(forest.out_of_bag(row), out_of_bag[row]);
    }
}

#[test]
fn intervals_are_calibrated() {
    let heteroscedastic = |u: &[f64]| 4.0 * u[0] + (0.2 + 2.0 * u[1]) * noise(u);
    let (features, targets) = generated(0..3000, 4, heteroscedastic);
    let (news, truths) = generated(10_000..13_000, 4, heteroscedastic);
    let forest = Forest::grow(&features, &targets, &Settings::default(), 5);
    let inside = |distribution: &Distribution, truth: f32| {
        let (lower, upper) = distribution.shortest(0.9);
        let central = distribution.quantile(0.05)..=distribution.quantile(0.95);
        [(lower..=upper).contains(&truth), central.contains(&truth)]
    };
    let known =
        forest.each_out_of_bag(|row, distribution| inside(distribution.expect("trees without it"), targets[row]));
    let new = forest.each(&news, |row, distribution| inside(distribution, truths[row]));
    for cases in [known, new] {
        for kind in 0..2 {
            let covered = cases.iter().filter(|case| case[kind]).count() as f64 / cases.len() as f64;
            assert!((0.86..=0.94).contains(&covered), "{kind}: {covered}");
        }
    }
    // Noise is wider where it is said to be.
    let width = |row: &[f32]| {
        let (lower, upper) = forest.at(row).shortest(0.9);
        upper - lower
    };
    assert!(width(&[0.5, 0.95, 0.5, 0.5]) > 2.0 * width(&[0.5, 0.05, 0.5, 0.5]));
}

/// Friedman's first function (1991) of five of ten columns, noise of variance 1/2; 2,000 rows to learn, 1,000 to predict.
///
/// scikit-learn 1.9.1, `ExtraTreesRegressor(100, bootstrap=True, max_samples=.7, min_samples_leaf=5, max_features=.5)` on the same
/// float32 rows and targets: root mean square error 2.0075 in the mean of `random_state` 0 to 19, standard deviation 0.0136.
#[test]
fn as_good_as_scikit_learn() {
    let friedman = |u: &[f64]| {
        let smooth = 10.0 * (std::f64::consts::PI * u[0] * u[1]).sin() + 20.0 * (u[2] - 0.5).powi(2);
        smooth + 10.0 * u[3] + 5.0 * u[4] + noise(u) / 2f64.sqrt()
    };
    let (features, targets) = generated(0..2000, 10, friedman);
    let (news, truths) = generated(2000..3000, 10, friedman);
    assert_eq!(targets[..3], [24.500448, 24.082718, 6.9774876], "the data of the reference");
    let errors: Vec<f64> = (0..20)
        .map(|seed| {
            let forest = Forest::grow(&features, &targets, &Settings::default(), seed);
            let squares =
                forest.each(&news, |row, distribution| (distribution.mean() - f64::from(truths[row])).powi(2));
            (squares.iter().sum::<f64>() / squares.len() as f64).sqrt()
        })
        .collect();
    let error = errors.iter().sum::<f64>() / errors.len() as f64;
    assert!(error <= 1.03 * 2.0075, "{errors:?}");
}
