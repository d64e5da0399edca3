//! How a tree grows.

use super::features::Features;
use super::settings::Settings;
use super::tree::Tree;
use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use std::ops::Range;

/// What all trees of a forest grow on.
pub(super) struct Growth<'a> {
    pub features: &'a Features,
    pub targets: &'a [f32],
    /// Where each row's target is among the forest's.
    pub places: &'a [u32],
    pub settings: &'a Settings,
}

/// Where a node parts its rows, and how good that is.
struct Split {
    column: usize,
    threshold: f32,
    score: f64,
}

/// A drawn row.
#[derive(Clone, Copy)]
struct Member {
    row: u32,
    /// How often it was drawn.
    times: u32,
    target: f32,
}

impl Growth<'_> {
    /// Grows one tree, depth first.
    pub(super) fn tree(&self, mut rng: Xoshiro256PlusPlus) -> Tree {
        let draws = self.draw(&mut rng);
        let mut tree = Tree::root(&draws);
        let member = |(row, times): (usize, &u32)| Member { row: row as u32, times: *times, target: self.targets[row] };
        let mut members: Vec<Member> = draws.iter().enumerate().filter(|(_, times)| **times > 0).map(member).collect();
        let mut columns: Vec<usize> = (0..self.features.columns()).collect();
        let mut column_values = Vec::new();
        let mut leaf = Vec::new();
        let mut open: Vec<(usize, Range<usize>)> = vec![(0, 0..members.len())];
        while let Some((node, range)) = open.pop() {
            let here = &mut members[range.clone()];
            if let Some(split) = self.split(here, &mut columns, &mut column_values, &mut rng) {
                let middle = range.start + self.part(here, &split);
                let child = tree.split(node, split.column, split.threshold);
                open.push((child + 1, middle..range.end));
                open.push((child, range.start..middle));
            } else {
                leaf.clear();
                leaf.extend(here.iter().map(|member| (self.places[member.row as usize], member.times)));
                leaf.sort_unstable();
                tree.close(node, &leaf);
            }
        }
        tree
    }

    /// How often each row is drawn.
    fn draw(&self, rng: &mut Xoshiro256PlusPlus) -> Vec<u32> {
        let rows = self.features.rows();
        let wanted = (self.settings.share * rows as f64).round() as usize;
        let mut draws = vec![0; rows];
        for _ in 0..wanted.min(self.settings.most).max(1) {
            draws[rng.random_range(0..rows)] += 1;
        }
        draws
    }

    /// The best of one random threshold in each of some random columns; `None` if the members stay together.
    ///
    /// Best is the greatest reduction of the variance (Geurts et al. 2006, appendix A), which is the greatest sum of Σ²/weight over both sides.
    /// As in their algorithm, columns that are constant here are not among those tried.
    fn split(
        &self,
        members: &[Member],
        columns: &mut [usize],
        values: &mut Vec<f32>,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Option<Split> {
        let pure = members.iter().all(|member| member.target == members[0].target);
        if members.len() < 2 * self.settings.leaf.max(1) || pure {
            return None;
        }
        let (weight, sum) = totals(members.iter());
        let mut left_to_try = ((self.settings.tried * columns.len() as f64) as usize).max(1);
        let mut best: Option<Split> = None;
        for next in 0..columns.len() {
            columns.swap(next, rng.random_range(next..columns.len()));
            let column = columns[next];
            values.clear();
            values.extend(members.iter().map(|member| self.features.row(member.row as usize)[column]));
            let (least, greatest) =
                values.iter().fold((f32::MAX, f32::MIN), |(a, b), value| (a.min(*value), b.max(*value)));
            if least >= greatest {
                continue;
            }
            let threshold = between(least, greatest, rng);
            let (mut first, mut first_weight, mut first_sum) = (0, 0.0, 0.0);
            for (value, member) in values.iter().zip(members) {
                let inside = *value <= threshold;
                let times = f64::from(u8::from(inside)) * f64::from(member.times);
                first += usize::from(inside);
                first_weight += times;
                first_sum += times * f64::from(member.target);
            }
            if first.min(members.len() - first) >= self.settings.leaf.max(1) {
                let second_sum: f64 = sum - first_sum;
                let score = first_sum * first_sum / first_weight + second_sum * second_sum / (weight - first_weight);
                if best.as_ref().is_none_or(|best| score > best.score) {
                    best = Some(Split { column, threshold, score });
                }
            }
            left_to_try -= 1;
            if left_to_try == 0 {
                break;
            }
        }
        best
    }

    /// Brings the members of the first child to the front; how many they are.
    fn part(&self, members: &mut [Member], split: &Split) -> usize {
        let mut first = 0;
        for next in 0..members.len() {
            if self.features.row(members[next].row as usize)[split.column] <= split.threshold {
                members.swap(first, next);
                first += 1;
            }
        }
        first
    }
}

/// The draws of `members`, and the sum of their targets.
fn totals<'a>(members: impl Iterator<Item = &'a Member>) -> (f64, f64) {
    members.fold((0.0, 0.0), |(weight, sum), member| {
        let times = f64::from(member.times);
        (weight + times, sum + times * f64::from(member.target))
    })
}

/// A random threshold that parts `least` from `greatest`: below the latter, also when rounded.
fn between(least: f32, greatest: f32, rng: &mut Xoshiro256PlusPlus) -> f32 {
    let threshold = least + rng.random::<f32>() * (greatest - least);
    if threshold < greatest { threshold } else { least }
}
