//! Channel attention: every channel of an image is multiplied by a gate in 0..1 that depends on the
//! means of all channels: sigmoid(excite(ReLU(squeeze(mean)))).

use rayon::prelude::*;

use super::simd::{self, Simd, Work};

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

/// Pixels of a task.
const TASK: usize = 1 << 10;
/// Pixels that are added up before their sum is added to the others: so little is lost.
const ROW: usize = 64;

/// Σ over the pixels of an image, for each channel, of `a`, or of `a · b`. The same however many threads there are.
fn sum_channels(a: &[f32], b: Option<&[f32]>, channels: usize) -> Vec<f32> {
    let task = |i: usize| {
        let pixels = i * channels..a.len().min((i + TASK) * channels);
        let mut sum = vec![0.0; channels];
        simd::run(Sums { a: &a[pixels.clone()], b: b.map(|b| &b[pixels]), sum: &mut sum });
        sum
    };
    let sums: Vec<Vec<f32>> = (0..a.len() / channels).into_par_iter().step_by(TASK).map(task).collect();
    let mut total = vec![0.0; channels];
    for sum in sums {
        total.iter_mut().zip(sum).for_each(|(total, sum)| *total += sum);
    }
    total
}

struct Sums<'a> {
    a: &'a [f32],
    b: Option<&'a [f32]>,
    sum: &'a mut [f32],
}

impl Work for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let channels = self.sum.len();
        for (j, sum) in self.sum.chunks_mut(S::LANES).enumerate() {
            let lanes = j * S::LANES..j * S::LANES + sum.len();
            for (i, a) in self.a.chunks(ROW * channels).enumerate() {
                let mut row = s.splat(0.0);
                for (pixel, a) in a.chunks_exact(channels).enumerate() {
                    let a = s.load_part(&a[lanes.clone()]);
                    row = match self.b {
                        Some(b) => s.fma(a, s.load_part(&b[(i * ROW + pixel) * channels..][lanes.clone()]), row),
                        None => s.add(a, row),
                    };
                }
                s.store_part(sum, s.add(row, s.load_part(sum)));
            }
        }
    }
}

/// Writes `plus + factor · values` to `out`, the factor one for each channel; `plus` is as long as the values, or one for each channel, too.
pub(super) fn scale_channels(values: &[f32], factor: &[f32], plus: &[f32], out: &mut [f32]) {
    let task = TASK * factor.len();
    out.par_chunks_mut(task).zip(values.par_chunks(task)).enumerate().for_each(|(i, (out, values))| {
        let plus = if plus.len() == factor.len() { plus } else { &plus[i * task..][..values.len()] };
        simd::run(Scaled { values, factor, plus, out });
    });
}

struct Scaled<'a> {
    values: &'a [f32],
    factor: &'a [f32],
    plus: &'a [f32],
    out: &'a mut [f32],
}

impl Work for Scaled<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let channels = self.factor.len();
        let stride = if self.plus.len() == channels { 0 } else { channels };
        for (j, factor) in self.factor.chunks(S::LANES).enumerate() {
            let lanes = j * S::LANES..j * S::LANES + factor.len();
            let factor = s.load_part(factor);
            let pixels = self.values.chunks_exact(channels).zip(self.out.chunks_exact_mut(channels));
            for (pixel, (values, out)) in pixels.enumerate() {
                let plus = s.load_part(&self.plus[pixel * stride..][lanes.clone()]);
                s.store_part(&mut out[lanes.clone()], s.fma(factor, s.load_part(&values[lanes.clone()]), plus));
            }
        }
    }
}

impl ChannelAttention<'_> {
    fn channels(&self) -> usize {
        self.excite.1.len()
    }

    /// The gates of all images of `y` `[batch, pixels, channels]`.
    pub(crate) fn gates(&self, y: &[f32], batch: usize) -> Vec<Gate> {
        let channels = self.channels();
        let image = y.len() / batch;
        y.par_chunks(image)
            .map(|y| {
                let mut mean = sum_channels(y, None, channels);
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
        let images = y.par_chunks(image).zip(grad.par_chunks(image));
        let gate_grads: Vec<Vec<f32>> = images.map(|(y, grad)| sum_channels(y, Some(grad), channels)).collect();
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
            let factor: Vec<f32> = gates[i].gate.iter().map(|gate| alpha * gate).collect();
            scale_channels(grad, &factor, &mean_grads[i], out);
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
