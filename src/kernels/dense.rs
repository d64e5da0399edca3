//! A residual dense block: L convolutions 3×3 with ReLU, each reading the input and everything
//! before it, then a 1×1 fusion of all of them. Nothing is concatenated: a convolution reads its
//! inputs where they are.

use rayon::prelude::*;

use super::conv::{Taps, convolve};
use super::conv_gradient::weight_gradient;
use super::image::{Extent, Finish, Source};
use super::threads::Buffer;

/// Shapes and weights of a dense block.
#[derive(Clone, Copy)]
pub(crate) struct DenseBlock<'a> {
    /// Of the images.
    pub(crate) extent: Extent,
    /// Channels of the input and of the output.
    pub(crate) channels: usize,
    /// Weights `[growth, channels + i·growth, 3, 3]` and biases `[growth]` of each layer.
    pub(crate) layers: &'a [(&'a [f32], &'a [f32])],
    /// Weight `[channels, channels + L·growth, 1, 1]` and bias of the fusion.
    pub(crate) fusion: (&'a [f32], &'a [f32]),
}

/// Gradients, in the order and shapes of the inputs.
pub(crate) struct DenseGradients {
    pub(crate) input: Vec<f32>,
    pub(crate) layers: Vec<(Vec<f32>, Vec<f32>)>,
    pub(crate) fusion: (Vec<f32>, Vec<f32>),
}

impl DenseBlock<'_> {
    fn growth(&self) -> usize {
        self.layers[0].1.len()
    }

    /// The input and the outputs of the first layers.
    fn sources<'b>(&self, x: &'b [f32], outputs: &'b [Buffer]) -> Vec<Source<'b>> {
        let growth = self.growth();
        let outputs = outputs.iter().map(|values| Source { values, channels: growth });
        std::iter::once(Source { values: x, channels: self.channels }).chain(outputs).collect()
    }

    /// The output `[pixels, channels]`, and the outputs of the layers, which the backward pass reads.
    pub(crate) fn forward(&self, x: &[f32]) -> (Vec<f32>, Vec<Buffer>) {
        let (pixels, growth) = (self.extent.pixels(), self.growth());
        // Weights of all layers side by side: packed one by one, they are one thread's work.
        let (taps, fusion) = rayon::join(
            || self.layers.par_iter().map(|(weight, _)| Taps::forward(weight, growth, 3)).collect::<Vec<Taps>>(),
            || Taps::forward(self.fusion.0, self.channels, 1),
        );
        let mut outputs = Vec::with_capacity(self.layers.len());
        for ((_, bias), taps) in self.layers.iter().zip(&taps) {
            let mut out = Buffer::scratch(pixels * growth);
            let finish = Finish { bias: Some(bias), relu: true, ..Finish::default() };
            convolve(self.extent, &self.sources(x, &outputs), taps, finish, &mut out);
            outputs.push(out);
        }
        let mut fused = vec![0.0; pixels * self.channels];
        let finish = Finish { bias: Some(self.fusion.1), ..Finish::default() };
        convolve(self.extent, &self.sources(x, &outputs), &fusion, finish, &mut fused);
        (fused, outputs)
    }

    /// All gradients, given the input, what `forward` kept, and the gradient of the output.
    pub(crate) fn backward(&self, x: &[f32], outputs: &[Buffer], grad: &[f32]) -> DenseGradients {
        let (growth, depth) = (self.growth(), self.layers.len());
        let fused = Source { values: grad, channels: self.channels };
        let back: Vec<Back> = (0..depth + 1).into_par_iter().map(|reader| self.back(reader)).collect();
        // Gradients of the layers' outputs, before their ReLU, from the last layer to the first.
        let mut grads: Vec<Buffer> = Vec::with_capacity(depth);
        for layer in (0..depth).rev() {
            let mut out = Buffer::scratch(self.extent.pixels() * growth);
            self.input_gradient(&back[layer + 1], fused, &grads, Some(&outputs[layer]), &mut out);
            grads.insert(0, out);
        }
        let mut input = vec![0.0; self.extent.pixels() * self.channels];
        self.input_gradient(&back[0], fused, &grads, None, &mut input);
        let sources = self.sources(x, outputs);
        // Side by side, too: what each of them does alone at its end, the others' sums hide.
        let of_layer = |(layer, grad): (usize, &Buffer)| {
            weight_gradient(self.extent, &sources[..=layer], 3, Source { values: grad, channels: growth })
        };
        let (layers, fusion) = rayon::join(
            || grads.par_iter().enumerate().map(of_layer).collect(),
            || weight_gradient(self.extent, &sources, 1, fused),
        );
        DenseGradients { input, layers, fusion }
    }

    /// What gives the gradient of the channels that the layers from `reader` on read and those before it do not: the input's, or those of a
    /// layer's output.
    fn back(&self, reader: usize) -> Back {
        let first = self.channels + reader * self.growth();
        let wanted = if reader == 0 { 0..self.channels } else { first - self.growth()..first };
        let readers: Vec<_> = self.layers[reader..].iter().map(|(weight, bias)| (*weight, bias.len())).collect();
        Back {
            fusion: Taps::backward(&[(self.fusion.0, self.channels)], wanted.clone(), 1),
            readers: (!readers.is_empty()).then(|| Taps::backward(&readers, wanted, 3)),
        }
    }

    /// The gradient of some of the concatenated channels: what comes back from the fusion and from
    /// the layers that read them, whose gradients are `grads`.
    fn input_gradient(&self, back: &Back, fused: Source, grads: &[Buffer], gate: Option<&[f32]>, out: &mut [f32]) {
        let finish = Finish { gate: gate.filter(|_| back.readers.is_none()), ..Finish::default() };
        convolve(self.extent, &[fused], &back.fusion, finish, out);
        if let Some(readers) = &back.readers {
            let growth = self.growth();
            let grads: Vec<_> = grads.iter().map(|values| Source { values, channels: growth }).collect();
            convolve(self.extent, &grads, readers, Finish { add: true, gate, ..Finish::default() }, out);
        }
    }
}

/// Convolutions back to channels: of the fusion, and of the layers that read them, if there are any.
struct Back {
    fusion: Taps,
    readers: Option<Taps>,
}
