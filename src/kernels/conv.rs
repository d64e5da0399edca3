//! Convolutions 3×3 (zero padding 1) and 1×1 over channels-last images, forward and backward.
//!
//! The input may be several images side by side in the channels ([`Source`]s), as in a dense block
//! or a fusion of many blocks, so that nothing is ever concatenated. Where few products suffice, 3×3 go
//! by tiles (`winograd`); here, they are matrix products over the taps of the kernel, and a tap outside
//! the image reads a row of zeros.

use std::ops::Range;

use rayon::prelude::*;

use super::image::{Extent, Finish, Source};
use super::matmul::{Packed, Pieces, multiply};
use super::simd::{self, Simd, Work};
use super::threads::rows_per_task;
use super::winograd::{self, TileWeights};

/// Up to this many outputs, those of the three taps of a row lie side by side in one vector: alone they would leave most of it idle.
const FEW: usize = 5;

/// Weights of a convolution, packed for one pass.
pub(crate) enum Taps {
    /// For products with the pixels themselves.
    Direct(DirectTaps),
    /// For products with transformed tiles.
    Tiles(TileWeights),
}

/// side² taps, for each its inputs. Of [`FEW`] outputs only the rows of taps follow one another, and the taps of a row lie side by side.
pub(crate) struct DirectTaps {
    packed: Packed,
    side: usize,
    outputs: usize,
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
        if winograd::suits(side, inputs, outputs) {
            return Self::Tiles(TileWeights::new(inputs, outputs, weight));
        }
        let beside = DirectTaps::beside(side, outputs);
        let packed = Packed::new(side * side / beside * inputs, beside * outputs, |k| {
            let (input, first) = (k % inputs, k / inputs * beside);
            let weights: Vec<R> = (first..first + beside).map(|tap| weight(input, tap)).collect();
            move |column| weights[column / outputs](column % outputs)
        });
        Self::Direct(DirectTaps { packed, side, outputs })
    }
}

impl DirectTaps {
    /// How many taps lie side by side.
    fn beside(side: usize, outputs: usize) -> usize {
        if outputs <= FEW { side } else { 1 }
    }
}

/// Convolves `sources` and writes (or adds, see [`Finish`]) `[pixels, outputs]` values to `out`.
pub(crate) fn convolve(extent: Extent, sources: &[Source], taps: &Taps, finish: Finish, out: &mut [f32]) {
    let taps = match taps {
        Taps::Direct(taps) => taps,
        Taps::Tiles(weights) => return winograd::convolve(extent, sources, weights, finish, out),
    };
    assert_eq!(out.len(), extent.pixels() * taps.outputs, "the shape of the output");
    let rows = rows_per_task(extent.batch * extent.height);
    let row_len = extent.width * taps.outputs;
    out.par_chunks_mut(rows * row_len).enumerate().for_each(|(task, out)| {
        simd::run(Rows { extent, sources, taps, finish, first_row: task * rows, out });
    });
}

/// Output rows of one task, counted through all images.
struct Rows<'a> {
    extent: Extent,
    sources: &'a [Source<'a>],
    taps: &'a DirectTaps,
    finish: Finish<'a>,
    first_row: usize,
    out: &'a mut [f32],
}

impl Work for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { extent, sources, taps, finish, first_row, out } = self;
        let (width, outputs) = (extent.width, taps.outputs);
        let beside = DirectTaps::beside(taps.side, outputs);
        let widest = sources.iter().map(|source| source.channels).max().unwrap_or(0);
        let zeros = vec![0.0; widest];
        let channels: Vec<usize> = sources.iter().map(|source| source.channels).collect();
        let pieces = channels.repeat(taps.side * taps.side / beside);
        let mut parts = vec![0.0; if beside > 1 { width * taps.packed.width() } else { 0 }];
        for (row, out) in (first_row..).zip(out.chunks_mut(width * outputs)) {
            let reads = row_reads(extent, sources, taps.side, beside, row);
            let reads = Reads { reads: &reads, zeros: &zeros };
            let finish = finish.part(row * width * outputs..(row + 1) * width * outputs);
            let mut finished = RowOutput { finish, outputs, out };
            if beside > 1 {
                let all = taps.packed.width();
                multiply(
                    s,
                    width,
                    &pieces,
                    reads,
                    &taps.packed,
                    #[inline(always)]
                    |x, o, v| s.store_part(&mut parts[x * all + o..x * all + all.min(o + S::LANES)], v),
                );
                finished.sum(s, &parts, beside);
            } else {
                multiply(
                    s,
                    width,
                    &pieces,
                    reads,
                    &taps.packed,
                    #[inline(always)]
                    |x, o, v| finished.store(s, x, o, v),
                );
            }
        }
    }
}

/// An output row, and how its values are finished; the gate is that of the row.
struct RowOutput<'a> {
    finish: Finish<'a>,
    outputs: usize,
    out: &'a mut [f32],
}

impl RowOutput<'_> {
    /// Writes outputs of pixel x from o on.
    #[inline(always)]
    fn store<S: Simd>(&mut self, s: S, x: usize, o: usize, v: S::V) {
        self.finish.write(s, v, o, self.outputs, x * self.outputs, self.out);
    }

    /// Adds up what the `side` columns of taps give to each pixel: `parts` `[width, side, outputs]` are by the pixel that was read.
    #[inline(always)]
    fn sum<S: Simd>(&mut self, s: S, parts: &[f32], side: usize) {
        let (outputs, half) = (self.outputs, side / 2);
        let width = parts.len() / (side * outputs);
        for x in 0..width {
            for o in (0..outputs).step_by(S::LANES) {
                let mut sum = s.splat(0.0);
                // Pixels outside the image give nothing.
                for dx in half.saturating_sub(x)..side.min(width + half - x) {
                    let part = ((x + dx - half) * side + dx) * outputs;
                    sum = s.add(sum, s.load_part(&parts[part + o..part + outputs.min(o + S::LANES)]));
                }
                self.store(s, x, o, sum);
            }
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

/// The reads of every tap, and in each tap of every source, for one output row; of taps that lie side by side, `beside` of them, those
/// of the pixel that the kernel stands on.
fn row_reads<'a>(extent: Extent, sources: &[Source<'a>], side: usize, beside: usize, row: usize) -> Vec<RowRead<'a>> {
    let reads = (0..side * side).step_by(beside).flat_map(|tap| {
        let dx = if beside > 1 { 0 } else { (tap % side) as isize - (side / 2) as isize };
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
