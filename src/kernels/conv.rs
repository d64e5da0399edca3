//! Convolutions 3×3 (zero padding 1) and 1×1 over channels-last images, forward and backward.
//!
//! The input may be several images side by side in the channels ([`Source`]s), as in a dense block
//! or a fusion of many blocks, so that nothing is ever concatenated. All three passes are matrix
//! products over the taps of the kernel; a tap outside the image reads a row of zeros.

use std::ops::Range;

use rayon::prelude::*;

use super::matmul::{Packed, Pieces, multiply};
use super::simd::{self, Simd, Work};
use super::threads::rows_per_task;

/// How many images of how many pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Images.
    pub(crate) batch: usize,
    /// Rows of an image.
    pub(crate) height: usize,
    /// Columns of an image.
    pub(crate) width: usize,
}

impl Extent {
    /// Pixels of all images together.
    pub(crate) fn pixels(&self) -> usize {
        self.batch * self.height * self.width
    }
}

/// A channels-last image `[batch, height, width, channels]` that is part of an input.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The values.
    pub(crate) values: &'a [f32],
    /// Its channels.
    pub(crate) channels: usize,
}

/// What is done with each value of a product before it is written.
#[derive(Clone, Copy, Default)]
pub(crate) struct Finish<'a> {
    /// One value for each channel, to add.
    pub(crate) bias: Option<&'a [f32]>,
    /// Add to what the output holds, instead of replacing it.
    pub(crate) add: bool,
    /// Negative values become 0.
    pub(crate) relu: bool,
    /// Of the output's shape: where it is not positive, the value becomes 0 (the gradient of ReLU).
    pub(crate) gate: Option<&'a [f32]>,
}

/// Weights of a convolution, packed for one pass: side² taps, for each its inputs.
pub(crate) struct Taps {
    packed: Packed,
    side: usize,
}

impl Taps {
    /// Packs `[outputs, inputs, side, side]` for the forward pass.
    pub(crate) fn forward(weight: &[f32], outputs: usize, side: usize) -> Self {
        let taps = side * side;
        let inputs = weight.len() / (outputs * taps);
        let packed = Packed::new(taps * inputs, outputs, |k| {
            let first = k % inputs * taps + k / inputs;
            move |o| weight[o * inputs * taps + first]
        });
        Self { packed, side }
    }

    /// Packs the gradient of the channels `wanted` of the input: a convolution with mirrored taps
    /// over the gradients of the outputs of several layers, whose weights
    /// `[outputs, inputs, side, side]` and `outputs` are given.
    pub(crate) fn backward(layers: &[(&[f32], usize)], wanted: Range<usize>, side: usize) -> Self {
        let taps = side * side;
        // For each output of each layer, its weights [inputs, taps].
        let outputs: Vec<&[f32]> =
            layers.iter().flat_map(|(weight, outputs)| weight.chunks_exact(weight.len() / outputs)).collect();
        let packed = Packed::new(taps * outputs.len(), wanted.len(), |k| {
            let weight = outputs[k % outputs.len()];
            let first = wanted.start * taps + taps - 1 - k / outputs.len();
            move |i| weight[first + i * taps]
        });
        Self { packed, side }
    }
}

/// Convolves `sources` and writes (or adds, see [`Finish`]) `[pixels, outputs]` values to `out`.
pub(crate) fn convolve(extent: Extent, sources: &[Source], taps: &Taps, finish: Finish, out: &mut [f32]) {
    assert_eq!(out.len(), extent.pixels() * taps.packed.width(), "the shape of the output");
    let rows = rows_per_task(extent.batch * extent.height);
    let row_len = extent.width * taps.packed.width();
    out.par_chunks_mut(rows * row_len).enumerate().for_each(|(task, out)| {
        simd::run(Rows { extent, sources, taps, finish, first_row: task * rows, out });
    });
}

/// Output rows of one task, counted through all images.
struct Rows<'a> {
    extent: Extent,
    sources: &'a [Source<'a>],
    taps: &'a Taps,
    finish: Finish<'a>,
    first_row: usize,
    out: &'a mut [f32],
}

