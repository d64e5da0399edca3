//! Self-attention within windows on matrix units: a cube has a window, a plane 16 of its tokens, whose scores stay in registers.

use super::conv::zeros;
use super::layout::Hybrid;
use super::matrix::{K, N, OWN, PAIR, multiply, rounded};
use super::mlp_rows::{first_len, mlp_rows, second_len};
use super::rows::{
    OWN_ROWS, ROWS, biases, factors, left_of_rows, load_pixels, moments_of_rows, normalised_rows, numbers, own_row,
    padded, pitch, place, plane, right_of_rows, row_max, row_sum, stage, times,
};
use super::tiles::Tile;
use super::tokens::{convolve_rows, tap_len};
use super::windows::{MASKED, pixel_of};
use super::words::pair;
use cubecl::prelude::*;

/// Numbers of shared memory for a head's rows of queries, keys and values.
pub(super) const fn qkv_len(hybrid: &Hybrid) -> usize {
    3 * padded(hybrid.head()) * pitch(hybrid.channels)
}

/// The number of a row of the plane in its window, for that of a unit's numbers.
#[cube]
pub(super) fn token(#[comptime] number: usize) -> usize {
    let (row, _) = place(number);
    plane() * ROWS + row
}

/// The numbers in the window of a unit's tokens.
#[cube]
pub(super) fn own_tokens() -> Array<usize> {
    let mut tokens = Array::<usize>::new(OWN_ROWS);
    #[unroll]
    for row in 0..OWN_ROWS {
        tokens[row] = token(comptime!(row * PAIR));
    }
    tokens
}

/// The pixels of a unit's tokens.
#[cube]
pub(super) fn pixels_of(window: &Tile, shift: usize, #[comptime] hybrid: Hybrid) -> Array<usize> {
    let (tokens, mut pixels) = (own_tokens(), Array::<usize>::new(OWN_ROWS));
    #[unroll]
    for row in 0..OWN_ROWS {
        pixels[row] = pixel_of(window, tokens[row], shift, hybrid);
    }
    pixels
}

/// Brings to shared memory the pixel of each token.
#[cube]
fn stage_pixels(pixels: &mut [u32], window: &Tile, shift: usize, #[comptime] hybrid: Hybrid) {
    let token = UNIT_POS as usize;
    if token < comptime!(hybrid.tokens()) {
        pixels[token] = pixel_of(window, token, shift, hybrid) as u32;
    }
}

/// Those of a unit's tokens, from there.
#[cube]
fn staged_pixels(pixels: &[u32]) -> Array<usize> {
    let (tokens, mut own) = (own_tokens(), Array::<usize>::new(OWN_ROWS));
    #[unroll]
    for row in 0..OWN_ROWS {
        own[row] = pixels[tokens[row]] as usize;
    }
    own
}

/// Brings to shared memory of each token from which sides of the image the cyclic shift brought it: 1 for rows, 2 for columns.
#[cube]
pub(super) fn stage_sides(sides: &mut [u32], window: &Tile, shift: usize, #[comptime] hybrid: Hybrid) {
    let side = comptime!(hybrid.window);
    let token = UNIT_POS as usize;
    if token < comptime!(hybrid.tokens()) {
        let mut from = 0u32;
        if shift > 0 && window.top + side == window.height && token / side >= side - shift {
            from += 1u32;
        }
        if shift > 0 && window.left + side == window.width && token % side >= side - shift {
            from += 2u32;
        }
        sides[token] = from;
    }
}

/// How far a token lies from the first one in a table of distances.
#[cube]
fn distance(token: usize, #[comptime] hybrid: Hybrid) -> usize {
    let side = comptime!(hybrid.window);
    token / side * comptime!(hybrid.distances()) + token % side
}

/// Position bias and mask of query i and key j of a head, whose table and sides are in shared memory.
#[cube]
pub(super) fn bias_of(table: &[f32], sides: &[u32], i: usize, j: usize, #[comptime] hybrid: Hybrid) -> f32 {
    let none = comptime!((hybrid.window - 1) * (hybrid.distances() + 1));
    let mut value = table[none + distance(i, hybrid) - distance(j, hybrid)];
    if sides[i] != sides[j] {
        value += MASKED;
    }
    value
}

