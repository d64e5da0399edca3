//! The gradients of a convolution's weights and bias, and all gradients of a convolution together.

use std::ops::Range;

use rayon::prelude::*;

use super::conv::{Taps, convolve};
use super::few_inputs_gradient::{self, InputSums};
use super::few_outputs_gradient::{self, OutputSums};
use super::image::{Extent, Finish, Source};
use super::matmul::{Pixels, accumulate_outer};
use super::mlp::{add_rows, transpose};
use super::padded::SIDE;
use super::row_sums::RowSums;
use super::simd::{self, Simd, Work};
use super::threads::{accumulate, rows_per_task};
use super::winograd;
use super::winograd_gradient::{self, TileSums};

/// The gradients of weights `[outputs, inputs, side, side]` and bias, given the gradient of the output.
pub(crate) fn weight_gradient(extent: Extent, sources: &[Source], side: usize, grad: Source) -> (Vec<f32>, Vec<f32>) {
    if side == 1 {
        return pixel_gradient(extent, sources, grad);
    }
    assert_eq!(side, SIDE, "rows and columns of the kernel");
    let inputs: usize = sources.iter().map(|source| source.channels).sum();
    let outputs = grad.channels;
    let rows = rows_per_task(extent.batch * extent.height);
    let len = SIDE * SIDE * inputs * outputs;
    match simd::run(Fastest { inputs, outputs }) {
        Way::FewInputs => {
            let groups = row_groups(extent, rows);
            let (sums, bias) = add_up(extent, sources, grad, groups, len, |rows| simd::run(InputSums(rows)));
            let at = |o, i, tap| ((tap / SIDE * inputs + i) * SIDE + tap % SIDE) * outputs + o;
            (unpack(inputs, outputs, side, |o, i, tap| sums[at(o, i, tap)]), bias)
        }
        Way::FewOutputs => {
            let groups = row_groups(extent, rows);
            let (sums, bias) = add_up(extent, sources, grad, groups, len, |rows| simd::run(OutputSums(rows)));
            let at = |o, i, tap| ((tap / SIDE * outputs + o) * SIDE + tap % SIDE) * inputs + i;
            (unpack(inputs, outputs, side, |o, i, tap| sums[at(o, i, tap)]), bias)
        }
        Way::Tiles => {
            let wide = winograd_gradient::padded(outputs);
            let groups = row_groups(extent, rows.next_multiple_of(2));
            let len = winograd::POSITIONS * inputs * wide;
            let (sums, bias) = add_up(extent, sources, grad, groups, len, |rows| simd::run(TileSums(rows)));
            let sums = winograd_gradient::of_taps(&sums);
            (unpack(inputs, outputs, side, |o, i, tap| sums[(tap * inputs + i) * wide + o]), bias)
        }
    }
}

/// Ways to the gradient of weights 3×3.
enum Way {
    FewInputs,
    FewOutputs,
    Tiles,
}

/// Which way is the fastest for a shape.
struct Fastest {
    inputs: usize,
    outputs: usize,
}

impl Work for Fastest {
    type Output = Way;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Way {
        if few_outputs_gradient::suits::<S>(self.outputs) {
            Way::FewOutputs
        } else if few_inputs_gradient::suits::<S>(self.inputs, self.outputs) {
            Way::FewInputs
        } else {
            Way::Tiles
        }
    }
}

/// Of a convolution 1×1.
fn pixel_gradient(extent: Extent, sources: &[Source], grad: Source) -> (Vec<f32>, Vec<f32>) {
    let inputs: usize = sources.iter().map(|source| source.channels).sum();
    let outputs = grad.channels;
    let by_input = sources.iter().all(|source| source.channels >= WIDE.max(outputs)) && outputs < WIDE;
    // So few rows that their pixels stay in the first-level cache.
    let groups = row_groups(extent, 128usize.div_ceil(extent.width));
    let (sums, bias) = add_up(extent, sources, grad, groups, inputs * outputs, |rows| {
        simd::run(OuterSums { rows, by_input });
    });
    let sums = if by_input { by_output(&sums, sources, outputs) } else { sums };
    (unpack(inputs, outputs, 1, |o, i, _| sums[i * outputs + o]), bias)
}

