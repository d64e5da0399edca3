//! What genes of a scored section are ordered by: how well the method that a reader looks for predicted them.

use super::limits::MOST_LISTED;
use super::ranked::Ranked;
use crate::scoring::{Outcome, Region, Score};
use std::collections::HashMap;

/// The method whose scores order the genes, and by what. Errors of different genes cannot be compared, but as multiples of a baseline's,
/// and correlations, they can. Of many genes, most of which have hardly a count, the multiples say least where they are most extreme.
pub(crate) struct Order<'a> {
    leader: &'a str,
    /// By the multiple of this one's error; by the correlation where there is none.
    baseline: Option<&'a str>,
}

impl<'a> Order<'a> {
    /// Of so many `genes`, by the first of the methods called `labels` that is not the `baseline`; where there is no other, by the baseline
    /// itself.
    pub(crate) fn new(labels: impl Iterator<Item = &'a str>, baseline: Option<&'a str>, genes: usize) -> Self {
        let other = labels.into_iter().find(|label| Some(*label) != baseline);
        match (other, baseline) {
            (Some(leader), _) => Order { leader, baseline: baseline.filter(|_| genes <= MOST_LISTED) },
            (None, alone) => Order { leader: alone.unwrap_or_default(), baseline: None },
        }
    }

    /// How badly the gene was predicted that these are the `scores` of: the lower the better; `None` where that is not known.
    pub(crate) fn badness(&self, scores: &[Score]) -> Option<f64> {
        let own = scores.iter().find(|score| score.region == Region::Unmeasured && score.method == self.leader)?;
        match self.baseline {
            Some(_) => own.value("mae_ratio"),
            None => own.value("pcc").map(|correlation| -correlation),
        }
    }

    /// What it is, in words.
    pub(super) fn told(&self) -> String {
        let leader = self.leader;
        match self.baseline {
            Some(baseline) => format!("the MAE of {leader} over the unmeasured bins as a multiple of {baseline}’s"),
            None => format!("the PCC of {leader} over the unmeasured bins"),
        }
    }
}

/// The `genes` of a section in the order of their scores.
pub(super) fn scored<'a>(outcome: &Outcome, genes: &[&'a str]) -> Ranked<'a> {
    let order = Order::new(
        outcome.methods.iter().map(|method| method.label.as_str()),
        outcome.baseline.as_deref(),
        genes.len(),
    );
    let scores = by_gene(outcome);
    Ranked::new(genes, order.told(), |gene| order.badness(scores.get(gene)?))
}

/// The scores of each gene, which stand together.
pub(super) fn by_gene(outcome: &Outcome) -> HashMap<&str, &[Score]> {
    let genes = outcome.scores.chunk_by(|one, next| one.gene == next.gene);
    genes.map(|own| (own[0].gene.as_str(), own)).collect()
}
