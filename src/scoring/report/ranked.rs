//! Genes from the best to the worst, and which of many a page shows.

use super::limits::{CHARTED, LISTED, MOST_LISTED, ends};
use super::markup::grouped;

/// Genes in an order.
pub(super) struct Ranked<'a> {
    /// The best first; those whose place is not known last, in the order of the dataset.
    genes: Vec<&'a str>,
    /// As many have a place.
    known: usize,
    /// What the order is by, in words.
    by: String,
}

impl<'a> Ranked<'a> {
    /// The `genes` in the order of their `badness`, which is called `by`: the lowest first, those without any last.
    pub(super) fn new(genes: &[&'a str], by: String, badness: impl Fn(&str) -> Option<f64>) -> Self {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for gene in genes {
            match badness(gene) {
                Some(found) => known.push((found, *gene)),
                None => unknown.push(*gene),
            }
        }
        known.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        Ranked { known: known.len(), genes: known.into_iter().map(|(_, gene)| gene).chain(unknown).collect(), by }
    }

    /// Whether these are too many to show all of them.
    pub(super) fn are_many(&self) -> bool {
        self.genes.len() > MOST_LISTED
    }

    /// All of them.
    pub(super) fn all(&self) -> &[&'a str] {
        &self.genes
    }

    /// Those that are listed of many: the best, and the worst, the worst of all last.
    pub(super) fn listed(&self) -> [&[&'a str]; 2] {
        let [best, worst] = ends(self.known, LISTED);
        [&self.genes[..best], &self.genes[self.known - worst..self.known]]
    }

    /// What is listed, in words.
    pub(super) fn told(&self) -> String {
        let [best, worst] = self.listed();
        let all = grouped(self.genes.len());
        format!("The {} best and the {} worst of {all} genes, by {}.", best.len(), worst.len(), self.by)
    }

    /// Those that are rows of a chart: all, or of many some at even steps from the best to the worst.
    pub(super) fn charted(&self) -> Vec<&'a str> {
        let rows = self.known.min(CHARTED);
        let at = |row: usize| row * (self.known - 1) / (rows - 1).max(1);
        if self.are_many() { (0..rows).map(|row| self.genes[at(row)]).collect() } else { self.genes.clone() }
    }

    /// What is charted of many, in words.
    pub(super) fn charted_told(&self) -> Option<String> {
        let (rows, all) = (self.known.min(CHARTED), grouped(self.genes.len()));
        self.are_many().then(|| format!("{rows} of {all} genes, evenly through their order by {}", self.by))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_genes_the_ends_are_listed_and_even_steps_charted_without_those_of_unknown_place() {
        let names: Vec<String> = (0..1000).map(|i| i.to_string()).collect();
        let genes: Vec<&str> = names.iter().map(String::as_str).collect();
        // Of odd ones nothing is known; of the others the last is the best.
        let badness = |gene: &str| gene.parse().ok().filter(|place| place % 2.0 == 0.0).map(|place: f64| -place);
        let ranked = Ranked::new(&genes, "place".to_owned(), badness);
        let [best, worst] = ranked.listed();
        assert_eq!((best.len(), best[0], best[49]), (50, "998", "900"));
        assert_eq!((worst.len(), worst[0], worst[49]), (50, "98", "0"));
        let charted = ranked.charted();
        assert_eq!((charted.len(), charted[0], charted[79]), (CHARTED, "998", "0"));
        assert_eq!((ranked.all().len(), ranked.all()[500]), (1000, "1"));
        // Of few with a place none is at both ends.
        let few = Ranked::new(&genes, String::new(), |gene| badness(gene).filter(|found| *found >= -8.0));
        assert_eq!(few.listed(), [&["8", "6", "4"][..], &["2", "0"]]);
        assert_eq!(few.charted(), ["8", "6", "4", "2", "0"]);
    }

    #[test]
    fn all_of_few_genes_are_charted() {
        let ranked = Ranked::new(&["a", "b", "c"], String::new(), |gene| (gene != "a").then_some(0.0));
        assert!(!ranked.are_many() && ranked.charted_told().is_none());
        assert_eq!(ranked.charted(), ["b", "c", "a"]);
    }
}
