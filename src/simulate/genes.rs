//! Invented genes: where each is expressed, and how strongly.

use super::anatomy::{Field, Site};
use rand::{Rng, RngExt};

/// Where a gene is expressed.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// In the walls of ducts: thin, sharp rings.
    Duct,
    /// In a band that many µm below the tissue's border.
    Layer(f64, f64),
    /// In compact islands.
    Island,
    /// Smoothly varying.
    Smooth(Field),
    /// Everywhere alike.
    Housekeeping,
}

/// A gene of a synthetic panel.
#[derive(Clone, Debug)]
pub(super) struct SimulatedGene {
    /// Its name, which tells its pattern: DUCT1, LAYER2, ISLAND3, SMOOTH4, HOUSE5.
    pub name: String,
    /// Where it is expressed.
    pub pattern: Pattern,
    /// Its share of a bin's molecules where it is fully expressed, before shares are normalised.
    pub strength: f64,
    /// The fraction of `strength` that is left where it is not expressed.
    pub background: f64,
}

impl SimulatedGene {
    /// Goes `depth` µm deeper into the block.
    pub(super) fn go_down(&mut self, depth: f64, rng: &mut impl Rng) {
        if let Pattern::Smooth(field) = &mut self.pattern {
            field.go_down(depth, rng);
        }
    }

    /// Its weight at a site.
    pub(super) fn weight(&self, site: &Site) -> f64 {
        let on = match &self.pattern {
            Pattern::Duct => site.duct,
            Pattern::Layer(from, to) => site.layer(*from, *to),
            Pattern::Island => site.island,
            Pattern::Smooth(field) => 1.0 / (1.0 + (-3.0 * field.at(site.x, site.y)).exp()),
            Pattern::Housekeeping => 1.0,
        };
        self.strength * (self.background + (1.0 - self.background) * on)
    }
}

/// `count` genes, the patterns in turn, strengths spread over two orders of magnitude.
pub(super) fn panel(count: usize, rng: &mut impl Rng) -> Vec<SimulatedGene> {
    let gene = |index: usize| {
        let (name, pattern) = match index % 5 {
            0 => ("DUCT", Pattern::Duct),
            1 => {
                let from = 30.0 + 400.0 * rng.random::<f64>();
                ("LAYER", Pattern::Layer(from, from + 120.0 + 250.0 * rng.random::<f64>()))
            }
            2 => ("ISLAND", Pattern::Island),
            3 => ("SMOOTH", Pattern::Smooth(Field::random(300.0 + 500.0 * rng.random::<f64>(), rng))),
            _ => ("HOUSE", Pattern::Housekeeping),
        };
        SimulatedGene {
            name: format!("{name}{}", index + 1),
            pattern,
            strength: 10f64.powf(2.0 * rng.random::<f64>() - 1.0),
            background: 0.02 + 0.06 * rng.random::<f64>(),
        }
    };
    (0..count).map(gene).collect()
}
