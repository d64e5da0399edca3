//! Channel attention: every channel of an image is multiplied by a gate in 0..1 that depends on the
//! means of all channels: sigmoid(excite(ReLU(squeeze(mean)))).

use rayon::prelude::*;

/// Parameters, in PyTorch layouts.
#[derive(Clone, Copy)]
pub(crate) struct ChannelAttention<'a> {
    /// `[squeezed, channels]` and `[squeezed]`.
    pub(crate) squeeze: (&'a [f32], &'a [f32]),
    /// `[channels, squeezed]` and `[channels]`.
    pub(crate) excite: (&'a [f32], &'a [f32]),
}

/// The gate of one image, and what led to it.
pub(crate) struct Gate {
    mean: Vec<f32>,
    /// After ReLU.
    squeezed: Vec<f32>,
    /// `[channels]`, in 0..1.
    pub(crate) gate: Vec<f32>,
}

/// Gradients, in the order and shapes of the parameters.
pub(crate) struct ChannelGradients {
    pub(crate) squeeze: (Vec<f32>, Vec<f32>),
    pub(crate) excite: (Vec<f32>, Vec<f32>),
}

/// Σ over pixels of `a · b`, for each channel; summed in rows of pixels to lose little.
fn dot_channels(a: &[f32], b: &[f32], channels: usize) -> Vec<f32> {
    let mut total = vec![0.0; channels];
    for (a, b) in a.chunks(64 * channels).zip(b.chunks(64 * channels)) {
        let mut sum = vec![0.0; channels];
        for (a, b) in a.chunks_exact(channels).zip(b.chunks_exact(channels)) {
            for ((sum, a), b) in sum.iter_mut().zip(a).zip(b) {
                *sum += a * b;
            }
        }
        total.iter_mut().zip(sum).for_each(|(total, sum)| *total += sum);
    }
    total
}

impl ChannelAttention<'_> {
    fn channels(&self) -> usize {
        self.excite.1.len()
    }

    /// The gates of all images of `y` `[batch, pixels, channels]`.
    pub(crate) fn gates(&self, y: &[f32], batch: usize) -> Vec<Gate> {
        let channels = self.channels();
        let image = y.len() / batch;
        let ones = vec![1.0; image];
        y.par_chunks(image)
            .map(|y| {
                let mut mean = dot_channels(y, &ones, channels);
                mean.iter_mut().for_each(|mean| *mean *= channels as f32 / image as f32);
                let linear = |(weight, bias): (&[f32], &[f32]), x: &[f32]| -> Vec<f32> {
                    let row = |row: &[f32]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
                    weight.chunks_exact(x.len()).zip(bias).map(|(w, bias)| row(w) + bias).collect()
                };
                let mut squeezed = linear(self.squeeze, &mean);
                squeezed.iter_mut().for_each(|x| *x = x.max(0.0));
                let mut gate = linear(self.excite, &squeezed);
                gate.iter_mut().for_each(|x| *x = 1.0 / (1.0 + (-*x).exp()));
                Gate { mean, squeezed, gate }
            })
            .collect()
    }

    /// Given `y`, its gates and the gradient `grad` of `y · gate` times `alpha`, writes the gradient
    /// of `y` to `out`.
    pub(crate) fn backward(
        &self,
        y: &[f32],
        gates: &[Gate],
        alpha: f32,
        grad: &[f32],
        out: &mut [f32],
    ) -> ChannelGradients {
        let (channels, squeezed) = (self.channels(), self.squeeze.1.len());
        let image = y.len() / gates.len();
        let gate_grads: Vec<Vec<f32>> =
            y.par_chunks(image).zip(grad.par_chunks(image)).map(|(y, grad)| dot_channels(y, grad, channels)).collect();
        let mut sums = ChannelGradients {
            squeeze: (vec![0.0; squeezed * channels], vec![0.0; squeezed]),
            excite: (vec![0.0; squeezed * channels], vec![0.0; channels]),
        };
        let mean_grads: Vec<Vec<f32>> = gates
            .iter()
            .zip(gate_grads)
            .map(|(gate, grad)| {
                let slope = |(grad, gate): (&f32, &f32)| alpha * grad * gate * (1.0 - gate);
                let excited: Vec<f32> = grad.iter().zip(&gate.gate).map(slope).collect();
                let mut hidden = linear_gradient(self.excite.0, &gate.squeezed, &excited, &mut sums.excite);
                for (hidden, value) in hidden.iter_mut().zip(&gate.squeezed) {
                    *hidden = if *value > 0.0 { *hidden } else { 0.0 };
                }
                let mut mean = linear_gradient(self.squeeze.0, &gate.mean, &hidden, &mut sums.squeeze);
                mean.iter_mut().for_each(|mean| *mean *= channels as f32 / image as f32);
                mean
            })
            .collect();
        out.par_chunks_mut(image).zip(grad.par_chunks(image)).enumerate().for_each(|(i, (out, grad))| {
            for (out, grad) in out.chunks_exact_mut(channels).zip(grad.chunks_exact(channels)) {
                for (c, (out, grad)) in out.iter_mut().zip(grad).enumerate() {
                    *out = alpha * grad * gates[i].gate[c] + mean_grads[i][c];
                }
            }
        });
        sums
    }
}

/// The gradient of the input of a linear layer; those of weight and bias are added to `sums`.
fn linear_gradient(weight: &[f32], input: &[f32], grad: &[f32], sums: &mut (Vec<f32>, Vec<f32>)) -> Vec<f32> {
    let mut out = vec![0.0; input.len()];
    for (o, grad) in grad.iter().enumerate() {
        let row = o * input.len()..(o + 1) * input.len();
        out.iter_mut().zip(&weight[row.clone()]).for_each(|(out, weight)| *out += weight * grad);
        sums.0[row].iter_mut().zip(input).for_each(|(sum, input)| *sum += input * grad);
        sums.1[o] += grad;
    }
    out
}
