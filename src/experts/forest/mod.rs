//! Quantile regression forest: what values a target may have, given features of a row.
//!
//! Extremely randomised trees (Geurts, Ernst & Wehenkel 2006, Extra-Trees) on draws of the rows, and the distribution of the
//! target by the weights of leaves (Meinshausen 2006, equations 4 to 6).

mod distribution;
mod features;
mod growth;
#[cfg(test)]
mod quality;
mod settings;
mod tree;

pub use distribution::Distribution;
pub use features::Features;
pub use settings::Settings;

use growth::Growth;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use tree::Tree;

/// Trees that were grown on features and targets of the same rows.
pub struct Forest {
    features: Features,
    /// The different targets, ascending.
    targets: Vec<f32>,
    trees: Vec<Tree>,
}

/// What a query needs and the next one can use again.
struct Scratch {
    /// By place in the forest's targets; all 0 between queries.
    weights: Vec<f64>,
    /// The places whose weight is not 0.
    touched: Vec<u32>,
    distribution: Distribution,
}

impl Forest {
    /// Grows a forest on `targets`, [rows of `features`], all finite. The same `seed` gives the same forest on any number of threads.
    ///
    /// # Panics
    ///
    /// Without rows, columns or trees, or if there are not as many targets as rows.
    pub fn grow(features: &Features, targets: &[f32], settings: &Settings, seed: u64) -> Self {
        assert_eq!(features.rows(), targets.len(), "a target for every row");
        assert!(
            !targets.is_empty() && features.columns() > 0 && settings.trees > 0,
            "a forest needs rows, columns and trees"
        );
        let mut different = targets.to_vec();
        different.sort_unstable_by(f32::total_cmp);
        different.dedup();
        let place = |target: &f32| different.partition_point(|other| other < target) as u32;
        let places: Vec<u32> = targets.iter().map(place).collect();
        let growth = Growth { features, targets, places: &places, settings };
        let trees = streams(seed, settings.trees).into_par_iter().map(|rng| growth.tree(rng)).collect();
        Forest { features: features.clone(), targets: different, trees }
    }

    /// The distribution of the target at features `row`, [columns]: every tree weighs the same, and in it every draw of the
    /// leaf that the row falls into.
    pub fn at(&self, row: &[f32]) -> Distribution {
        let mut scratch = self.scratch();
        self.ask(row, &mut scratch, |_| true);
        scratch.distribution
    }

    /// The distribution of the target of row `index` of the training features, by the trees that did not draw it: `None` if all did.
    pub fn out_of_bag(&self, index: usize) -> Option<Distribution> {
        let mut scratch = self.scratch();
        let any = self.ask(self.features.row(index), &mut scratch, |tree| !tree.drew(index));
        any.then_some(scratch.distribution)
    }

    /// `map` of every row of `features` and its distribution ([`Forest::at`]), in parallel; results are in the order of the rows.
    pub fn each<T: Send>(&self, features: &Features, map: impl Fn(usize, &Distribution) -> T + Sync) -> Vec<T> {
        let rows = (0..features.rows()).into_par_iter();
        rows.map_init(
            || self.scratch(),
            |scratch, index| {
                self.ask(features.row(index), scratch, |_| true);
                map(index, &scratch.distribution)
            },
        )
        .collect()
    }

    /// `map` of every training row and its distribution out of bag ([`Forest::out_of_bag`]), in parallel, in the order of the rows.
    pub fn each_out_of_bag<T: Send>(&self, map: impl Fn(usize, Option<&Distribution>) -> T + Sync) -> Vec<T> {
        self.each_out_of_bag_at(None, map)
    }

    /// The same at other `features` of the training rows, where there are some.
    pub fn each_out_of_bag_at<T: Send>(
        &self,
        features: Option<&Features>,
        map: impl Fn(usize, Option<&Distribution>) -> T + Sync,
    ) -> Vec<T> {
        let rows = (0..self.features.rows()).into_par_iter();
        rows.map_init(
            || self.scratch(),
            |scratch, index| {
                let row = features.unwrap_or(&self.features).row(index);
                let any = self.ask(row, scratch, |tree| !tree.drew(index));
                map(index, any.then_some(&scratch.distribution))
            },
        )
        .collect()
    }

    fn scratch(&self) -> Scratch {
        let weights = vec![0.0; self.targets.len()];
        Scratch { weights, touched: Vec::new(), distribution: Distribution::empty() }
    }

    /// Puts the distribution at `row` by the trees that `counts` into `scratch`; whether there were any.
    fn ask(&self, row: &[f32], scratch: &mut Scratch, counts: impl Fn(&Tree) -> bool) -> bool {
        assert_eq!(row.len(), self.features.columns(), "the columns of the training features");
        let Scratch { weights, touched, distribution } = scratch;
        for tree in self.trees.iter().filter(|tree| counts(tree)) {
            for (place, share) in tree.leaf(row) {
                let weight = &mut weights[place as usize];
                if *weight == 0.0 {
                    touched.push(place);
                }
                *weight += share;
            }
        }
        touched.sort_unstable();
        let taken = touched.drain(..).map(|place| place as usize);
        distribution.fill(taken.map(|place| (self.targets[place], std::mem::take(&mut weights[place]))))
    }
}

/// A stream for each tree, which never meets another's: 2^128 numbers apart (Blackman & Vigna 2021, the jump of xoshiro256++).
fn streams(seed: u64, trees: usize) -> Vec<Xoshiro256PlusPlus> {
    let mut next = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut stream = || {
        let stream = next.clone();
        next.jump();
        stream
    };
    (0..trees).map(|_| stream()).collect()
}
