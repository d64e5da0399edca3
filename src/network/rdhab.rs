//! The residual dense hybrid attention block (RDHAB).

use super::hybrid_attention::{HybridAttention, HybridAttentionConfig};
use super::layers::{Conv, ConvConfig, Draw};
use super::window_attention::Windows;
use crate::kernels::ops;
use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

/// Configuration of an [`Rdhab`].
#[derive(Clone, Debug)]
pub struct RdhabConfig {
    /// Channels C of input and output.
    pub channels: usize,
    /// Channels G that each dense layer adds.
    pub growth: usize,
    /// Dense layers.
    pub layers: usize,
    /// The attention blocks; `None` leaves them out (the paper's ablation).
    pub attention: Option<HybridAttentionConfig>,
}

impl RdhabConfig {
    /// Initialise an [`Rdhab`] on `device`.
    pub fn init(&self, draw: &mut Draw, device: &Device) -> Rdhab {
        let (c, g) = (self.channels, self.growth);
        let dense = (0..self.layers).map(|i| ConvConfig::square(c + i * g, g).init(draw, device)).collect();
        let local_fusion = ConvConfig::pointwise(c + self.layers * g, c).init(draw, device);
        let mut attention = |shifted| self.attention.as_ref().map(|config| config.init(shifted, draw, device));
        Rdhab { dense, local_fusion, hab_regular: attention(false), hab_shifted: attention(true) }
    }
}

/// Residual dense hybrid attention block.
///
/// # Params
///
/// - `dense`: 3×3 convolutions, the i-th C + i·G → G on everything before it
/// - `local_fusion`: 1×1 convolution C + layers·G → C
/// - `hab_regular`, `hab_shifted`: [`HybridAttention`] with windows as they lie, and shifted by half a window
#[derive(Module, Debug)]
pub struct Rdhab {
    /// The i-th maps C + i·G → G.
    pub dense: Vec<Conv>,
    /// C + layers·G → C.
    pub local_fusion: Conv,
    /// Windows as they lie.
    pub hab_regular: Option<HybridAttention>,
    /// Windows shifted by half their side.
    pub hab_shifted: Option<HybridAttention>,
}

impl Rdhab {
    /// x + HAB(HAB(fusion(dense(x)))); `windows` is needed where the block has attention.
    ///
    /// # Shapes
    ///
    /// - x, output: `[b, h, w, c]`, h and w multiples of the window
    pub fn forward(&self, x: Tensor<4>, windows: Option<&Windows>) -> Tensor<4> {
        let mut y = self.dense_block(x.clone());
        for hab in [&self.hab_regular, &self.hab_shifted] {
            if let (Some(hab), Some(windows)) = (hab, windows) {
                y = hab.forward(y, windows);
            }
        }
        x + y
    }

    /// Each convolution sees the input and all outputs before it; `local_fusion` maps them back to C channels.
    fn dense_block(&self, x: Tensor<4>) -> Tensor<4> {
        if ops::available(&x) && ops::dense_block_fits(self.dense.len()) {
            let layers = self.dense.iter().map(Conv::parameters).collect();
            return ops::dense_block(x, layers, self.local_fusion.parameters());
        }
        let mut features = x;
        for conv in &self.dense {
            let new = relu(conv.forward(features.clone()));
            features = Tensor::cat(vec![features, new], 3);
        }
        self.local_fusion.forward(features)
    }
}
