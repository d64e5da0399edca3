//! The hybrid attention block (HAB) of HAT: window attention beside channel attention, then an MLP.

use super::channel_attention::{ChannelAttention, ChannelAttentionConfig};
use super::layers::{Draw, LayerNorm, Linear, LinearConfig, gelu};
use super::window_attention::{WindowAttention, WindowAttentionConfig, Windows};
use crate::kernels::ops;
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// Configuration of a [`HybridAttention`].
#[derive(Clone, Debug)]
pub struct HybridAttentionConfig {
    /// Channels C.
    pub channels: usize,
    /// Side of an attention window.
    pub window: usize,
    /// Attention heads; they divide C.
    pub heads: usize,
    /// α, the weight of the channel attention. Paper: 0.01
    pub alpha: f64,
    /// Hidden features of the MLP over C.
    pub mlp_ratio: usize,
    /// See [`ChannelAttentionConfig`].
    pub compress: usize,
    /// See [`ChannelAttentionConfig`].
    pub squeeze: usize,
}

impl HybridAttentionConfig {
    /// Initialise a [`HybridAttention`] on `device`, with windows as they lie or `shifted` by half their side.
    pub fn init(&self, shifted: bool, draw: &mut Draw, device: &Device) -> HybridAttention {
        let HybridAttentionConfig { channels, window, heads, compress, squeeze, .. } = *self;
        HybridAttention {
            norm1: LayerNorm::new(channels, device),
            norm2: LayerNorm::new(channels, device),
            attn: WindowAttentionConfig { channels, window, heads, shifted }.init(draw, device),
            cab: ChannelAttentionConfig { channels, compress, squeeze }.init(draw, device),
            mlp: MlpConfig { channels, ratio: self.mlp_ratio }.init(draw, device),
            alpha: self.alpha,
        }
    }
}

/// Hybrid attention block.
///
/// # Params
///
/// - `norm1`, `norm2`: [`LayerNorm`] before the attentions and before the MLP
/// - `attn`: [`WindowAttention`]
/// - `cab`: [`ChannelAttention`], added with weight `alpha`
/// - `mlp`: [`Mlp`]
#[derive(Module, Debug)]
pub struct HybridAttention {
    /// Before the attentions.
    pub norm1: LayerNorm,
    /// Before the MLP.
    pub norm2: LayerNorm,
    /// Attention among the pixels of a window.
    pub attn: WindowAttention,
    /// Attention among channels.
    pub cab: ChannelAttention,
    /// Per pixel.
    pub mlp: Mlp,
    /// α, the weight of the channel attention.
    pub alpha: f64,
}

impl HybridAttention {
    /// n = LN(x); x = x + attn(n) + α·cab(n); x + mlp(LN(x)).
    ///
    /// # Shapes
    ///
    /// - x, output: `[b, h, w, c]`, h and w multiples of the window
    pub fn forward(&self, x: Tensor<4>, windows: &Windows) -> Tensor<4> {
        if ops::available(&x) {
            return self.fused(x);
        }
        let n = self.norm1.forward(x.clone());
        let x = x + self.attn.forward(n.clone(), windows) + self.cab.forward(n) * self.alpha;
        x.clone() + self.mlp.forward(self.norm2.forward(x))
    }

    /// The same as one operation.
    fn fused(&self, x: Tensor<4>) -> Tensor<4> {
        let (attn, cab, mlp) = (&self.attn, &self.cab, &self.mlp);
        let parameters = ops::HybridParameters {
            norm1: self.norm1.parameters(),
            qkv: attn.qkv.parameters(),
            proj: attn.proj.parameters(),
            relative_position_bias: attn.relative_position_bias.val(),
            conv1: cab.conv1.parameters(),
            conv2: cab.conv2.parameters(),
            squeeze: cab.squeeze.parameters(),
            excite: cab.excite.parameters(),
            norm2: self.norm2.parameters(),
            fc1: mlp.fc1.parameters(),
            fc2: mlp.fc2.parameters(),
        };
        let shape = ops::HybridShape { window: attn.window, shift: attn.shift, heads: attn.heads, alpha: self.alpha };
        ops::hybrid_block(x, parameters, shape)
    }
}

/// Configuration of an [`Mlp`].
#[derive(Clone, Debug)]
pub struct MlpConfig {
    /// Channels C.
    pub channels: usize,
    /// Hidden features over C.
    pub ratio: usize,
}

impl MlpConfig {
    /// Initialise an [`Mlp`] on `device`.
    pub fn init(&self, draw: &mut Draw, device: &Device) -> Mlp {
        let (c, hidden) = (self.channels, self.channels * self.ratio);
        Mlp {
            fc1: LinearConfig { inputs: c, outputs: hidden }.init(draw, device),
            fc2: LinearConfig { inputs: hidden, outputs: c }.init(draw, device),
        }
    }
}

/// Two linear maps with an exact (erf) GELU between them.
///
/// # Params
///
/// - `fc1`: [`Linear`] C → ratio·C
/// - `fc2`: [`Linear`] ratio·C → C
#[derive(Module, Debug)]
pub struct Mlp {
    /// C → ratio·C.
    pub fc1: Linear,
    /// ratio·C → C.
    pub fc2: Linear,
}

impl Mlp {
    /// Applies the MLP to every pixel.
    ///
    /// # Shapes
    ///
    /// - x, output: `[b, h, w, c]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.fc2.forward(gelu(self.fc1.forward(x)))
    }
}
