//! Rows of numbers in the registers of a plane of units: of 16 pixels or tokens, a unit has those channels of two that it would have of the
//! sums of products on matrix units. So what products give is multiplied on without leaving the registers; depth then has another order,
//! in which weights are brought to shared memory.

use super::functions::EPSILON;
use super::matrix::{
    K, LEFT, M, N, OWN, PAIR, PLANE, RIGHT, left_place, multiply, odd, right_place, rounded, sum_place,
};
use super::words::number;
use cubecl::prelude::*;

/// Rows of a plane, and of them a unit's.
pub(super) const ROWS: usize = M;
pub(super) const OWN_ROWS: usize = OWN / PAIR;
/// A unit's sums in the order in which they are factors of the left: by columns, where they were by rows.
const AS_LEFT: [usize; LEFT] = [0, 2, 1, 3];

/// Numbers of a unit for so many channels.
pub(super) const fn numbers(channels: usize) -> usize {
    channels / N * OWN
}

/// Of a unit's numbers, which of its rows one is of.
pub(super) const fn own_row(number: usize) -> usize {
    number % OWN / PAIR
}

/// Channels rounded up to those of a product.
pub(super) const fn padded(channels: usize) -> usize {
    channels.div_ceil(N) * N
}

/// Numbers between two outputs in shared memory.
pub(super) const fn pitch(depth: usize) -> usize {
    odd(padded(depth), 4)
}

/// Row and channel of a unit's number.
#[cube]
pub(super) fn place(#[comptime] number: usize) -> (usize, usize) {
    let (row, col) = sum_place(comptime!(number % OWN));
    (row, comptime!(number / OWN * N) + col)
}

/// The unit's plane.
#[cube]
pub(super) fn plane() -> usize {
    UNIT_POS as usize / PLANE
}

/// The pixels from `pixel` on, of a buffer of `stride` numbers a pixel, which may be bf16 by twos, from `first` on; for those beyond the last, `total − 1`, that.
#[cube]
pub(super) fn load_rows<N: CubePrimitive>(
    source: &[N],
    pixel: usize,
    total: usize,
    first: usize,
    stride: usize,
    #[comptime] channels: usize,
    #[comptime] halves: bool,
) -> Array<f32> {
    let mut values = Array::<f32>::new(comptime!(numbers(channels)));
    #[unroll]
    for i in 0..comptime!(numbers(channels)) {
        let (row, channel) = place(i);
        values[i] = number(source, min(pixel + row, total - 1) * stride + first + channel, halves);
    }
    values
}

/// The pixels of a unit's rows, whatever they are, of such a buffer.
#[cube]
pub(super) fn load_pixels<N: CubePrimitive>(
    source: &[N],
    pixels: &Array<usize>,
    first: usize,
    stride: usize,
    #[comptime] channels: usize,
    #[comptime] halves: bool,
) -> Array<f32> {
    let mut values = Array::<f32>::new(comptime!(numbers(channels)));
    #[unroll]
    for i in 0..comptime!(numbers(channels)) {
        let (_, channel) = place(i);
        values[i] = number(source, pixels[comptime!(own_row(i))] * stride + first + channel, halves);
    }
    values
}

/// Writes pixels to such a buffer; those beyond the last are left out.
#[cube]
pub(super) fn store_rows(
    values: &Array<f32>,
    to: &mut [f32],
    pixel: usize,
    total: usize,
    first: usize,
    stride: usize,
    #[comptime] channels: usize,
) {
    #[unroll]
    for i in 0..comptime!(numbers(channels)) {
        let (row, channel) = place(i);
        if pixel + row < total {
            to[(pixel + row) * stride + first + channel] = values[i];
        }
    }
}

/// In each row the biases at `base`.
#[cube]
pub(super) fn biases(weights: &[f32], base: usize, #[comptime] channels: usize) -> Array<f32> {
    let mut values = Array::<f32>::new(comptime!(numbers(channels)));
    #[unroll]
    for i in 0..comptime!(numbers(channels)) {
        let (_, channel) = place(i);
        values[i] = weights[base + channel];
    }
    values
}

/// The numbers as factors.
#[cube]
pub(super) fn factors(values: &Array<f32>, #[comptime] channels: usize) -> Array<f32> {
    let mut factors = Array::<f32>::new(comptime!(numbers(channels)));
    #[unroll]
    for i in 0..comptime!(numbers(channels)) {
        factors[i] = rounded(values[i]);
    }
    factors
}

/// Σ over a row, of which four units side by side have some.
#[cube]
pub(super) fn row_sum(own: f32) -> f32 {
    let sum = own + plane_shuffle_xor(own, 1u32);
    sum + plane_shuffle_xor(sum, 2u32)
}

/// The largest number of a row, of which four units side by side have some.
#[cube]
pub(super) fn row_max(own: f32) -> f32 {
    let most = max(own, plane_shuffle_xor(own, 1u32));
    max(most, plane_shuffle_xor(most, 2u32))
}