/// Brings to shared memory a head's rows of `qkv`, and its position biases by distance.
#[cube]
pub(super) fn stage_head(
    weights: &[f32],
    qkv: &mut [f32],
    table: &mut [f32],
    base: usize,
    head: usize,
    #[comptime] hybrid: Hybrid,
) {
    let (channels, d) = (comptime!(hybrid.channels), comptime!(hybrid.head()));
    #[unroll]
    for of in 0..3usize {
        let from = base + comptime!(hybrid.qkv()) + (comptime!(of * channels) + head * d) * channels;
        let to = comptime!(of * padded(d) * pitch(channels)).runtime();
        stage(weights, qkv, to, from, channels, d, channels);
    }
    let mut at = UNIT_POS as usize;
    while at < comptime!(hybrid.distances() * hybrid.distances()) {
        table[at] = weights[base + comptime!(hybrid.position_bias()) + at * comptime!(hybrid.heads) + head];
        at += CUBE_DIM as usize;
    }
}

/// One part of a head's `qkv` (0: queries, 1: keys, 2: values) for a plane's tokens, times `scale`, as factors; beyond the head's channels
/// zeros.
#[cube]
pub(super) fn part_rows(
    tokens: &Array<f32>,
    weights: &[f32],
    qkv: &[f32],
    base: usize,
    head: usize,
    scale: f32,
    #[comptime] of: usize,
    #[comptime] hybrid: Hybrid,
) -> Array<f32> {
    let (channels, d) = (comptime!(hybrid.channels), comptime!(hybrid.head()));
    let wide = comptime!(padded(d));
    let from = base + comptime!(hybrid.qkv() + 3 * channels * channels + of * channels) + head * d;
    let mut sums = Array::<f32>::new(comptime!(numbers(wide)));
    #[unroll]
    for i in 0..comptime!(numbers(wide)) {
        let (_, channel) = place(i);
        let mut bias = f32::new(0.0);
        if channel < d {
            bias = weights[from + channel];
        }
        sums[i] = bias;
    }
    let first = comptime!(of * wide * pitch(channels)).runtime();
    times(tokens, qkv, first, &mut sums, channels, wide, comptime!(pitch(channels)));
    #[unroll]
    for i in 0..comptime!(numbers(wide)) {
        sums[i] = rounded(sums[i] * scale);
    }
    sums
}

/// Writes a plane's rows of `wide` channels to shared memory from `first` on, `[tokens, pitch]`.
#[cube]
pub(super) fn put(rows: &Array<f32>, to: &mut [f32], #[comptime] first: usize, #[comptime] wide: usize) {
    #[unroll]
    for i in 0..comptime!(numbers(wide)) {
        let (_, channel) = place(i);
        to[first + token(i) * comptime!(pitch(wide)) + channel] = rows[i];
    }
}

/// Adds to `sums`, `[rows, tokens]`, the products of rows and of so many tokens from `first` on, over their `wide` channels.
#[cube]
pub(super) fn times_channels(
    rows: &Array<f32>,
    of: &[f32],
    first: usize,
    sums: &mut Array<f32>,
    #[comptime] wide: usize,
    #[comptime] tokens: usize,
) {
    #[unroll]
    for eight in 0..comptime!(wide / K) {
        let left = left_of_rows(rows, eight);
        #[unroll]
        for column in 0..comptime!(tokens / N) {
            let from = first + comptime!(column * N * pitch(wide) + eight * K);
            let right = right_of_rows(of, from, 1usize, comptime!(pitch(wide)));
            multiply(&left, &right, sums, 0usize, 0usize, comptime!(column * OWN));
        }
    }
}

/// Adds to `sums`, `[rows, wide]`, the products of rows of so many tokens and of these tokens from `first` on.
#[cube]
pub(super) fn times_tokens(
    rows: &Array<f32>,
    of: &[f32],
    first: usize,
    sums: &mut Array<f32>,
    #[comptime] tokens: usize,
    #[comptime] wide: usize,
) {
    #[unroll]
    for eight in 0..comptime!(tokens / K) {
        let left = left_of_rows(rows, eight);
        #[unroll]
        for column in 0..comptime!(wide / N) {
            let from = first + comptime!(eight * K * pitch(wide) + column * N);
            let right = right_of_rows(of, from, comptime!(pitch(wide)), 1usize);
            multiply(&left, &right, sums, 0usize, 0usize, comptime!(column * OWN));
        }
    }
}

