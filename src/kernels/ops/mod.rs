//! The kernels as operations on burn tensors, for the network: [`convolution`], [`dense_block`] and
//! [`hybrid_block`], each with its own backward pass. Images are channels-last `[b, h, w, c]`.
//!
//! They run where [`available`] says so; elsewhere the network composes burn's operations.

mod binding;
mod path;

#[cfg(feature = "gpu")]
pub(crate) use super::gpu::{
    Column, Copies, Dimensions, Plan, Products, RATES, Scattered, StepInput, TERMS, TOTAL, Taped, Terms, View, Written,
    adam_step, cascade, filled, follow, gene_numbers, losses, step_input, taped_cascade, total_gradient, write,
};
pub use path::{available, without};
#[cfg(feature = "gpu")]
pub(crate) use path::{cascade_available, cascade_on, on_cpu};

use burn::backend::DispatchTensor;
use burn::tensor::Tensor;

use self::binding::{Gradient, Inputs, MOST_INPUTS, run};
use super::attention::WindowAttention;
use super::channel_attention::ChannelAttention;
use super::conv::{Taps, convolve};
use super::conv_gradient::convolution_gradients;
use super::dense::DenseBlock;
use super::hybrid::HybridBlock;
use super::image::{Extent, Finish, Source};
use super::mlp::Mlp;
use super::norm::Norm;

/// A weight and its bias.
pub type Linear<const D: usize> = (Tensor<D>, Tensor<1>);

fn extent(x: &Tensor<4>) -> Extent {
    let [batch, height, width, _] = x.dims();
    Extent { batch, height, width }
}

fn push<const D: usize>(inputs: &mut Vec<DispatchTensor>, linear: Linear<D>) {
    inputs.extend([linear.0.into_dispatch(), linear.1.into_dispatch()]);
}

/// Convolution that keeps the size, with zeros beyond the border, of images whose channels lie side by side.
///
/// # Shapes
///
/// - images: `[b, h, w, ·]`, at least one and together of `inputs` channels
/// - weight: `[outputs, inputs, side, side]`, side 1 or 3; bias: `[outputs]`
/// - output: `[b, h, w, outputs]`
pub fn convolution(images: Vec<Tensor<4>>, weight: Linear<4>) -> Tensor<4> {
    fn sources<'a>(images: &[&'a [f32]], channels: &[usize]) -> Vec<Source<'a>> {
        images.iter().zip(channels).map(|(values, &channels)| Source { values, channels }).collect()
    }
    let extent = extent(&images[0]);
    let channels: Vec<usize> = images.iter().map(|image| image.dims()[3]).collect();
    let [outputs, _, side, _] = weight.0.dims();
    let mut inputs: Vec<DispatchTensor> = images.into_iter().map(Tensor::into_dispatch).collect();
    push(&mut inputs, weight);
    let shape = [extent.batch, extent.height, extent.width, outputs];
    run(inputs, shape, move |inputs: &Inputs| {
        let (images, parameters) = inputs.split_at(channels.len());
        let mut out = vec![0.0; extent.pixels() * outputs];
        let finish = Finish { bias: Some(parameters[1]), ..Finish::default() };
        let taps = Taps::forward(parameters[0], outputs, side);
        convolve(extent, &sources(images, &channels), &taps, finish, &mut out);
        let channels = channels.clone();
        let gradient: Gradient = Box::new(move |inputs, grad, wanted| {
            let (images, parameters) = inputs.split_at(channels.len());
            let mut first = 0;
            let ranges = channels.iter().zip(wanted).map(|(channels, wanted)| {
                first += channels;
                wanted.then_some(first - channels..first)
            });
            let (ranges, grad) = (ranges.collect::<Vec<_>>(), Source { values: grad, channels: outputs });
            let sources = sources(images, &channels);
            let found = convolution_gradients(extent, &sources, parameters[0], side, grad, &ranges);
            found.inputs.into_iter().chain([found.weight, found.bias]).collect()
        });
        (out, gradient)
    })
}

/// Whether a dense block with so many layers is within what [`dense_block`] can take.
pub fn dense_block_fits(layers: usize) -> bool {
    layers > 0 && 2 * layers + 3 <= MOST_INPUTS
}

/// Convolutions 3×3 with ReLU, each reading the input and all outputs before it, then a 1×1 fusion of all of them.
///
/// # Shapes
///
/// - x, output: `[b, h, w, c]`
/// - layers: as many as [`dense_block_fits`] admits, the i-th weight `[growth, c + i·growth, 3, 3]`
/// - fusion: `[c, c + layers·growth, 1, 1]`
pub fn dense_block(x: Tensor<4>, layers: Vec<Linear<4>>, fusion: Linear<4>) -> Tensor<4> {
    let (extent, shape) = (extent(&x), x.dims());
    let mut inputs = vec![x.into_dispatch()];
    layers.into_iter().chain([fusion]).for_each(|layer| push(&mut inputs, layer));

    /// Calls `f` with the block that the inputs describe.
    fn with<R>(inputs: &Inputs, extent: Extent, f: impl FnOnce(&DenseBlock) -> R) -> R {
        let pairs: Vec<_> = inputs[1..].chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        let (fusion, layers) = pairs.split_last().unwrap_or_else(|| unreachable!("a block has a fusion"));
        f(&DenseBlock { extent, channels: fusion.1.len(), layers, fusion: *fusion })
    }
    run(inputs, shape, move |inputs: &Inputs| {
        let (out, kept) = with(inputs, extent, |block| block.forward(inputs[0]));
        let gradient: Gradient = Box::new(move |inputs, grad, _| {
            let found = with(inputs, extent, |block| block.backward(inputs[0], &kept, grad));
            let pairs = found.layers.into_iter().chain([found.fusion]);
            std::iter::once(found.input).chain(pairs.flat_map(|(weight, bias)| [weight, bias])).collect()
        });
        (out, gradient)
    })
}

