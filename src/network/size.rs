//! How many parameters a network has, counted without building it: what a file or a config asks for may not exist.

use super::CdcinConfig;
use crate::{Error, Result};

/// Most of any dimension, so that the count of what they make cannot overflow.
const LARGEST: usize = 1 << 16;

/// Parameters of the largest network that is built: 4 GiB of weights, 300 times the paper's.
const MOST: u128 = 1 << 30;

impl CdcinConfig {
    /// Number of parameters, which is the number of values in a checkpoint, without the genes' own embeddings. The config passes [`CdcinConfig::check`].
    pub fn parameters(&self) -> usize {
        usize::try_from(self.count()).unwrap_or(usize::MAX)
    }

    /// Refuses what is too large to be built, before anybody tries.
    pub(super) fn check_size(&self) -> Result<()> {
        let dimensions = [
            ("cascades", self.cascades),
            ("channels", self.channels),
            ("growth", self.growth),
            ("blocks", self.blocks),
            ("layers", self.layers),
            ("window", self.window),
            ("heads", self.heads),
            ("mlp_ratio", self.mlp_ratio),
            ("input_channels", self.input_channels),
            ("gene_embedding", self.gene_embedding),
        ];
        if let Some((key, value)) = dimensions.iter().find(|(_, value)| *value > LARGEST) {
            return Err(Error::Usage(format!("network.{key} is {value}; expected {LARGEST} at most")));
        }
        match self.count() {
            count if count > MOST => Err(Error::Usage(format!(
                "network: {count} parameters, expected {MOST} at most (the paper's network has 3310659). Lower \
                 network.channels, network.growth, network.blocks or network.cascades"
            ))),
            _ => Ok(()),
        }
    }

    /// The parameters of all layers, in their order.
    fn count(&self) -> u128 {
        let [c, growth, layers, blocks] = [self.channels, self.growth, self.layers, self.blocks].map(|n| n as u128);
        // Σ (c + i·growth) over the dense layers i.
        let seen = layers * c + growth * (layers * (layers - 1) / 2);
        let dense = 9 * seen * growth + layers * growth;
        let block = dense + map(c + layers * growth, c, 1) + 2 * self.hybrid_attention();
        let shallow = map(self.input_channels as u128, c, 9) + map(c, c, 9);
        let film = (blocks + 2) * 2 * c * self.gene_embedding as u128;
        let stage = shallow + blocks * block + map(blocks * c, c, 1) + map(c, c, 9) + map(c, 1, 9) + film;
        self.cascades as u128 * stage
    }

    fn hybrid_attention(&self) -> u128 {
        if !self.attention {
            return 0;
        }
        let [c, heads, hidden] = [self.channels, self.heads, self.channels * self.mlp_ratio].map(|n| n as u128);
        let [inner, summary] = [self.channels / self.compress, self.channels / self.squeeze].map(|n| n as u128);
        let offsets = (2 * self.window as u128 - 1).pow(2);
        let norms = 2 * 2 * c;
        let attention = map(c, 3 * c, 1) + map(c, c, 1) + offsets * heads;
        let channels = map(c, inner, 9) + map(inner, c, 9) + map(c, summary, 1) + map(summary, c, 1);
        norms + attention + channels + map(c, hidden, 1) + map(hidden, c, 1)
    }
}

/// A linear map of `inputs` × `places` numbers, such as a convolution of so many pixels, with a bias.
fn map(inputs: u128, outputs: u128, places: u128) -> u128 {
    inputs * outputs * places + outputs
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::module::Module;
    use burn::tensor::Device;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_count_is_that_of_the_network_that_is_built(
            (cascades, blocks, layers, growth) in (1..3_usize, 1..3_usize, 1..4_usize, 1..6_usize),
            (quarters, heads, window, mlp_ratio) in (1..4_usize, 1..3_usize, 1..4_usize, 1..4_usize),
            (input_channels, compress, squeeze) in (1..4_usize, 1..3_usize, 1..3_usize),
            (attention, gene_embedding) in (any::<bool>(), 0..4_usize),
        ) {
            let (channels, window) = (4 * quarters, 2 * window);
            let config = CdcinConfig {
                cascades, channels, growth, blocks, layers, window, heads, mlp_ratio, compress, squeeze, input_channels, attention,
                gene_embedding,
                ..CdcinConfig::default()
            };
            config.check().unwrap();
            prop_assert_eq!(config.parameters(), config.init(0, &Device::flex()).num_params());
        }
    }

    #[test]
    fn what_cannot_be_built_is_refused_at_once() {
        let normal = CdcinConfig::default();
        let (cascades, channels) = (CdcinConfig { cascades: 1_000_000, ..normal.clone() }, 1 << 16);
        let wide = CdcinConfig { channels, growth: channels, layers: channels, blocks: channels, ..normal };
        for (config, said) in
            [(cascades, "network.cascades is 1000000"), (wide, "parameters, expected 1073741824 at most")]
        {
            let error = config.check().unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(said), "{error}");
        }
    }
}