impl Work for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { extent, sources, taps, finish, first_row, out } = self;
        let (width, outputs) = (extent.width, taps.packed.width());
        let widest = sources.iter().map(|source| source.channels).max().unwrap_or(0);
        let zeros = vec![0.0; widest];
        let channels: Vec<usize> = sources.iter().map(|source| source.channels).collect();
        let pieces = channels.repeat(taps.side * taps.side);
        for (row, out) in (first_row..).zip(out.chunks_mut(width * outputs)) {
            let reads = row_reads(extent, sources, taps.side, row);
            let gate = finish.gate.map(|gate| &gate[row * width * outputs..][..width * outputs]);
            multiply(
                s,
                width,
                &pieces,
                Reads { reads: &reads, zeros: &zeros },
                &taps.packed,
                #[inline(always)]
                |x, o, v| {
                    let lanes = x * outputs + o..x * outputs + outputs.min(o + S::LANES);
                    let mut v = v;
                    if let Some(bias) = finish.bias {
                        v = s.add(v, s.load_part(&bias[o..outputs.min(o + S::LANES)]));
                    }
                    if finish.add {
                        v = s.add(v, s.load_part(&out[lanes.clone()]));
                    }
                    if finish.relu {
                        v = s.max(v, s.splat(0.0));
                    }
                    if let Some(gate) = gate {
                        v = s.keep_positive(s.load_part(&gate[lanes.clone()]), v);
                    }
                    s.store_part(&mut out[lanes], v);
                },
            );
        }
    }
}

/// What one tap reads of one source while the kernel moves along an output row.
struct RowRead<'a> {
    /// The row of the source; empty outside the image.
    row: &'a [f32],
    channels: usize,
    /// The tap's place from the middle of the kernel, −1, 0 or 1.
    dx: isize,
}

impl<'a> RowRead<'a> {
    /// All channels of so many pixels, for the kernel's places from x on, if they lie in the image.
    #[inline(always)]
    fn channels_at(&self, x: usize, pixels: usize) -> Option<&'a [f32]> {
        // Left of the image the index wraps to a huge one, which is outside too.
        let first = x.wrapping_add_signed(self.dx).wrapping_mul(self.channels);
        self.row.get(first..first.wrapping_add(pixels * self.channels))
    }
}

/// What all taps read of all sources along an output row.
struct Reads<'a, 'b> {
    reads: &'b [RowRead<'a>],
    /// As many as any source has channels.
    zeros: &'a [f32],
}

impl<'a> Pieces<'a> for Reads<'a, '_> {
    #[inline(always)]
    fn piece(&self, j: usize, x: usize) -> &'a [f32] {
        self.reads[j].channels_at(x, 1).unwrap_or(self.zeros)
    }

    #[inline(always)]
    fn pieces(&self, j: usize, x: usize, count: usize) -> Option<(&'a [f32], usize)> {
        let read = &self.reads[j];
        read.channels_at(x, count).map(|values| (values, read.channels))
    }
}

/// The reads of every tap, and in each tap of every source, for one output row.
fn row_reads<'a>(extent: Extent, sources: &[Source<'a>], side: usize, row: usize) -> Vec<RowRead<'a>> {
    let reads = (0..side * side).flat_map(|tap| {
        let dx = (tap % side) as isize - (side / 2) as isize;
        let shifted = shifted_row(extent, row, tap, side);
        sources.iter().map(move |source| {
            let len = extent.width * source.channels;
            let row = shifted.map_or(&[][..], |row| &source.values[row * len..][..len]);
            RowRead { row, channels: source.channels, dx }
        })
    });
    reads.collect()
}

/// The row that a tap reads when the kernel stands on `row`, unless it lies outside the image.
#[inline(always)]
pub(super) fn shifted_row(extent: Extent, row: usize, tap: usize, side: usize) -> Option<usize> {
    let y = row % extent.height + tap / side;
    (y >= side / 2 && y - side / 2 < extent.height).then(|| row + tap / side - side / 2)
}
