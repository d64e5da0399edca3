//! The channel attention block (CAB) of HAT: two convolutions whose output channels are weighed by a global summary.

use super::layers::{Conv, ConvConfig, Draw, exactly, gelu};
use burn::module::Module;
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Device, Tensor};

/// Configuration of a [`ChannelAttention`].
#[derive(Clone, Debug)]
pub struct ChannelAttentionConfig {
    /// Channels C of input and output.
    pub channels: usize,
    /// The convolutions pass through C / `compress` channels.
    pub compress: usize,
    /// The weights of the channels are computed through C / `squeeze` features.
    pub squeeze: usize,
}

impl ChannelAttentionConfig {
    /// Initialise a [`ChannelAttention`] on `device`.
    pub fn init(&self, draw: &mut Draw, device: &Device) -> ChannelAttention {
        let (c, inner, summary) = (self.channels, self.channels / self.compress, self.channels / self.squeeze);
        ChannelAttention {
            conv1: ConvConfig::square(c, inner).init(draw, device),
            conv2: ConvConfig::square(inner, c).init(draw, device),
            squeeze: ConvConfig::pointwise(c, summary).init(draw, device),
            excite: ConvConfig::pointwise(summary, c).init(draw, device),
        }
    }
}

/// Channel attention block.
///
/// # Params
///
/// - `conv1`, `conv2`: 3×3 convolutions C → C/compress → C with a GELU between them
/// - `squeeze`, `excite`: 1×1 convolutions C → C/squeeze → C on the mean over the image
#[derive(Module, Debug)]
pub struct ChannelAttention {
    /// 3×3, C → C/compress.
    pub conv1: Conv,
    /// 3×3, C/compress → C.
    pub conv2: Conv,
    /// 1×1, C → C/squeeze.
    pub squeeze: Conv,
    /// 1×1, C/squeeze → C.
    pub excite: Conv,
}

impl ChannelAttention {
    /// Applies the block.
    ///
    /// # Shapes
    ///
    /// - x, output: `[b, h, w, c]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = self.conv2.forward(gelu(self.conv1.forward(x)));
        let summary = relu(self.squeeze.forward(exactly(y.clone(), |y| y.mean_dims(&[1, 2]))));
        y * sigmoid(self.excite.forward(summary))
    }
}
