//! The residual dense hybrid attention network (RDHAN): one stage of the cascade.

use super::genes::Film;
use super::layers::{Conv, ConvConfig, Draw};
use super::rdhab::{Rdhab, RdhabConfig};
use super::window_attention::Windows;
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// Configuration of an [`Rdhan`].
#[derive(Clone, Debug)]
pub struct RdhanConfig {
    /// Channels of the input: expression and guides.
    pub input_channels: usize,
    /// Blocks in sequence.
    pub blocks: usize,
    /// The blocks.
    pub block: RdhabConfig,
    /// Start `reconstruct` at zero, so that an untrained stage changes nothing.
    pub zero_reconstruct: bool,
    /// Numbers of a gene's embedding that scale and shift features; 0 for none.
    pub gene_embedding: usize,
}

impl RdhanConfig {
    /// Initialise an [`Rdhan`] on `device`.
    pub fn init(&self, draw: &mut Draw, device: &Device) -> Rdhan {
        let c = self.block.channels;
        let shallow1 = ConvConfig::square(self.input_channels, c).init(draw, device);
        let shallow2 = ConvConfig::square(c, c).init(draw, device);
        let blocks = (0..self.blocks).map(|_| self.block.init(draw, device)).collect();
        let global_fusion1 = ConvConfig::pointwise(self.blocks * c, c).init(draw, device);
        let global_fusion2 = ConvConfig::square(c, c).init(draw, device);
        let reconstruct = ConvConfig::square(c, 1).init(draw, device);
        let reconstruct = if self.zero_reconstruct { reconstruct.zeroed() } else { reconstruct };
        let film = self.film(device);
        Rdhan { shallow1, shallow2, blocks, global_fusion1, global_fusion2, reconstruct, film }
    }

    /// Of the shallow features, of every block's, and of what is reconstructed from.
    pub(super) fn film(&self, device: &Device) -> Vec<Film> {
        let sites = if self.gene_embedding > 0 { self.blocks + 2 } else { 0 };
        (0..sites).map(|_| Film::new(self.block.channels, self.gene_embedding, device)).collect()
    }
}

/// One stage of the cascade.
///
/// # Params
///
/// - `shallow1`, `shallow2`: 3×3 convolutions input → C → C
/// - `blocks`: [`Rdhab`] in sequence, all outputs kept
/// - `global_fusion1`: 1×1 convolution blocks·C → C
/// - `global_fusion2`: 3×3 convolution C → C
/// - `reconstruct`: 3×3 convolution C → 1
/// - `film`: [`Film`] after `shallow1`, after every block and before `reconstruct`; empty where genes have no embedding
#[derive(Module, Debug)]
pub struct Rdhan {
    /// Input channels → C.
    pub shallow1: Conv,
    /// C → C.
    pub shallow2: Conv,
    /// In sequence.
    pub blocks: Vec<Rdhab>,
    /// blocks·C → C.
    pub global_fusion1: Conv,
    /// C → C.
    pub global_fusion2: Conv,
    /// C → 1.
    pub reconstruct: Conv,
    /// After `shallow1`, every block, and before `reconstruct`.
    pub film: Vec<Film>,
}

impl Rdhan {
    /// The residual that this stage adds to its input.
    ///
    /// # Shapes
    ///
    /// - images: `[b, h, w, ·]`, together of `input_channels`, h and w multiples of the window
    /// - embedded: `[b, embedding]` of the examples' genes, if they have any
    /// - output: `[b, h, w, 1]`
    pub fn forward(
        &self,
        images: Vec<Tensor<4>>,
        windows: Option<&Windows>,
        embedded: Option<&Tensor<2>>,
    ) -> Tensor<4> {
        let mut film = self.film.iter();
        let mut of_gene = |x: Tensor<4>| match (film.next(), embedded) {
            (Some(film), Some(embedded)) => film.forward(x, embedded.clone()),
            _ => x,
        };
        let shallow = of_gene(self.shallow1.forward_side_by_side(images));
        let mut features = self.shallow2.forward(shallow.clone());
        let mut outputs = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            features = of_gene(block.forward(features, windows));
            outputs.push(features.clone());
        }
        let fused = self.global_fusion2.forward(self.global_fusion1.forward(Tensor::cat(outputs, 3)));
        self.reconstruct.forward(of_gene(fused + shallow))
    }
}
