//! What the gradients of window attention on matrix units add to a row of partial sums: those of `qkv`, `proj`, position biases and the norm,
//! from what the planes of a cube have brought to shared memory.

use super::conv::zeros;
use super::layout::Hybrid;
use super::matrix::{K, M, N, OWN, PLANE, multiply, odd};
use super::rows::{OWN_ROWS, ROWS, column_sum, left_of, numbers, own_row, padded, pitch, place, plane, right_of};
use cubecl::prelude::*;

/// Numbers of a unit for the gradients of position biases: two columns for each of the distances between a row of the window and those of
/// the plane's tokens, which are two.
pub(super) const SLOTS: usize = 2 * 9;

/// Numbers between two tokens in shared memory.
pub(super) const fn across(hybrid: &Hybrid) -> usize {
    odd(hybrid.channels, 8)
}

/// Products beside each other that have all channels as rows.
const fn fragments(hybrid: &Hybrid) -> usize {
    hybrid.channels.div_ceil(M)
}

/// Adds to a row of partial sums at `to` the gradients of a head's position biases, from the slots of all units in `all` from `first` on. A unit of a plane
/// has the columns of the window `2·(unit % 4)` and the next, of tokens whose column is `unit / 4`.
#[cube]
pub(super) fn add_positions(
    all: &[f32],
    first: usize,
    partial: &mut [f32],
    to: usize,
    head: usize,
    #[comptime] hybrid: Hybrid,
) {
    let (across, side) = (comptime!(hybrid.distances()), comptime!(hybrid.window));
    let mut entry = UNIT_POS as usize;
    while entry < comptime!(across * across) {
        let (dy, dx) = (entry / across, entry % across);
        let mut sum = f32::new(0.0);
        for plane in 0..comptime!(hybrid.tokens() / ROWS) {
            let slot = dy - min(dy, 2 * plane);
            if dy >= 2 * plane && slot < comptime!(SLOTS / 2) {
                #[unroll]
                for column in 0..side {
                    if dx + column >= comptime!(side - 1) && dx + column < across {
                        let of = dx + column - comptime!(side - 1);
                        let from = (plane * SLOTS + slot * 2 + comptime!(column % 2)) * PLANE;
                        sum += all[first + from + of * 4 + comptime!(column / 2)];
                    }
                }
            }
        }
        partial[to + entry * comptime!(hybrid.heads) + head] += sum;
        entry += CUBE_DIM as usize;
    }
}

/// Adds to a row of partial sums at `to` the gradients of a head's rows of `qkv` and of their biases, from those of queries, keys and values
/// in `parts`.
#[cube]
pub(super) fn add_qkv(
    tokens: &[f32],
    parts: &[f32],
    partial: &mut [f32],
    to: usize,
    head: usize,
    #[comptime] hybrid: Hybrid,
) {
    let (channels, d, n) = (comptime!(hybrid.channels), comptime!(hybrid.head()), comptime!(hybrid.tokens()));
    let (across, wide) = (comptime!(across(&hybrid)), comptime!(padded(d)));
    let (rows, columns) = (comptime!(fragments(&hybrid)), comptime!(padded(d) / N));
    let part = comptime!(n * pitch(wide));
    let mut tile = plane();
    while tile < comptime!(3 * rows * columns) {
        let (of, row, column) = (tile / comptime!(rows * columns), tile % rows, tile / rows % columns);
        let mut sums = zeros(OWN);
        #[unroll]
        for eight in 0..comptime!(n / K) {
            let left = left_of(tokens, comptime!(eight * K * across) + row * M, 1usize, across);
            let from = of * part + comptime!(eight * K * pitch(wide)) + column * N;
            let right = right_of(parts, from, comptime!(pitch(wide)), 1usize);
            multiply(&left, &right, &mut sums, 0usize, 0usize, 0usize);
        }
        #[unroll]
        for i in 0..OWN {
            let (c, k) = place(i);
            let (c, k) = (row * M + c, column * N + k);
            if c < channels && k < d {
                partial[to + (of * channels + head * d + k) * channels + c] += sums[i];
            }
        }
        tile += CUBE_DIM as usize / PLANE;
    }
    let unit = UNIT_POS as usize;
    if unit < comptime!(3 * d) {
        let (of, k) = (unit / d, unit % d);
        let mut sum = f32::new(0.0);
        for token in 0..n {
            sum += parts[of * part + token * comptime!(pitch(wide)) + k];
        }
        partial[to + comptime!(3 * channels * channels) + of * channels + head * d + k] += sum;
    }
}

/// Adds to a row of partial sums at `to` the gradients of `proj` and of its bias: `above` are the gradients of all tokens, `heads` what the
/// heads gave.
#[cube]
pub(super) fn add_proj(above: &[f32], heads: &[f32], partial: &mut [f32], to: usize, #[comptime] hybrid: Hybrid) {
    let (channels, across) = (comptime!(hybrid.channels), comptime!(across(&hybrid)));
    let rows = comptime!(fragments(&hybrid));
    let mut tile = plane();
    while tile < comptime!(rows * (channels / N)) {
        let mut sums = zeros(OWN);
        #[unroll]
        for eight in 0..comptime!(hybrid.tokens() / K) {
            let left = left_of(above, comptime!(eight * K * across) + tile % rows * M, 1usize, across);
            let right = right_of(heads, comptime!(eight * K * across) + tile / rows * N, across, 1usize);
            multiply(&left, &right, &mut sums, 0usize, 0usize, 0usize);
        }
        #[unroll]
        for i in 0..OWN {
            let (o, c) = place(i);
            let o = tile % rows * M + o;
            if o < channels {
                partial[to + o * channels + tile / rows * N + c] += sums[i];
            }
        }
        tile += CUBE_DIM as usize / PLANE;
    }
    let unit = UNIT_POS as usize;
    if unit < channels {
        let mut sum = f32::new(0.0);
        for token in 0..comptime!(hybrid.tokens()) {
            sum += above[token * across + unit];
        }
        partial[to + comptime!(channels * channels) + unit] += sum;
    }
}

/// Adds what a plane's tokens give to the gradients of the norm's scale and shift.
#[cube]
pub(super) fn add_norms(
    values: &Array<f32>,
    moments: &Array<f32>,
    grad: &Array<f32>,
    norms: &mut [f32],
    #[comptime] hybrid: Hybrid,
) {
    #[unroll]
    for i in 0..comptime!(numbers(hybrid.channels)) {
        if comptime!(own_row(i) == 0) {
            let next = comptime!(i + OWN / OWN_ROWS);
            let one = (values[i] - moments[0]) * moments[1] * grad[i];
            let two = (values[next] - moments[2]) * moments[3] * grad[next];
            let (scale, shift) = (column_sum(one + two), column_sum(grad[i] + grad[next]));
            let (of, channel) = place(i);
            if of == 0 {
                let to = plane() * comptime!(2 * hybrid.channels) + channel;
                norms[to] += scale;
                norms[to + comptime!(hybrid.channels)] += shift;
            }
        }
    }
}
