//! Gradients of the weights of convolutions 3×3 of few inputs: each number of an image meets the gradients of the three outputs in a row that
//! read it, while they are in registers.
#![allow(unsafe_code, reason = "the innermost loops read what was checked before them")]
#![allow(clippy::needless_range_loop, reason = "iterators over arrays of vectors take them through memory")]

use super::image::{Extent, Source};
use super::padded::SIDE;
use super::row_sums::RowSums;
use super::simd::{Simd, Work};
use super::winograd_gradient;

/// Whether this is faster than by tiles, as measured. Those are at their best where the inputs are whole vectors, and pad the outputs.
pub(super) fn suits<S: Simd>(inputs: usize, outputs: usize) -> bool {
    let few = inputs < S::LANES.max(8) && inputs * outputs.div_ceil(S::LANES) <= 18;
    few || 2 * outputs <= winograd_gradient::padded(outputs)
}

/// Adds, for some rows, sums `[row of taps, input, tap in the row, output]`.
pub(super) struct InputSums<'a>(pub(super) RowSums<'a>);

impl Work for InputSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let RowSums { extent: Extent { height, width, .. }, sources, grad, rows, sum } = self.0;
        let tap_len = sum.len() / SIDE;
        for row in rows {
            let grads = grad.part(row * width..(row + 1) * width);
            for (tap, sum) in sum.chunks_exact_mut(tap_len).enumerate() {
                if !(1..=height).contains(&(row % height + tap)) {
                    continue;
                }
                let read = row + tap - 1;
                let mut sum = sum;
                for source in sources {
                    let (of_source, rest) = sum.split_at_mut(source.channels * SIDE * grad.channels);
                    sum = rest;
                    add_row(s, source.part(read * width..(read + 1) * width), grads, of_source);
                }
            }
        }
    }
}

/// Adds the sums of a row of a source and one of gradients.
#[inline(always)]
fn add_row<S: Simd>(s: S, pixels: Source, grads: Source, sum: &mut [f32]) {
    let most = if S::MANY_REGISTERS { 8 } else { 4 };
    for column in (0..grads.channels).step_by(S::LANES) {
        let mut input = 0;
        while input < pixels.channels {
            let left = pixels.channels - input;
            // As many in each block: of a few, the sums would wait for each other.
            let inputs = left.div_ceil(left.div_ceil(most));
            macro_rules! block {
                ($($inputs:literal)*) => {
                    match inputs {
                        $($inputs => add_block::<S, $inputs>(s, pixels, input, grads, column, sum),)*
                        _ => unreachable!("not so many inputs"),
                    }
                };
            }
            block!(1 2 3 4 5 6 7 8);
            input += inputs;
        }
    }
}

/// Those of `M` inputs from `input` on, and a vector of outputs from `column` on.
#[inline(always)]
fn add_block<S: Simd, const M: usize>(
    s: S,
    pixels: Source,
    input: usize,
    grads: Source,
    column: usize,
    sum: &mut [f32],
) {
    let outputs = grads.channels;
    let lanes = column..outputs.min(column + S::LANES);
    let mut acc = [[s.splat(0.0); SIDE]; M];
    // Of the pixels to the left, beneath, and to the right of the one that is read; there are none outside the image.
    let (mut left, mut middle) = (s.splat(0.0), s.load_part(&grads.values[lanes.clone()]));
    let mut next = grads.values.chunks_exact(outputs).skip(1);
    for values in pixels.values.chunks_exact(pixels.channels) {
        let right = match next.next() {
            Some(grads) => s.load_part(&grads[lanes.clone()]),
            None => s.splat(0.0),
        };
        let values = &values[input..input + M];
        for m in 0..M {
            let value = s.splat(values[m]);
            acc[m][0] = s.fma(value, right, acc[m][0]);
            acc[m][1] = s.fma(value, middle, acc[m][1]);
            acc[m][2] = s.fma(value, left, acc[m][2]);
        }
        (left, middle) = (middle, right);
    }
    for (m, acc) in acc.into_iter().enumerate() {
        for (tap, acc) in acc.into_iter().enumerate() {
            let sum = &mut sum[((input + m) * SIDE + tap) * outputs..][lanes.clone()];
            s.store_part(sum, s.add(acc, s.load_part(sum)));
        }
    }
}
