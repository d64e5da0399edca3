//! A residual dense block: L convolutions 3×3 with ReLU, each reading the input and everything
//! before it, then a 1×1 fusion of all of them. Nothing is concatenated: a convolution reads its
//! inputs where they are.

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
        let mut outputs = Vec::with_capacity(self.layers.len());
        for (weight, bias) in self.layers {
            let taps = Taps::forward(weight, growth, 3);
            let mut out = Buffer::scratch(pixels * growth);
            let finish = Finish { bias: Some(bias), relu: true, ..Finish::default() };
            convolve(self.extent, &self.sources(x, &outputs), &taps, finish, &mut out);
            outputs.push(out);
        }
        let mut fused = vec![0.0; pixels * self.channels];
        let taps = Taps::forward(self.fusion.0, self.channels, 1);
        let finish = Finish { bias: Some(self.fusion.1), ..Finish::default() };
        convolve(self.extent, &self.sources(x, &outputs), &taps, finish, &mut fused);
        (fused, outputs)
    }

    /// All gradients, given the input, what `forward` kept, and the gradient of the output.
    pub(crate) fn backward(&self, x: &[f32], outputs: &[Buffer], grad: &[f32]) -> DenseGradients {
        let (growth, depth) = (self.growth(), self.layers.len());
        let fused = Source { values: grad, channels: self.channels };
        // Gradients of the layers' outputs, before their ReLU, from the last layer to the first.
        let mut grads: Vec<Buffer> = Vec::with_capacity(depth);
        for layer in (0..depth).rev() {
            let first = self.channels + layer * growth;
            let mut out = Buffer::scratch(self.extent.pixels() * growth);
            self.input_gradient(first..first + growth, fused, &grads, Some(&outputs[layer]), &mut out);
            grads.insert(0, out);
        }
        let mut input = vec![0.0; self.extent.pixels() * self.channels];
        self.input_gradient(0..self.channels, fused, &grads, None, &mut input);
        let sources = self.sources(x, outputs);
        let layers = grads.iter().enumerate().map(|(layer, grad)| {
            let grad = Source { values: grad, channels: growth };
            weight_gradient(self.extent, &sources[..=layer], 3, grad)
        });
        let fusion = weight_gradient(self.extent, &sources, 1, fused);
        DenseGradients { input, layers: layers.collect(), fusion }
    }

    /// The gradient of the concatenated channels `wanted`: what comes back from the fusion and from
    /// the last layers, whose gradients are `grads`.
    fn input_gradient(
        &self,
        wanted: std::ops::Range<usize>,
        fused: Source,
        grads: &[Buffer],
        gate: Option<&[f32]>,
        out: &mut [f32],
    ) {
        let fusion = Taps::backward(&[(self.fusion.0, self.channels)], wanted.clone(), 1);
        let last = grads.is_empty();
        let finish = Finish { gate: gate.filter(|_| last), ..Finish::default() };
        convolve(self.extent, &[fused], &fusion, finish, out);
        if last {
            return;
        }
        let readers = &self.layers[self.layers.len() - grads.len()..];
        let weights: Vec<_> = readers.iter().map(|(weight, bias)| (*weight, bias.len())).collect();
        let taps = Taps::backward(&weights, wanted, 3);
        let growth = self.growth();
        let grads: Vec<_> = grads.iter().map(|values| Source { values, channels: growth }).collect();
        convolve(self.extent, &grads, &taps, Finish { add: true, gate, ..Finish::default() }, out);
    }
}
