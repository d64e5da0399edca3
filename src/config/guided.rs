//! What the network of a panel gets where its section has images; docs/guides.md has what that gives.

use super::Config;
use crate::network::CdcinConfig;
use crate::training::FitConfig;

/// Numbers that each gene has of its own, so that a stain may mean another thing for each.
const GENE_EMBEDDING: usize = 8;

/// Share of the examples that see no guide, so that the network also works without.
const GUIDE_DROPOUT: f64 = 0.25;

impl Config {
    /// This config with the first `count` guides of a section as further input channels of its network, and an embedding of each gene.
    pub fn guided(self, count: usize) -> Self {
        let input_channels = self.network.input_channels + count;
        let network = CdcinConfig { input_channels, gene_embedding: GENE_EMBEDDING, ..self.network };
        let fit = FitConfig { stains: count, guide_dropout: GUIDE_DROPOUT, ..self.fit };
        Config { network, fit, ..self }
    }
}