/// Σ over the eight rows of one number of the units of a plane.
#[cube]
pub(super) fn column_sum(own: f32) -> f32 {
    let sum = own + plane_shuffle_xor(own, 4u32);
    let sum = sum + plane_shuffle_xor(sum, 8u32);
    sum + plane_shuffle_xor(sum, 16u32)
}

/// The rows without what clamping gave for those beyond the last.
#[cube]
pub(super) fn without_others(
    values: &Array<f32>,
    pixel: usize,
    total: usize,
    #[comptime] channels: usize,
) -> Array<f32> {
    let mut own = Array::<f32>::new(comptime!(numbers(channels)));
    #[unroll]
    for i in 0..comptime!(numbers(channels)) {
        let (row, _) = place(i);
        let mut value = f32::new(0.0);
        if pixel + row < total {
            value = values[i];
        }
        own[i] = value;
    }
    own
}

/// Mean and one over the standard deviation of each of a unit's rows.
#[cube]
pub(super) fn moments_of_rows(values: &Array<f32>, #[comptime] channels: usize) -> Array<f32> {
    let share = comptime!(1.0 / channels as f32);
    let mut moments = Array::<f32>::new(comptime!(2 * OWN_ROWS));
    #[unroll]
    for row in 0..OWN_ROWS {
        let mut sum = f32::new(0.0);
        #[unroll]
        for i in 0..comptime!(numbers(channels)) {
            if comptime!(own_row(i) == row) {
                sum += values[i];
            }
        }
        let mean = row_sum(sum) * share;
        let mut spread = f32::new(0.0);
        #[unroll]
        for i in 0..comptime!(numbers(channels)) {
            if comptime!(own_row(i) == row) {
                let off = values[i] - mean;
                spread += off * off;
            }
        }
        moments[comptime!(2 * row)] = mean;
        moments[comptime!(2 * row + 1)] = f32::new(1.0) / (row_sum(spread) * share + EPSILON).sqrt();
    }
    moments
}

/// LayerNorm of the rows, by the norm at `base`.
#[cube]
pub(super) fn normalised_rows(
    values: &Array<f32>,
    moments: &Array<f32>,
    weights: &[f32],
    base: usize,
    #[comptime] channels: usize,
) -> Array<f32> {
    let mut normal = Array::<f32>::new(comptime!(numbers(channels)));
    #[unroll]
    for i in 0..comptime!(numbers(channels)) {
        let (_, channel) = place(i);
        let row = comptime!(own_row(i));
        let value = (values[i] - moments[comptime!(2 * row)]) * moments[comptime!(2 * row + 1)];
        normal[i] = value * weights[base + channel] + weights[base + channels + channel];
    }
    normal
}

/// The gradient of the rows `values` given that of what they were normalised to, by the norm at `base`.
#[cube]
pub(super) fn normalised_back(
    values: &Array<f32>,
    moments: &Array<f32>,
    grad: &Array<f32>,
    weights: &[f32],
    base: usize,
    #[comptime] channels: usize,
) -> Array<f32> {
    let share = comptime!(1.0 / channels as f32);
    let mut back = Array::<f32>::new(comptime!(numbers(channels)));
    #[unroll]
    for row in 0..OWN_ROWS {
        let (mean, scale) = (moments[comptime!(2 * row)], moments[comptime!(2 * row + 1)]);
        let (mut shift, mut tilt) = (f32::new(0.0), f32::new(0.0));
        #[unroll]
        for i in 0..comptime!(numbers(channels)) {
            if comptime!(own_row(i) == row) {
                let (_, channel) = place(i);
                let g = grad[i] * weights[base + channel];
                shift += g;
                tilt += g * (values[i] - mean) * scale;
                back[i] = g;
            }
        }
        shift = row_sum(shift) * share;
        tilt = row_sum(tilt) * share;
        #[unroll]
        for i in 0..comptime!(numbers(channels)) {
            if comptime!(own_row(i) == row) {
                back[i] = (back[i] - shift - (values[i] - mean) * scale * tilt) * scale;
            }
        }
    }
    back
}

/// Brings weights to shared memory as `times` reads them, `[outputs, pitch]`: those of an output lie side by side from `base` on, those
/// of the next `stride` further. Both are rounded up to eights, with zeros.
#[cube]
pub(super) fn stage(
    weights: &[f32],
    to: &mut [f32],
    to_first: usize,
    base: usize,
    stride: usize,
    #[comptime] outputs: usize,
    #[comptime] depth: usize,
) {
    let (wide, deep) = (comptime!(padded(outputs)), comptime!(padded(depth)));
    let mut at = UNIT_POS as usize;
    while at < comptime!(wide * deep) {
        let (output, k) = (at / deep, at % deep);
        let mut value = f32::new(0.0);
        if output < outputs && k < depth {
            value = weights[base + output * stride + k];
        }
        to[to_first + output * comptime!(pitch(depth)) + in_order(k)] = rounded(value);
        at += CUBE_DIM as usize;
    }
}

