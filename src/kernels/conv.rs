//! Convolutions 3×3 (zero padding 1) and 1×1 over channels-last images, forward and backward.
//!
//! The input may be several images side by side in the channels ([`Source`]s), as in a dense block
//! or a fusion of many blocks, so that nothing is ever concatenated. Convolutions 1×1 are matrix products. Of 3×3, those of
//! many inputs and outputs go by tiles (`winograd`), the others by `few_inputs` or `few_outputs`.

use std::ops::Range;

use rayon::prelude::*;

use super::few_inputs;
use super::few_outputs::{self, FewOutputs};
use super::image::{Extent, Finish, Source};
use super::matmul::{Packed, Pieces, multiply};
use super::padded::{PaddedRows, SIDE};
use super::simd::{self, Simd, Work};
use super::threads::rows_per_task;
use super::winograd::{self, TileWeights};

/// Weights of a convolution, packed for one pass and the way that is the fastest for their shape.
pub(crate) enum Taps {
    /// 1×1.
    Pixels(Packed),
    FewInputs(Packed),
    FewOutputs(FewOutputs),
    Tiles(TileWeights),
}

impl Taps {
    /// Packs `[outputs, inputs, side, side]` for the forward pass.
    pub(crate) fn forward(weight: &[f32], outputs: usize, side: usize) -> Self {
        let taps = side * side;
        let inputs = weight.len() / (outputs * taps);
        Self::new(side, inputs, outputs, |input, tap| {
            let first = input * taps + tap;
            move |o| weight[o * inputs * taps + first]
        })
    }

    /// Packs the gradient of the channels `wanted` of the input: a convolution with mirrored taps
    /// over the gradients of the outputs of several layers, whose weights
    /// `[outputs, inputs, side, side]` and `outputs` are given.
    pub(crate) fn backward(layers: &[(&[f32], usize)], wanted: Range<usize>, side: usize) -> Self {
        let taps = side * side;
        // For each output of each layer, its weights [inputs, taps].
        let outputs: Vec<&[f32]> =
            layers.iter().flat_map(|(weight, outputs)| weight.chunks_exact(weight.len() / outputs)).collect();
        Self::new(side, outputs.len(), wanted.len(), |output, tap| {
            let weight = outputs[output];
            let first = wanted.start * taps + taps - 1 - tap;
            move |i| weight[first + i * taps]
        })
    }

    /// Packs `weight(input, tap)(output)`.
    fn new<R: Fn(usize) -> f32>(
        side: usize,
        inputs: usize,
        outputs: usize,
        weight: impl Fn(usize, usize) -> R,
    ) -> Self {
        struct Pack<F>(usize, usize, F);
        impl<R: Fn(usize) -> f32, F: Fn(usize, usize) -> R> Work for Pack<F> {
            type Output = Taps;
            #[inline(always)]
            fn run<S: Simd>(self, _: S) -> Taps {
                let Self(inputs, outputs, weight) = self;
                if few_outputs::suits::<S>(inputs, outputs) {
                    Taps::FewOutputs(FewOutputs::new::<S, R>(inputs, outputs, weight))
                } else if few_inputs::suits::<S>(inputs, outputs) {
                    Taps::FewInputs(few_inputs::pack(inputs, outputs, weight))
                } else {
                    Taps::Tiles(TileWeights::new(inputs, outputs, weight))
                }
            }
        }
        match side {
            1 => Self::Pixels(Packed::new(inputs, outputs, |input| weight(input, 0))),
            SIDE => simd::run(Pack(inputs, outputs, weight)),
            side => panic!("no convolution {side}×{side}"),
        }
    }
}

/// Convolves `sources` and writes (or adds, see [`Finish`]) `[pixels, outputs]` values to `out`.
pub(crate) fn convolve(extent: Extent, sources: &[Source], taps: &Taps, finish: Finish, out: &mut [f32]) {
    let outputs = match taps {
        Taps::Pixels(weights) | Taps::FewInputs(weights) => weights.width(),
        Taps::FewOutputs(weights) => weights.outputs(),
        Taps::Tiles(weights) => return winograd::convolve(extent, sources, weights, finish, out),
    };
    assert_eq!(out.len(), extent.pixels() * outputs, "the shape of the output");
    let rows = rows_per_task(extent.batch * extent.height);
    let row_len = extent.width * outputs;
    out.par_chunks_mut(rows * row_len).enumerate().for_each(|(task, out)| {
        simd::run(Rows { extent, sources, taps, finish, first_row: task * rows, row_len, out });
    });
}

/// Output rows of one task, counted through all images.
struct Rows<'a> {
    extent: Extent,
    sources: &'a [Source<'a>],
    taps: &'a Taps,
    finish: Finish<'a>,
    first_row: usize,
    row_len: usize,
    out: &'a mut [f32],
}

impl Work for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { extent, sources, taps, finish, first_row, row_len, out } = self;
        let rows = (first_row..).zip(out.chunks_mut(row_len));
        let rows = rows.map(|(row, out)| (row, finish.part(row * row_len..(row + 1) * row_len), out));
        if let Taps::Pixels(weights) = taps {
            for (row, finish, out) in rows {
                multiply_pixels(s, sources, row * extent.width, weights, finish, out);
            }
            return;
        }
        let mut padded = PaddedRows::new(extent, sources);
        for (row, finish, out) in rows {
            padded.move_to(s, row);
            match taps {
                Taps::FewInputs(weights) => few_inputs::convolve(s, &padded, weights, finish, out),
                Taps::FewOutputs(weights) => weights.convolve(s, &padded, finish, out),
                Taps::Pixels(_) | Taps::Tiles(_) => unreachable!("these go other ways"),
            }
        }
    }
}

/// Writes the products of pixels, from `first` on as many as `out` has room for, and the weights.
#[inline(always)]
fn multiply_pixels<S: Simd>(s: S, sources: &[Source], first: usize, weights: &Packed, finish: Finish, out: &mut [f32]) {
    let (outputs, pixels) = (weights.width(), out.len() / weights.width());
    let sources: Vec<Source> = sources.iter().map(|source| source.part(first..first + pixels)).collect();
    let channels: Vec<usize> = sources.iter().map(|source| source.channels).collect();
    multiply(
        s,
        pixels,
        &channels,
        PixelPieces(&sources),
        weights,
        #[inline(always)]
        |pixel, o, v| finish.write(s, v, o, outputs, pixel * outputs, out),
    );
}

/// The pixels of each source.
struct PixelPieces<'a, 'b>(&'b [Source<'a>]);

impl<'a> Pieces<'a> for PixelPieces<'a, '_> {
    #[inline(always)]
    fn piece(&self, j: usize, pixel: usize) -> &'a [f32] {
        let Source { values, channels } = self.0[j];
        &values[pixel * channels..][..channels]
    }

    #[inline(always)]
    fn pieces(&self, j: usize, first: usize, count: usize) -> Option<(&'a [f32], usize)> {
        let Source { values, channels } = self.0[j];
        Some((&values[first * channels..][..count * channels], channels))
    }
}