/// From scores without bias to their shares of the softmax, not yet divided; gives for each of a unit's rows the largest score, and by what
/// is divided.
#[cube]
fn softmax(
    scores: &mut Array<f32>,
    table: &[f32],
    sides: &[u32],
    #[comptime] hybrid: Hybrid,
) -> (Array<f32>, Array<f32>) {
    let own = comptime!(numbers(hybrid.tokens()));
    let (mut most, mut total) = (Array::<f32>::new(OWN_ROWS), Array::<f32>::new(OWN_ROWS));
    #[unroll]
    for row in 0..OWN_ROWS {
        most[row] = f32::new(-1e30);
        total[row] = f32::new(0.0);
    }
    #[unroll]
    for number in 0..own {
        let (i, (_, j)) = (token(number), place(number));
        scores[number] += bias_of(table, sides, i, j, hybrid);
        let row = comptime!(own_row(number));
        most[row] = max(most[row], scores[number]);
    }
    #[unroll]
    for row in 0..OWN_ROWS {
        most[row] = row_max(most[row]);
    }
    #[unroll]
    for number in 0..own {
        let row = comptime!(own_row(number));
        scores[number] = (scores[number] - most[row]).exp();
        total[row] += scores[number];
    }
    #[unroll]
    for row in 0..OWN_ROWS {
        total[row] = row_sum(total[row]);
    }
    (most, total)
}

/// The larger of two lengths.
const fn longer(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}

/// Numbers of shared memory for a head's keys, or for others' weights.
const fn keys_len(hybrid: &Hybrid) -> usize {
    longer(hybrid.tokens() * pitch(padded(hybrid.head())), longer(tap_len(hybrid), first_len(hybrid)))
}

/// Writes mean and one over the standard deviation of a plane's tokens.
#[cube]
fn put_moments(moments: &Array<f32>, to: &mut [f32], pixels: &Array<usize>) {
    let (_, first) = place(0usize);
    if first == 0 {
        #[unroll]
        for i in 0..comptime!(2 * OWN_ROWS) {
            to[2 * pixels[comptime!(i / 2)] + comptime!(i % 2)] = moments[i];
        }
    }
}

/// Writes a plane's tokens as their moments normalise them, of bf16 by twos.
#[cube]
fn put_normal_rows(
    rows: &Array<f32>,
    moments: &Array<f32>,
    to: &mut [u32],
    pixels: &Array<usize>,
    #[comptime] channels: usize,
) {
    #[unroll]
    for i in 0..comptime!(numbers(channels) / 2) {
        let row = comptime!(own_row(2 * i));
        let (mean, scale) = (moments[comptime!(2 * row)], moments[comptime!(2 * row + 1)]);
        let (_, channel) = place(comptime!(2 * i));
        let (one, other) = (rows[comptime!(2 * i)] - mean, rows[comptime!(2 * i + 1)] - mean);
        to[pixels[row] * comptime!(channels / 2) + channel / 2] = pair(one * scale, other * scale, true);
    }
}