/// The parameters of a hybrid attention block, in PyTorch's layouts; fewer = c / compress.
pub struct HybridParameters {
    /// LayerNorm before the attentions: `[c]`, `[c]`.
    pub norm1: Linear<1>,
    /// `[3c, c]`: queries, keys, values, each ordered by head.
    pub qkv: Linear<2>,
    /// `[c, c]`
    pub proj: Linear<2>,
    /// `[(2·window − 1)², heads]`
    pub relative_position_bias: Tensor<2>,
    /// `[fewer, c, 3, 3]`
    pub conv1: Linear<4>,
    /// `[c, fewer, 3, 3]`
    pub conv2: Linear<4>,
    /// `[c / squeeze, c, 1, 1]`
    pub squeeze: Linear<4>,
    /// `[c, c / squeeze, 1, 1]`
    pub excite: Linear<4>,
    /// LayerNorm before the MLP: `[c]`, `[c]`.
    pub norm2: Linear<1>,
    /// `[hidden, c]`
    pub fc1: Linear<2>,
    /// `[c, hidden]`
    pub fc2: Linear<2>,
}

/// What a hybrid attention block is besides its parameters.
#[derive(Debug, Clone, Copy)]
pub struct HybridShape {
    /// Side of an attention window; h and w are multiples of it.
    pub window: usize,
    /// Cyclic shift of the windows, 0 for none.
    pub shift: usize,
    /// Attention heads.
    pub heads: usize,
    /// Weight of the channel attention.
    pub alpha: f64,
}

/// n = LN(x); y = x + attention(n) + α·CAB(n); y + MLP(LN(y)) (method §3).
///
/// # Shapes
///
/// - x, output: `[b, h, w, c]`
pub fn hybrid_block(x: Tensor<4>, parameters: HybridParameters, block: HybridShape) -> Tensor<4> {
    let (extent, shape) = (extent(&x), x.dims());
    let p = parameters;
    let mut inputs = vec![x.into_dispatch()];
    push(&mut inputs, p.norm1);
    push(&mut inputs, p.qkv);
    push(&mut inputs, p.proj);
    [p.conv1, p.conv2, p.squeeze, p.excite].into_iter().for_each(|conv| push(&mut inputs, conv));
    push(&mut inputs, p.norm2);
    push(&mut inputs, p.fc1);
    push(&mut inputs, p.fc2);
    inputs.push(p.relative_position_bias.into_dispatch());
    run(inputs, shape, move |inputs: &Inputs| {
        let (out, kept) = hybrid(inputs, extent, block).forward(inputs[0]);
        let gradient: Gradient = Box::new(move |inputs, grad, _| {
            let g = hybrid(inputs, extent, block).backward(inputs[0], &kept, grad);
            let (attention, channels, mlp) = (g.attention, g.channels, g.mlp);
            let pairs = [g.norm, attention.qkv, attention.proj, g.conv1, g.conv2, channels.squeeze, channels.excite]
                .into_iter()
                .chain([mlp.norm, mlp.fc1, mlp.fc2]);
            let pairs = pairs.flat_map(|(weight, bias)| [weight, bias]);
            std::iter::once(g.input).chain(pairs).chain([attention.position_bias]).collect()
        });
        (out, gradient)
    })
}

/// The block that the inputs describe, in the order in which [`hybrid_block`] gives them.
fn hybrid<'a>(inputs: &Inputs<'a>, extent: Extent, block: HybridShape) -> HybridBlock<'a> {
    let pair = |i: usize| (inputs[2 * i + 1], inputs[2 * i + 2]);
    let norm = |i: usize| Norm { weight: pair(i).0, bias: pair(i).1 };
    HybridBlock {
        alpha: block.alpha as f32,
        norm: norm(0),
        attention: WindowAttention {
            extent,
            window: block.window,
            shift: block.shift,
            heads: block.heads,
            qkv: pair(1),
            proj: pair(2),
            position_bias: inputs[21],
        },
        conv1: pair(3),
        conv2: pair(4),
        channels: ChannelAttention { squeeze: pair(5), excite: pair(6) },
        mlp: Mlp { norm: norm(7), fc1: pair(8), fc2: pair(9) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    #[should_panic(expected = "plain path")]
    fn a_kernel_on_the_plain_path_panics() {
        let zeros = |shape| Tensor::<4>::zeros(shape, &Device::flex());
        let bias = Tensor::<1>::zeros([1], &Device::flex());
        without(|| convolution(vec![zeros([1, 4, 4, 1])], (zeros([1, 1, 3, 3]), bias)));
    }
}
