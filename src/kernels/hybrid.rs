//! A hybrid attention block as one operation (method.md §3): with n = LayerNorm(x),
//! y = x + WindowAttention(n) + α·CAB(n); the output is y + MLP(LayerNorm(y)).

use rayon::prelude::*;

use super::attention::WindowAttention;
use super::attention_gradient::AttentionGradients;
use super::channel_attention::{ChannelAttention, ChannelGradients, Gate, scale_channels};
use super::conv::{Taps, convolve};
use super::conv_gradient::weight_gradient;
use super::functions::{gelu_gradient, gelu_of};
use super::image::{Extent, Finish, Source};
use super::mlp::{Mlp, MlpGradients};
use super::norm::Norm;
use super::threads::Buffer;

/// Shapes and parameters of the block.
#[derive(Clone, Copy)]
pub(crate) struct HybridBlock<'a> {
    /// α, the weight of the channel attention branch.
    pub(crate) alpha: f32,
    pub(crate) norm: Norm<'a>,
    pub(crate) attention: WindowAttention<'a>,
    /// The channel attention branch: conv3×3 to fewer channels, GELU, conv3×3 back, gates.
    pub(crate) conv1: (&'a [f32], &'a [f32]),
    pub(crate) conv2: (&'a [f32], &'a [f32]),
    pub(crate) channels: ChannelAttention<'a>,
    pub(crate) mlp: Mlp<'a>,
}

/// What the backward pass reads besides the input.
pub(crate) struct Kept {
    /// Of the first convolution, before GELU.
    compressed: Buffer,
    /// Of the second convolution, before the gates.
    expanded: Buffer,
    gates: Vec<Gate>,
    attention: Buffer,
    /// The input of the second LayerNorm.
    middle: Buffer,
}

/// Gradients, in the order and shapes of the inputs.
pub(crate) struct HybridGradients {
    pub(crate) input: Vec<f32>,
    pub(crate) norm: (Vec<f32>, Vec<f32>),
    pub(crate) attention: AttentionGradients,
    pub(crate) conv1: (Vec<f32>, Vec<f32>),
    pub(crate) conv2: (Vec<f32>, Vec<f32>),
    pub(crate) channels: ChannelGradients,
    pub(crate) mlp: MlpGradients,
}

impl HybridBlock<'_> {
    fn extent(&self) -> Extent {
        self.attention.extent
    }

    /// The output `[pixels, channels]`, and what the backward pass reads.
    pub(crate) fn forward(&self, x: &[f32]) -> (Vec<f32>, Kept) {
        let (extent, pixels) = (self.extent(), self.extent().pixels());
        let (c, few) = (self.conv2.1.len(), self.conv1.1.len());
        let mut normal = Buffer::scratch(x.len());
        self.norm.apply(x, &mut normal);

        let mut compressed = Buffer::scratch(pixels * few);
        let finish = Finish { bias: Some(self.conv1.1), ..Finish::default() };
        let source = Source { values: &normal, channels: c };
        convolve(extent, &[source], &Taps::forward(self.conv1.0, few, 3), finish, &mut compressed);
        let mut active = Buffer::scratch(pixels * few);
        gelu_of(&compressed, &mut active);
        let mut expanded = Buffer::scratch(x.len());
        let finish = Finish { bias: Some(self.conv2.1), ..Finish::default() };
        let source = Source { values: &active, channels: few };
        convolve(extent, &[source], &Taps::forward(self.conv2.0, c, 3), finish, &mut expanded);

        let gates = self.channels.gates(&expanded, extent.batch);
        let mut middle = Buffer::scratch(x.len());
        self.add_gated(x, &expanded, &gates, &mut middle);
        let mut attention = Buffer::scratch(self.attention.windows() * self.attention.kept());
        self.attention.forward(&normal, &mut middle, &mut attention);
        let mut out = vec![0.0; x.len()];
        self.mlp.forward(&middle, &mut out);
        (out, Kept { compressed, expanded, gates, attention, middle })
    }

    /// `out = x + α · gate · expanded`.
    fn add_gated(&self, x: &[f32], expanded: &[f32], gates: &[Gate], out: &mut [f32]) {
        let image = x.len() / gates.len();
        let images = x.par_chunks(image).zip(expanded.par_chunks(image)).zip(gates);
        out.par_chunks_mut(image).zip(images).for_each(|(out, ((x, expanded), gate))| {
            let factor: Vec<f32> = gate.gate.iter().map(|gate| self.alpha * gate).collect();
            scale_channels(expanded, &factor, x, out);
        });
    }

    /// All gradients, given the input, what `forward` kept, and the gradient of the output.
    pub(crate) fn backward(&self, x: &[f32], kept: &Kept, grad: &[f32]) -> HybridGradients {
        let mut middle = Buffer::scratch(x.len());
        let mlp = self.mlp.backward(&kept.middle, grad, &mut middle);
        let mut normal = Buffer::scratch(x.len());
        self.norm.apply(x, &mut normal);
        let mut normal_grad = Buffer::scratch(x.len());
        let (conv1, conv2, channels) = self.compressed_backward(&normal, kept, &middle, &mut normal_grad);
        let attention = self.attention.backward(&normal, &kept.attention, &middle, &mut normal_grad);
        let mut input = middle.to_vec();
        let norm = self.norm.gradients(x, &normal_grad, &mut input);
        HybridGradients { input, norm, attention, conv1, conv2, channels, mlp }
    }

    /// The backward pass of α·CAB, given its input and the gradient of its output; writes the
    /// gradient of its input to `out`.
    #[allow(clippy::type_complexity)]
    fn compressed_backward(
        &self,
        normal: &[f32],
        kept: &Kept,
        grad: &[f32],
        out: &mut [f32],
    ) -> ((Vec<f32>, Vec<f32>), (Vec<f32>, Vec<f32>), ChannelGradients) {
        let extent = self.extent();
        let (c, few) = (self.conv2.1.len(), self.conv1.1.len());
        let mut wide = Buffer::scratch(normal.len());
        let channels = self.channels.backward(&kept.expanded, &kept.gates, self.alpha, grad, &mut wide);
        let wide = Source { values: &wide, channels: c };

        let mut active = Buffer::scratch(kept.compressed.len());
        gelu_of(&kept.compressed, &mut active);
        let source = Source { values: &active, channels: few };
        // Side by side: what each does alone at its beginning or end, the other hides.
        let (conv2, narrow) = rayon::join(
            || weight_gradient(extent, &[source], 3, wide),
            || {
                let mut narrow = Buffer::scratch(kept.compressed.len());
                let taps = Taps::backward(&[(self.conv2.0, c)], 0..few, 3);
                convolve(extent, &[wide], &taps, Finish::default(), &mut narrow);
                gelu_gradient(&kept.compressed, &mut narrow);
                narrow
            },
        );

        let narrow = Source { values: &narrow, channels: few };
        let source = Source { values: normal, channels: c };
        let (conv1, ()) = rayon::join(
            || weight_gradient(extent, &[source], 3, narrow),
            || {
                let taps = Taps::backward(&[(self.conv1.0, few)], 0..c, 3);
                convolve(extent, &[narrow], &taps, Finish::default(), out);
            },
        );
        (conv1, conv2, channels)
    }
}
