//! The gradients of a convolution's weights and bias, and all gradients of a convolution together.

use std::ops::Range;

use rayon::prelude::*;

use super::conv::{Taps, convolve};
use super::image::{Extent, Finish, Source};
use super::matmul::{Pixels, accumulate_outer};
use super::mlp::{add_rows, transpose};
use super::simd::{self, Simd, Work};
use super::threads::{accumulate, rows_per_task};
use super::winograd;
use super::winograd_gradient::{self, TileSums};

/// The gradients of weights `[outputs, inputs, side, side]` and bias, given the gradient of the output.
pub(crate) fn weight_gradient(extent: Extent, sources: &[Source], side: usize, grad: Source) -> (Vec<f32>, Vec<f32>) {
    let inputs: usize = sources.iter().map(|source| source.channels).sum();
    let outputs = grad.channels;
    if winograd::suits(side, inputs, outputs) {
        let wide = winograd_gradient::padded(outputs);
        let groups = row_groups(extent, rows_per_task(extent.batch * extent.height).next_multiple_of(2));
        let (sums, bias) = add_up(extent, groups, grad, winograd::POSITIONS * inputs * wide, |rows, sum| {
            simd::run(TileSums { extent, sources, grad, rows, sum });
        });
        return (unpack(&winograd_gradient::of_taps(&sums), wide, outputs, side), bias);
    }
    let by_input = sources.iter().all(|source| source.channels >= WIDE.max(outputs)) && outputs < WIDE;
    // So few rows that their pixels stay in the first-level cache.
    let groups = row_groups(extent, 128usize.div_ceil(extent.width));
    let (sums, bias) = add_up(extent, groups, grad, side * side * inputs * outputs, |rows, sum| {
        simd::run(WeightSums { extent, sources, side, grad, by_input, rows, sum });
    });
    let sums = if by_input { by_output(&sums, sources, outputs, side) } else { sums };
    (unpack(&sums, outputs, outputs, side), bias)
}

/// What `add` adds up of all rows of these groups, `len` sums, and the gradients of biases.
fn add_up(
    extent: Extent,
    groups: Vec<Range<usize>>,
    grad: Source,
    len: usize,
    add: impl Fn(Range<usize>, &mut [f32]) + Sync,
) -> (Vec<f32>, Vec<f32>) {
    let row = extent.width * grad.channels;
    let mut sums = accumulate(groups, len + grad.channels, |rows, sum| {
        let (sum, bias) = sum.split_at_mut(len);
        simd::run(PixelSums { grads: &grad.values[rows.start * row..rows.end * row], bias });
        add(rows, sum);
    });
    let bias = sums.split_off(len);
    (sums, bias)
}

/// Adds the gradients of pixels to those of biases.
struct PixelSums<'a> {
    grads: &'a [f32],
    bias: &'a mut [f32],
}

impl Work for PixelSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        add_rows(s, self.grads, self.bias);
    }
}

/// Fewer outputs leave the widest vectors partly idle: there the inputs lie side by side, if there are as many.
const WIDE: usize = 16;

/// Sums in the order [tap][input][output], of those in the order [tap], of each source [output][input].
fn by_output(sums: &[f32], sources: &[Source], outputs: usize, side: usize) -> Vec<f32> {
    let mut turned = Vec::with_capacity(sums.len());
    let mut rest = sums;
    for source in (0..side * side).flat_map(|_| sources) {
        let (block, others) = rest.split_at(source.channels * outputs);
        rest = others;
        turned.extend(transpose(block, source.channels));
    }
    turned
}

/// Groups of so many rows of one image.
fn row_groups(extent: Extent, group: usize) -> Vec<Range<usize>> {
    let height = extent.height;
    (0..extent.batch)
        .flat_map(|image| {
            (0..height).step_by(group).map(move |y| image * height + y..image * height + height.min(y + group))
        })
        .collect()
}

/// Adds the gradients of weights, in the order [tap][input][output], or [tap], of each source [output][input] where they are summed
/// `by_input`.
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
        let mut sum = sum;
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
    }
}

/// The row that a tap reads when the kernel stands on `row`, unless it lies outside the image.
#[inline(always)]
fn shifted_row(extent: Extent, row: usize, tap: usize, side: usize) -> Option<usize> {
    let y = row % extent.height + tap / side;
    (y >= side / 2 && y - side / 2 < extent.height).then(|| row + tap / side - side / 2)
}

/// Weights `[outputs, inputs, side, side]`, from sums in the order [tap][input][output], `wide` from an input to the next.
fn unpack(sums: &[f32], wide: usize, outputs: usize, side: usize) -> Vec<f32> {
    let taps = side * side;
    let inputs = sums.len() / wide / taps;
    let mut weight = vec![0.0; taps * inputs * outputs];
    for (o, weight) in weight.chunks_exact_mut(inputs * taps).enumerate() {
        for (i, weight) in weight.chunks_exact_mut(taps).enumerate() {
            for (tap, weight) in weight.iter_mut().enumerate() {
                *weight = sums[(tap * inputs + i) * wide + o];
            }
        }
    }
    weight
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
    let first = |index: usize| sources[..index].iter().map(|source| source.channels).sum::<usize>();
    let input = |(index, source): (usize, &Source)| {
        let wanted = first(index)..first(index) + source.channels;
        let taps = Taps::backward(&[(weight, grad.channels)], wanted, side);
        let mut out = vec![0.0; extent.pixels() * source.channels];
        convolve(extent, &[grad], &taps, Finish::default(), &mut out);
        out
    };
    let (inputs, (weight, bias)) = rayon::join(
        || sources.par_iter().enumerate().map(input).collect(),
        || weight_gradient(extent, sources, side, grad),
    );
    ConvGradients { sources: inputs, weight, bias }
}