/// Where depth `k` lies among eights: as units have numbers of rows, two side by side, and factors of the left, four apart.
#[cube]
pub(super) fn in_order(k: usize) -> usize {
    k / K * K + k % PAIR * comptime!(K / PAIR) + k % K / PAIR
}

/// The depth that lies there.
#[cube]
fn out_of_order(place: usize) -> usize {
    place % comptime!(K / PAIR) * PAIR + place / comptime!(K / PAIR)
}

/// A unit's factors of the right of a product from shared memory: those of a depth and column lie `down` and `across` numbers from the
/// next.
#[cube]
pub(super) fn right_of(of: &[f32], first: usize, #[comptime] down: usize, #[comptime] across: usize) -> Array<f32> {
    let mut factors = Array::<f32>::new(RIGHT);
    #[unroll]
    for i in 0..RIGHT {
        let (row, col) = right_place(i);
        factors[i] = of[first + row * down + col * across];
    }
    factors
}

/// The same where the left are rows of registers.
#[cube]
pub(super) fn right_of_rows(
    of: &[f32],
    first: usize,
    #[comptime] down: usize,
    #[comptime] across: usize,
) -> Array<f32> {
    let mut factors = Array::<f32>::new(RIGHT);
    #[unroll]
    for i in 0..RIGHT {
        let (row, col) = right_place(i);
        factors[i] = of[first + out_of_order(row) * down + col * across];
    }
    factors
}

/// A unit's factors of the left, of which a row and depth lie `down` and `across` numbers from the next.
#[cube]
pub(super) fn left_of(of: &[f32], first: usize, #[comptime] down: usize, #[comptime] across: usize) -> Array<f32> {
    let mut factors = Array::<f32>::new(LEFT);
    #[unroll]
    for i in 0..LEFT {
        let (row, col) = left_place(i);
        factors[i] = of[first + row * down + col * across];
    }
    factors
}

/// A unit's factors of the right of products from the network's weights, `depth` by `outputs`: those of a depth and output lie `down` and
/// `across` numbers from the next. With `of_rows`, the left are rows of registers.
#[cube]
pub(super) fn weights_of(
    weights: &[f32],
    first: usize,
    #[comptime] depth: usize,
    #[comptime] outputs: usize,
    #[comptime] down: usize,
    #[comptime] across: usize,
    #[comptime] of_rows: bool,
) -> Array<f32> {
    let mut factors = Array::<f32>::new(comptime!(depth / K * (outputs / N) * RIGHT));
    #[unroll]
    for i in 0..comptime!(depth / K * (outputs / N) * RIGHT) {
        let (row, col) = right_place(comptime!(i % RIGHT));
        let row = if comptime!(of_rows) { out_of_order(row) } else { row };
        let (eight, column) = comptime!((i / RIGHT % (depth / K), i / RIGHT / (depth / K)));
        factors[i] =
            rounded(weights[first + (comptime!(eight * K) + row) * down + (comptime!(column * N) + col) * across]);
    }
    factors
}

/// Adds to `sums`, rows of `outputs` channels, the products of rows of `channels` factors and of what [`weights_of`] gives.
#[cube]
pub(super) fn times_own(
    factors: &Array<f32>,
    weights: &Array<f32>,
    sums: &mut Array<f32>,
    #[comptime] channels: usize,
    #[comptime] outputs: usize,
) {
    #[unroll]
    for eight in 0..comptime!(channels / K) {
        let left = left_of_rows(factors, eight);
        #[unroll]
        for column in 0..comptime!(outputs / N) {
            let right = comptime!((column * (channels / K) + eight) * RIGHT);
            multiply(&left, weights, sums, 0usize, right, comptime!(column * OWN));
        }
    }
}

/// Factors of the left of a product from eight channels of rows.
#[cube]
pub(super) fn left_of_rows(factors: &Array<f32>, #[comptime] eight: usize) -> Array<f32> {
    let mut left = Array::<f32>::new(LEFT);
    #[unroll]
    for i in 0..LEFT {
        left[i] = factors[comptime!(eight * OWN + AS_LEFT[i])];
    }
    left
}

/// Adds to `sums`, rows of `outputs` channels, the products of rows of `channels` factors and of staged
/// weights from `first` on.
#[cube]
pub(super) fn times(
    factors: &Array<f32>,
    weights: &[f32],
    first: usize,
    sums: &mut Array<f32>,
    #[comptime] channels: usize,
    #[comptime] outputs: usize,
    #[comptime] pitch: usize,
) {
    #[unroll]
    for eight in 0..comptime!(channels / K) {
        let left = left_of_rows(factors, eight);
        #[unroll]
        for column in 0..comptime!(outputs / N) {
            let right = right_of(weights, first + comptime!(column * N * pitch + eight * K), 1usize, pitch);
            multiply(&left, &right, sums, 0usize, 0usize, comptime!(column * OWN));
        }
    }
}
