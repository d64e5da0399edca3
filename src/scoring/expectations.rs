//! What measured bins say of each prediction, with a truth or without: what predicted a gene, and what is to be expected of it.

use super::prediction::Prediction;
use crate::store::{Advice, Choice, Expected, Predictor};
use serde::Serialize;
use std::collections::HashMap;

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
        genes.iter().flat_map(|gene| Self::of(gene, predictions)).collect()
    }

    /// Those of one gene.
    pub(super) fn of(gene: &str, predictions: &[Prediction]) -> Vec<Self> {
        let of = |prediction: &Prediction| {
            let choice = prediction.choices.get(gene)?.clone();
            let method = prediction.label.clone();
            Some(Expectation { gene: gene.to_owned(), method, advice: choice.advice(), choice })
        };
        predictions.iter().filter_map(of).collect()
    }

    /// Why it may be used or not, in words.
    pub(super) fn reason(&self) -> String {
        let Some(Expected { rmse_ratio, between: [least, most], correlation, .. }) = self.choice.expected else {
            return self.choice.why.clone();
        };
        if self.advice == Advice::Leave {
            let found = correlation.map_or("no correlation".to_owned(), |found| format!("a correlation of {found:.2}"));
            return format!("{found} with hidden bins: the map says little of the gene");
        }
        let beside = match self.choice.by {
            Predictor::Interpolation => "interpolated, as hidden bins were predicted best so",
            _ if most < 1.0 => "better than interpolation",
            _ if least > 1.0 => "worse than interpolation",
            _ if rmse_ratio < 0.995 => "probably better than interpolation",
            _ => "about as good as interpolation",
        };
        self.choice.network.as_ref().map_or(beside.to_owned(), |network| format!("{beside}; {network}"))
    }
}

/// A gene, and what is told of it, if anything is.
type Advised<'a> = (&'a str, Option<&'a Expectation>);

/// The genes by what is to be done with them, each of them once: as the first method that tells anything of it advises, not known
/// where none does.
pub(super) fn by_advice<'a>(genes: &[&'a str], expectations: &'a [Expectation]) -> [(Advice, Vec<Advised<'a>>); 3] {
    let told: HashMap<&str, &Expectation> = expectations.iter().rev().map(|one| (one.gene.as_str(), one)).collect();
    let of = |gene: &&'a str| (*gene, told.get(gene).copied());
    [Advice::Use, Advice::Leave, Advice::Unknown].map(|advice| {
        let own = genes.iter().map(of).filter(|(_, found)| found.map_or(Advice::Unknown, |one| one.advice) == advice);
        (advice, own.collect())
    })
}