/// What `attention::attention` computes.
#[cube]
#[allow(clippy::too_many_arguments)]
pub(super) fn attention_rows(
    x: &[f32],
    active: &[u32],
    gates: &[f32],
    weights: &[f32],
    windows: &[u32],
    logs: &mut [f32],
    middle: &mut [u32],
    out: &mut [f32],
    moments_out: &mut [f32],
    normal: &mut [u32],
    base: usize,
    shift: usize,
    first: usize,
    stride: usize,
    scale: f32,
    alpha: f32,
    #[comptime] hybrid: Hybrid,
    #[comptime] last: bool,
) {
    let (channels, d, n) = (comptime!(hybrid.channels), comptime!(hybrid.head()), comptime!(hybrid.tokens()));
    let wide = comptime!(padded(d));
    let mut qkv = Shared::new_slice(comptime!(qkv_len(&hybrid)));
    let mut proj = Shared::new_slice(comptime!(channels * pitch(wide)));
    let mut table = Shared::new_slice(comptime!(hybrid.distances() * hybrid.distances()));
    // Before, the weights of a tap; later, the MLP's.
    let mut keys = Shared::new_slice(comptime!(keys_len(&hybrid)));
    let mut values = Shared::new_slice(comptime!(longer(n * pitch(wide), second_len(&hybrid))));
    let mut sides = Shared::new_slice(n);
    // Which pixels the tokens are is read from here again behind the heads, so that neither they nor what `x` has there is kept in registers.
    let mut staged = Shared::new_slice(n);
    let window = Tile::of(windows, CUBE_POS);
    stage_sides(&mut sides, &window, shift, hybrid);
    stage_pixels(&mut staged, &window, shift, hybrid);
    let mut sums = biases(weights, base + comptime!(hybrid.proj() + channels * channels), channels);
    let conv2 = base + comptime!(hybrid.conv2());
    let branch = convolve_rows(active, weights, &mut keys, &window, &own_tokens(), shift, conv2, false, hybrid);
    #[unroll]
    for i in 0..comptime!(numbers(channels)) {
        let (_, o) = place(i);
        let gate = alpha * gates[window.image * comptime!(hybrid.gates()) + o];
        sums[i] += gate * (branch[i] + weights[conv2 + comptime!(hybrid.taps() * channels) + o]);
    }
    let rows = load_pixels(x, &staged_pixels(&staged), 0usize, channels, channels, false);
    let normalised = normalised_rows(&rows, &moments_of_rows(&rows, channels), weights, base, channels);
    let tokens = factors(&normalised, channels);
    for head in 0..comptime!(hybrid.heads) {
        stage_head(weights, &mut qkv, &mut table, base, head, hybrid);
        stage(weights, &mut proj, 0usize, base + comptime!(hybrid.proj()) + head * d, channels, channels, d);
        sync_cube();
        let queries = part_rows(&tokens, weights, &qkv, base, head, scale, 0usize, hybrid);
        let own = part_rows(&tokens, weights, &qkv, base, head, f32::new(1.0), 1usize, hybrid);
        put(&own, &mut keys, 0usize, wide);
        let own = part_rows(&tokens, weights, &qkv, base, head, f32::new(1.0), 2usize, hybrid);
        put(&own, &mut values, 0usize, wide);
        sync_cube();
        let mut scores = zeros(comptime!(numbers(n)));
        times_channels(&queries, &keys, 0usize, &mut scores, wide, n);
        let (most, total) = softmax(&mut scores, &table, &sides, hybrid);
        let mut heads = zeros(comptime!(numbers(wide)));
        times_tokens(&factors(&scores, n), &values, 0usize, &mut heads, n, wide);
        #[unroll]
        for i in 0..comptime!(numbers(wide)) {
            let (_, channel) = place(i);
            let row = comptime!(own_row(i));
            heads[i] /= total[row];
            if channel == 0 {
                let pixel = staged[token(i)] as usize;
                logs[pixel * comptime!(hybrid.heads) + head] = most[row] + total[row].ln();
            }
        }
        times(&factors(&heads, wide), &proj, 0usize, &mut sums, wide, channels, comptime!(pitch(wide)));
        sync_cube();
    }
    let pixels = staged_pixels(&staged);
    #[unroll]
    for i in 0..comptime!(numbers(channels)) {
        let (_, o) = place(i);
        let at = pixels[comptime!(own_row(i))] * channels + o;
        sums[i] += x[at];
        if comptime!(!hybrid.products.halves) {
            middle[at] = u32::reinterpret(sums[i]);
        } else if comptime!(i % 2 == 1) {
            // Of two numbers one behind the other, channels lie side by side.
            middle[at / 2] = pair(sums[comptime!(i - 1)], sums[i], true);
        }
    }
    mlp_rows(&mut sums, &mut keys, &mut values, weights, base, hybrid);
    #[unroll]
    for i in 0..comptime!(numbers(channels)) {
        let (_, o) = place(i);
        let pixel = pixels[comptime!(own_row(i))];
        if comptime!(last) {
            let from = pixel * stride + first + o;
            out[from + channels] = out[from] + sums[i];
        } else {
            out[pixel * channels + o] = sums[i];
        }
    }
    if comptime!(!last) {
        let moments = moments_of_rows(&sums, channels);
        put_moments(&moments, moments_out, &pixels);
        if comptime!(hybrid.products.halves) {
            put_normal_rows(&sums, &moments, normal, &pixels, channels);
        }
    }
}
