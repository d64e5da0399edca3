//! The residual dense hybrid attention network (RDHAN): one stage of the cascade.

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
        Rdhan { shallow1, shallow2, blocks, global_fusion1, global_fusion2, reconstruct }
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
}

impl Rdhan {
    /// The residual that this stage adds to its input.
    ///
    /// # Shapes
    ///
    /// - x: `[b, h, w, input_channels]`, h and w multiples of the window
    /// - output: `[b, h, w, 1]`
    pub fn forward(&self, x: Tensor<4>, windows: Option<&Windows>) -> Tensor<4> {
        let shallow = self.shallow1.forward(x);
        let mut features = self.shallow2.forward(shallow.clone());
        let mut outputs = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            features = block.forward(features, windows);
            outputs.push(features.clone());
        }
        let fused = self.global_fusion2.forward(self.global_fusion1.forward(Tensor::cat(outputs, 3)));
        self.reconstruct.forward(fused + shallow)
    }
}
