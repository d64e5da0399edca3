//! What is known of genes by several methods, found by both.

use super::charts::Series;
use crate::scoring::Outcome;
use std::collections::HashMap;

/// A `T` for genes and methods.
pub(super) struct Known<'a, T> {
    /// The genes of which anything is known, in the order of the dataset.
    pub(super) genes: Vec<&'a str>,
    /// The labels of the methods of which anything is, and their colours.
    pub(super) methods: Vec<(&'a str, &'static str)>,
    all: HashMap<(&'a str, &'a str), &'a T>,
}

impl<'a, T> Known<'a, T> {
    /// `all` of an outcome, gene by gene; `names` tells the gene and the method of one of them. `colours` are those of all methods.
    pub(super) fn new(
        outcome: &'a Outcome,
        colours: &[&'static str],
        all: &'a [T],
        names: fn(&T) -> (&str, &str),
    ) -> Self {
        let mut genes: Vec<&str> = all.iter().map(|one| names(one).0).collect();
        genes.dedup();
        let methods = outcome.methods.iter().map(|method| method.label.as_str()).zip(colours.iter().copied());
        let methods = methods.filter(|(label, _)| all.iter().any(|one| names(one).1 == *label)).collect();
        Known { genes, methods, all: all.iter().map(|one| (names(one), one)).collect() }
    }

    /// What is known of a gene by a method.
    pub(super) fn get(&self, gene: &str, method: &str) -> Option<&'a T> {
        self.all.get(&(gene, method)).copied()
    }

    /// A series for each method.
    pub(super) fn series(&self) -> Vec<Series> {
        self.methods.iter().map(|(label, colour)| Series { label: (*label).to_owned(), colour }).collect()
    }

    /// What `of` says of `genes`, [gene][method].
    pub(super) fn values<V>(&self, genes: &[&str], of: impl Fn(&T) -> Option<V>) -> Vec<Vec<Option<V>>> {
        let row = |gene: &&str| self.methods.iter().map(|(method, _)| of(self.get(gene, method)?)).collect();
        genes.iter().map(row).collect()
    }
}
