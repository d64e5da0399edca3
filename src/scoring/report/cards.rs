//! The genes whose pictures a report holds: the first of a panel, or of many that are scored the best and the worst.

use super::card::Card;
use super::figure::GeneFigure;
use super::limits::{MOST_LISTED, MOST_PICTURED, UNFOLDED, ends};
use super::order::Order;
use crate::Result;
use crate::scoring::Score;
use maud::{Markup, html};

/// The cards of a report, gathered gene by gene.
pub(crate) struct Cards<'a> {
    /// What decides of many scored genes; of others the first are shown.
    order: Option<Order<'a>>,
    /// The number of all genes.
    genes: usize,
    /// The side in bins of the blocks that maps show in one colour.
    block: usize,
    /// With the badness of their genes where an order decides, the best first.
    cards: Vec<(f64, Card)>,
    uncertain: bool,
}

impl<'a> Cards<'a> {
    /// None yet of this many `genes`; `order` is that of their scores, if they are scored. Maps will be in blocks of `block` × `block` bins.
    pub(crate) fn new(genes: usize, order: Option<Order<'a>>, block: usize) -> Self {
        Cards { order: order.filter(|_| genes > MOST_LISTED), genes, block, cards: Vec::new(), uncertain: false }
    }

    /// Makes the card of the next gene, which has these `scores`, if it is one of those that are shown; one that no longer is goes.
    pub(crate) fn add(&mut self, figure: &GeneFigure, scores: &[Score]) -> Result<()> {
        let Some(order) = &self.order else {
            return if self.cards.len() < MOST_PICTURED { self.put(self.cards.len(), 0.0, figure) } else { Ok(()) };
        };
        let Some(badness) = order.badness(scores) else { return Ok(()) };
        let at = self.cards.partition_point(|(other, _)| *other <= badness);
        let [best, _] = ends(MOST_PICTURED, MOST_PICTURED);
        if self.cards.len() < MOST_PICTURED {
            return self.put(at, badness, figure);
        }
        // Behind the best and before the worst of those that are here it is neither.
        if at == best {
            return Ok(());
        }
        self.put(at, badness, figure)?;
        self.cards.remove(best);
        Ok(())
    }

    fn put(&mut self, at: usize, badness: f64, figure: &GeneFigure) -> Result<()> {
        self.uncertain |= figure.is_uncertain();
        self.cards.insert(at, (badness, figure.card(self.block)?));
        Ok(())
    }

    /// Whether maps of uncertainty are among the pictures.
    pub(super) fn are_uncertain(&self) -> bool {
        self.uncertain
    }

    /// Which genes these are, where they are not all.
    pub(super) fn told(&self) -> Option<String> {
        let [best, worst] = ends(self.cards.len(), MOST_PICTURED);
        match &self.order {
            Some(order) => Some(format!("Here are the {best} best and the {worst} worst, by {}.", order.told())),
            None if self.genes > MOST_PICTURED => Some(format!("Here are the first {MOST_PICTURED}.")),
            None => None,
        }
    }

    /// The first card, to see what it is about.
    pub(super) fn first(&self) -> Markup {
        html! { @if let Some((_, card)) = self.cards.first() { (card.html(true)) } }
    }

    /// The others in sections of their own, the worst from the worst on.
    pub(super) fn others(&self) -> Markup {
        let others = self.cards.iter().skip(1).map(|(_, card)| card);
        if self.order.is_none() {
            return section("Maps of other genes", others, UNFOLDED - 1);
        }
        let [best, worst] = ends(self.cards.len(), MOST_PICTURED);
        let last = self.cards.iter().rev().map(|(_, card)| card).take(worst);
        html! {
            (section("Maps of the best genes", others.take(best.saturating_sub(1)), UNFOLDED / 2 - 1))
            (section("Maps of the worst genes", last, UNFOLDED / 2))
        }
    }
}

/// Cards below a heading, the first of them open; nothing without any.
fn section<'c>(heading: &str, cards: impl Iterator<Item = &'c Card>, open: usize) -> Markup {
    let mut cards = cards.enumerate().peekable();
    html! {
        @if cards.peek().is_some() {
            h2 { (heading) }
            @for (i, card) in cards { (card.html(i < open)) }
        }
    }
}
