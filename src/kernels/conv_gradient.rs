//! The gradients of a convolution's weights and bias, and all gradients of a convolution together.

use std::ops::Range;

use super::conv::{Extent, Finish, Source, Taps, convolve, shifted_row};
use super::matmul::{Pixels, accumulate_outer};
use super::mlp::transpose;
use super::simd::{self, Simd, Work};
use super::threads::accumulate;

/// The gradients of weights `[outputs, inputs, side, side]` and bias, given the gradient of the output.
pub(crate) fn weight_gradient(extent: Extent, sources: &[Source], side: usize, grad: Source) -> (Vec<f32>, Vec<f32>) {
    let inputs: usize = sources.iter().map(|source| source.channels).sum();
    let outputs = grad.channels;
    let tasks = row_groups(extent);
    let by_input = sources.iter().all(|source| source.channels >= WIDE.max(outputs)) && outputs < WIDE;
    let sums = accumulate(tasks, (side * side * inputs + 1) * outputs, |rows, sum| {
        simd::run(WeightSums { extent, sources, side, grad, by_input, rows, sum });
    });
    match by_input {
        true => unpack(&by_output(&sums, sources, outputs, side), outputs, side),
        false => unpack(&sums, outputs, side),
    }
}

/// Fewer outputs leave the widest vectors partly idle: there the inputs lie side by side, if there are as many.
const WIDE: usize = 16;

/// Sums in the order [tap][input][output], of those in the order [tap], of each source [output][input]; biases stay.
fn by_output(sums: &[f32], sources: &[Source], outputs: usize, side: usize) -> Vec<f32> {
    let mut turned = Vec::with_capacity(sums.len());
    let mut rest = sums;
    for source in (0..side * side).flat_map(|_| sources) {
        let (block, others) = rest.split_at(source.channels * outputs);
        rest = others;
        turned.extend(transpose(block, source.channels));
    }
    turned.extend(rest);
    turned
}

/// Groups of rows of one image, so few that their pixels stay in the first-level cache.
fn row_groups(extent: Extent) -> Vec<Range<usize>> {
    let height = extent.height;
    let group = 128usize.div_ceil(extent.width).max(1);
    (0..extent.batch)
        .flat_map(|image| {
            (0..height).step_by(group).map(move |y| image * height + y..image * height + height.min(y + group))
        })
        .collect()
}

/// Adds the gradients of weights, in the order [tap][input][output], or [tap], of each source [output][input] where they are summed
/// `by_input`, and then bias to `sum`.
struct WeightSums<'a> {
    extent: Extent,
    sources: &'a [Source<'a>],
    side: usize,
    grad: Source<'a>,
    by_input: bool,
    rows: Range<usize>,
    sum: &'a mut [f32],
}

impl<'a> Work for WeightSums<'a> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { extent, sources, side, grad, by_input, rows, sum } = self;
        let (width, outputs, half) = (extent.width, grad.channels, side / 2);
        let pixels = |image: Source<'a>, row: usize, columns: Range<usize>| {
            let values = row * width + columns.start..row * width + columns.end;
            let values = values.start * image.channels..values.end * image.channels;
            Pixels::dense(&image.values[values], image.channels)
        };
        let bias_at = sum.len() - outputs;
        let (mut sum, bias) = sum.split_at_mut(bias_at);
        for tap in 0..side * side {
            // Columns of the output whose tap lies inside the image.
            let dx = tap % side;
            let (first, last) = (half.saturating_sub(dx), width - dx.saturating_sub(half));
            let inside: Vec<(usize, usize)> =
                rows.clone().filter_map(|row| Some((row, shifted_row(extent, row, tap, side)?))).collect();
            for source in sources {
                let (block, rest) = sum.split_at_mut(source.channels * outputs);
                sum = rest;
                if last <= first {
                    continue;
                }
                accumulate_outer(
                    s,
                    inside.len(),
                    #[inline(always)]
                    |j| {
                        let (row, read) = inside[j];
                        let x = pixels(*source, read, first + dx - half..last + dx - half);
                        let grad = pixels(grad, row, first..last);
                        if by_input { (grad, x) } else { (x, grad) }
                    },
                    block,
                );
            }
        }
        for row in rows {
            let grad = &grad.values[row * width * outputs..][..width * outputs];
            for grad in grad.chunks_exact(outputs) {
                bias.iter_mut().zip(grad).for_each(|(bias, grad)| *bias += grad);
            }
        }
    }
}

/// Weights `[outputs, inputs, side, side]` and bias, from sums in the order [tap][input][output].
fn unpack(sums: &[f32], outputs: usize, side: usize) -> (Vec<f32>, Vec<f32>) {
    let taps = side * side;
    let inputs = (sums.len() / outputs - 1) / taps;
    let mut weight = vec![0.0; taps * inputs * outputs];
    for (o, weight) in weight.chunks_exact_mut(inputs * taps).enumerate() {
        for (i, weight) in weight.chunks_exact_mut(taps).enumerate() {
            for (tap, weight) in weight.iter_mut().enumerate() {
                *weight = sums[(tap * inputs + i) * outputs + o];
            }
        }
    }
    (weight, sums[sums.len() - outputs..].to_vec())
}

/// What a loss changes by with each input of a convolution.
pub(crate) struct ConvGradients {
    /// For each source, of its shape.
    pub(crate) sources: Vec<Vec<f32>>,
    /// `[outputs, inputs, side, side]`.
    pub(crate) weight: Vec<f32>,
    /// `[outputs]`.
    pub(crate) bias: Vec<f32>,
}

/// The backward pass of a convolution whose output has the gradient `grad`.
pub(crate) fn convolution_gradients(
    extent: Extent,
    sources: &[Source],
    weight: &[f32],
    side: usize,
    grad: Source,
) -> ConvGradients {
    let mut first = 0;
    let inputs = sources.iter().map(|source| {
        let wanted = first..first + source.channels;
        first = wanted.end;
        let taps = Taps::backward(&[(weight, grad.channels)], wanted, side);
        let mut out = vec![0.0; extent.pixels() * source.channels];
        convolve(extent, &[grad], &taps, Finish::default(), &mut out);
        out
    });
    let inputs = inputs.collect();
    let (weight, bias) = weight_gradient(extent, sources, side, grad);
    ConvGradients { sources: inputs, weight, bias }
}
