//! What measured bins say of each prediction, with a truth or without: what predicted a gene, and what is to be expected of it.

use super::prediction::Prediction;
use crate::store::{Advice, Choice};
use serde::Serialize;

/// What is to be expected of a gene by one method.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expectation {
    /// The gene.
    pub gene: String,
    /// The label of the method.
    pub method: String,
    /// What the correlation that is expected says of its use.
    pub advice: Advice,
    /// What predicted it, why, and the figures.
    #[serde(flatten)]
    pub choice: Choice,
}

impl Expectation {
    /// Those of the `genes` that `predictions` tell anything of, gene by gene.
    pub(super) fn all(genes: &[&str], predictions: &[Prediction]) -> Vec<Self> {
        let of = |gene: &str, prediction: &Prediction| {
            let choice = prediction.choices.get(gene)?.clone();
            let method = prediction.label.clone();
            Some(Expectation { gene: gene.to_owned(), method, advice: choice.advice(), choice })
        };
        genes.iter().flat_map(|gene| predictions.iter().filter_map(|prediction| of(gene, prediction))).collect()
    }
}