/// What `add` adds up of all rows of these groups, `len` sums, and the gradients of biases.
fn add_up(
    extent: Extent,
    sources: &[Source],
    grad: Source,
    groups: Vec<Range<usize>>,
    len: usize,
    add: impl Fn(RowSums) + Sync,
) -> (Vec<f32>, Vec<f32>) {
    let row = extent.width * grad.channels;
    let mut sums = accumulate(groups, len + grad.channels, |rows, sum| {
        let (sum, bias) = sum.split_at_mut(len);
        simd::run(PixelSums { grads: &grad.values[rows.start * row..rows.end * row], bias });
        add(RowSums { extent, sources, grad, rows, sum });
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
        let outputs = self.bias.len();
        // Of few outputs those of several pixels, side by side, fill a vector.
        let wide = (S::LANES / outputs).max(1) * outputs;
        let mut sums = vec![0.0; wide];
        let (whole, rest) = self.grads.split_at(self.grads.len() / wide * wide);
        add_rows(s, whole, &mut sums);
        add_rows(s, &sums, self.bias);
        add_rows(s, rest, self.bias);
    }
}

/// Fewer outputs leave the widest vectors partly idle: there the inputs lie side by side, if there are as many.
const WIDE: usize = 16;

/// Sums in the order [input][output], of those in the order, of each source, [output][input].
fn by_output(sums: &[f32], sources: &[Source], outputs: usize) -> Vec<f32> {
    let mut turned = Vec::with_capacity(sums.len());
    let mut rest = sums;
    for source in sources {
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

/// Adds the gradients of weights 1×1, in the order [input][output], or, of each source, [output][input] where they are summed `by_input`.
struct OuterSums<'a> {
    rows: RowSums<'a>,
    by_input: bool,
}

impl<'a> Work for OuterSums<'a> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { rows: RowSums { extent, sources, grad, rows, sum }, by_input } = self;
        let pixels = |image: Source<'a>| {
            let part = image.part(rows.start * extent.width..rows.end * extent.width);
            Pixels::dense(part.values, part.channels)
        };
        let mut sum = sum;
        for source in sources {
            let (block, rest) = sum.split_at_mut(source.channels * grad.channels);
            sum = rest;
            let pair = if by_input { (pixels(grad), pixels(*source)) } else { (pixels(*source), pixels(grad)) };
            accumulate_outer(
                s,
                1,
                #[inline(always)]
                |_| pair,
                block,
            );
        }
    }
}

/// Weights `[outputs, inputs, side, side]` of `sum(output, input, tap)`.
fn unpack(inputs: usize, outputs: usize, side: usize, sum: impl Fn(usize, usize, usize) -> f32) -> Vec<f32> {
    let taps = side * side;
    let mut weight = vec![0.0; taps * inputs * outputs];
    for (o, weight) in weight.chunks_exact_mut(inputs * taps).enumerate() {
        for (i, weight) in weight.chunks_exact_mut(taps).enumerate() {
            for (tap, weight) in weight.iter_mut().enumerate() {
                *weight = sum(o, i, tap);
            }
        }
    }
    weight
}

/// What a loss changes by with each input of a convolution.
pub(crate) struct ConvGradients {
    /// Of the wanted channels, `[pixels, channels]`; empty where none are wanted.
    pub(crate) inputs: Vec<Vec<f32>>,
    /// `[outputs, inputs, side, side]`.
    pub(crate) weight: Vec<f32>,
    /// `[outputs]`.
    pub(crate) bias: Vec<f32>,
}

/// The backward pass of a convolution whose output has the gradient `grad`: of weights and bias, and of the `wanted` ranges of the channels of all
/// sources side by side.
pub(crate) fn convolution_gradients(
    extent: Extent,
    sources: &[Source],
    weight: &[f32],
    side: usize,
    grad: Source,
    wanted: &[Option<Range<usize>>],
) -> ConvGradients {
    let input = |wanted: &Range<usize>| {
        let taps = Taps::backward(&[(weight, grad.channels)], wanted.clone(), side);
        let mut out = vec![0.0; extent.pixels() * wanted.len()];
        convolve(extent, &[grad], &taps, Finish::default(), &mut out);
        out
    };
    let (inputs, (weight, bias)) = rayon::join(
        || wanted.par_iter().map(|wanted| wanted.as_ref().map_or_else(Vec::new, input)).collect(),
        || weight_gradient(extent, sources, side, grad),
    );
    ConvGradients { inputs, weight, bias }
}
