//! The gradients of window attention on matrix units. A cube has every `rows`-th window, a plane 16 of its tokens: first as those that ask,
//! then as those that answer, so that scores are computed again eight columns at a time and never lie in memory.

use super::attention_rows::{
    bias_of, own_tokens, part_rows, pixels_of, put, qkv_len, stage_head, stage_sides, times_channels, times_tokens,
    token,
};
use super::attention_rows_sums::{SLOTS, across, add_norms, add_positions, add_proj, add_qkv};
use super::conv::zeros;
use super::layout::Hybrid;
use super::matrix::{K, M, N, OWN, PAIR, PLANE, lane, rounded};
use super::pixelwise::{clear, copy};
use super::rows::{
    OWN_ROWS, ROWS, factors, load_pixels, moments_of_rows, normalised_back, normalised_rows, numbers, own_row, padded,
    pitch, place, plane, row_sum, times_own, weights_of,
};
use super::tiles::Tile;
use super::tokens::convolve_rows;
use super::words::pair;
use cubecl::prelude::*;

/// A plane's tokens from a part of a head, which begins at `first`.
#[cube]
fn own_of(parts: &[f32], #[comptime] first: usize, #[comptime] wide: usize) -> Array<f32> {
    let mut own = Array::<f32>::new(comptime!(numbers(wide)));
    #[unroll]
    for i in 0..comptime!(numbers(wide)) {
        let (_, channel) = place(i);
        own[i] = parts[first + token(i) * comptime!(pitch(wide)) + channel];
    }
    own
}

/// The gradients of the queries of a plane's tokens, from what they ask and the gradients of their outputs. `parts` are keys and values of
/// all tokens; behind them come here, slot by slot, the gradients of the position biases. `logs` has for each token the logarithm of its
/// softmax, and Σ of outputs times their gradients.
#[cube]
#[allow(clippy::too_many_arguments)]
fn asking(
    queries: &Array<f32>,
    outputs: &Array<f32>,
    parts: &mut [f32],
    table: &[f32],
    sides: &[u32],
    logs: &[f32],
    #[comptime] hybrid: Hybrid,
) -> Array<f32> {
    let (wide, n) = (comptime!(padded(hybrid.head())), comptime!(hybrid.tokens()));
    let part = comptime!(n * pitch(wide));
    let own = 2 * part + plane() * comptime!(SLOTS * PLANE) + lane() as usize;
    let mut grads = zeros(comptime!(numbers(wide)));
    // Of the plane's two rows of the window, the upper is as far from a row as the lower from the next.
    let mut upper = zeros(2usize);
    for eight in 0..comptime!(n / K) {
        let from = eight * comptime!(K * pitch(wide));
        let mut scores = zeros(OWN);
        times_channels(queries, &*parts, from, &mut scores, wide, N);
        let mut slopes = zeros(OWN);
        times_channels(outputs, &*parts, part + from, &mut slopes, wide, N);
        #[unroll]
        for number in 0..OWN {
            let (i, (_, col)) = (token(number), place(number));
            let share = (scores[number] + bias_of(table, sides, i, eight * K + col, hybrid) - logs[2 * i]).exp();
            scores[number] = share * (slopes[number] - logs[2 * i + 1]);
        }
        #[unroll]
        for column in 0..2usize {
            let slot = (comptime!(hybrid.window) - eight) * 2 + column;
            parts[own + slot * PLANE] = upper[column] + scores[column + 2];
            upper[column] = scores[column];
        }
        times_tokens(&factors(&scores, K), &*parts, from, &mut grads, K, wide);
    }
    #[unroll]
    for column in 0..2usize {
        parts[own + comptime!(column * PLANE)] = upper[column];
    }
    grads
}

/// The gradients of the keys and values of a plane's tokens.
#[cube]
fn answering(
    parts: &[f32],
    table: &[f32],
    sides: &[u32],
    logs: &[f32],
    #[comptime] hybrid: Hybrid,
) -> (Array<f32>, Array<f32>) {
    let (wide, n) = (comptime!(padded(hybrid.head())), comptime!(hybrid.tokens()));
    let part = comptime!(n * pitch(wide));
    let own_keys = own_of(parts, 0usize, wide);
    let own_values = own_of(parts, part, wide);
    let mut keys = zeros(comptime!(numbers(wide)));
    let mut values = zeros(comptime!(numbers(wide)));
    for eight in 0..comptime!(n / K) {
        let from = eight * comptime!(K * pitch(wide));
        let mut shares = zeros(OWN);
        times_channels(&own_keys, parts, comptime!(2 * part) + from, &mut shares, wide, N);
        let mut slopes = zeros(OWN);
        times_channels(&own_values, parts, comptime!(3 * part) + from, &mut slopes, wide, N);
        #[unroll]
        for number in 0..OWN {
            let (j, (_, col)) = (token(number), place(number));
            let i = eight * K + col;
            let share = (shares[number] + bias_of(table, sides, i, j, hybrid) - logs[2 * i]).exp();
            slopes[number] = rounded(share * (slopes[number] - logs[2 * i + 1]));
            shares[number] = rounded(share);
        }
        times_tokens(&shares, parts, comptime!(3 * part) + from, &mut values, K, wide);
        times_tokens(&slopes, parts, comptime!(2 * part) + from, &mut keys, K, wide);
    }
    (keys, values)
}

/// Writes a plane's tokens with all channels to shared memory.
#[cube]
fn put_all(rows: &Array<f32>, to: &mut [f32], #[comptime] hybrid: Hybrid) {
    #[unroll]
    for i in 0..comptime!(numbers(hybrid.channels)) {
        let (_, channel) = place(i);
        to[token(i) * comptime!(across(&hybrid)) + channel] = rounded(rows[i]);
    }
}

/// What a head gave for a plane's tokens, by the logarithms of `logs`; there also comes Σ of that times its gradients.
#[cube]
fn given(parts: &[f32], table: &[f32], sides: &[u32], logs: &mut [f32], #[comptime] hybrid: Hybrid) -> Array<f32> {
    let (wide, n) = (comptime!(padded(hybrid.head())), comptime!(hybrid.tokens()));
    let part = comptime!(n * pitch(wide));
    let queries = own_of(parts, comptime!(2 * part), wide);
    let outputs = own_of(parts, comptime!(3 * part), wide);
    let mut heads = zeros(comptime!(numbers(wide)));
    for eight in 0..comptime!(n / K) {
        let from = eight * comptime!(K * pitch(wide));
        let mut shares = zeros(OWN);
        times_channels(&queries, parts, from, &mut shares, wide, N);
        #[unroll]
        for number in 0..OWN {
            let (i, (_, col)) = (token(number), place(number));
            shares[number] = (shares[number] + bias_of(table, sides, i, eight * K + col, hybrid) - logs[2 * i]).exp();
        }
        times_tokens(&factors(&shares, K), parts, part + from, &mut heads, K, wide);
    }
    let mut along = zeros(OWN_ROWS);
    #[unroll]
    for i in 0..comptime!(numbers(wide)) {
        along[comptime!(own_row(i))] += outputs[i] * heads[i];
    }
    #[unroll]
    for row in 0..OWN_ROWS {
        let sum = row_sum(along[row]);
        let (_, col) = place(0usize);
        if col == 0 {
            logs[2 * token(comptime!(row * PAIR)) + 1] = sum;
        }
    }
    heads
}

/// Brings to shared memory what a head has for a plane's tokens: the parts, and the logarithms of its softmax.
#[cube]
#[allow(clippy::too_many_arguments)]
fn put_head(
    tokens: &[f32],
    grad: &[f32],
    kept: &[f32],
    weights: &[f32],
    qkv: &[f32],
    parts: &mut [f32],
    logs: &mut [f32],
    pixels: &Array<usize>,
    base: usize,
    head: usize,
    scale: f32,
    #[comptime] hybrid: Hybrid,
) {
    let (channels, d) = (comptime!(hybrid.channels), comptime!(hybrid.head()));
    let wide = comptime!(padded(d));
    let above = factors(&load_pixels(grad, pixels, 0usize, channels, channels, false), channels);
    let from = base + comptime!(hybrid.proj()) + head * d;
    let proj = weights_of(weights, from, channels, wide, channels, 1usize, true);
    let mut outputs = zeros(comptime!(numbers(wide)));
    times_own(&above, &proj, &mut outputs, channels, wide);
    #[unroll]
    for i in 0..comptime!(numbers(wide)) {
        let (_, channel) = place(i);
        if channel >= d {
            outputs[i] = f32::new(0.0);
        }
        if channel == 0 {
            logs[2 * token(i)] = kept[pixels[comptime!(own_row(i))] * comptime!(hybrid.heads) + head];
        }
    }
    let mut normal = Array::<f32>::new(comptime!(numbers(channels)));
    #[unroll]
    for i in 0..comptime!(numbers(channels)) {
        let (_, channel) = place(i);
        normal[i] = tokens[token(i) * comptime!(across(&hybrid)) + channel];
    }
    let part = comptime!(hybrid.tokens() * pitch(wide));
    let one = f32::new(1.0);
    put(&part_rows(&normal, weights, qkv, base, head, scale, 0usize, hybrid), parts, comptime!(2 * part), wide);
    put(&part_rows(&normal, weights, qkv, base, head, one, 1usize, hybrid), parts, 0usize, wide);
    put(&part_rows(&normal, weights, qkv, base, head, one, 2usize, hybrid), parts, part, wide);
    put(&factors(&outputs, wide), parts, comptime!(3 * part), wide);
}

/// Adds to a plane's rows what comes back from one part of a head's `qkv`, whose gradient is `grads`.
#[cube]
fn add_back(
    grads: &Array<f32>,
    weights: &[f32],
    normal_grad: &mut Array<f32>,
    base: usize,
    head: usize,
    #[comptime] of: usize,
    #[comptime] hybrid: Hybrid,
) {
    let (channels, d) = (comptime!(hybrid.channels), comptime!(hybrid.head()));
    let from = base + comptime!(hybrid.qkv()) + (comptime!(of * channels) + head * d) * channels;
    let own = weights_of(weights, from, comptime!(padded(d)), channels, channels, 1usize, true);
    times_own(grads, &own, normal_grad, comptime!(padded(d)), channels);
}

/// The moments by which a plane's tokens are normalised; of bf16, they are normal.
#[cube]
fn moments_of_kept(values: &Array<f32>, #[comptime] hybrid: Hybrid) -> Array<f32> {
    if comptime!(hybrid.products.halves) {
        let mut moments = zeros(comptime!(2 * OWN_ROWS));
        #[unroll]
        for row in 0..OWN_ROWS {
            moments[comptime!(2 * row + 1)] = f32::new(1.0);
        }
        moments
    } else {
        moments_of_rows(values, hybrid.channels)
    }
}

/// What `attention_gradient::attention_gradient` computes.
#[cube]
#[allow(clippy::too_many_arguments)]
pub(super) fn attention_rows_gradient(
    x: &[u32],
    kept_moments: &[f32],
    kept: &[f32],
    grad: &[f32],
    narrow: &[u32],
    weights: &[f32],
    windows: &[u32],
    aside: &mut [f32],
    out: &mut [u32],
    partial: &mut [f32],
    base: usize,
    column: usize,
    length: usize,
    window_count: usize,
    shift: usize,
    scale: f32,
    #[comptime] hybrid: Hybrid,
    #[comptime] out_halves: bool,
) {
    let halves = comptime!(hybrid.products.halves);
    let (channels, d, n) = (comptime!(hybrid.channels), comptime!(hybrid.head()), comptime!(hybrid.tokens()));
    let (wide, across) = (comptime!(padded(hybrid.head())), comptime!(across(&hybrid)));
    let part = comptime!(n * pitch(wide));
    // The last products of all channels may read beyond the last token.
    let mut tokens = Shared::new_slice(comptime!(n * across + M));
    let mut parts = Shared::new_slice(comptime!(5 * part));
    let mut qkv = Shared::new_slice(comptime!(qkv_len(&hybrid)));
    let mut table = Shared::new_slice(comptime!(hybrid.distances() * hybrid.distances()));
    let mut sides = Shared::new_slice(n);
    let mut logs = Shared::new_slice(comptime!(2 * n));
    let mut norms = Shared::new_slice(comptime!(n / ROWS * 2 * channels));
    let mut affine = Shared::new_slice(comptime!(2 * channels));
    let unit = UNIT_POS as usize;
    let row = CUBE_POS * length + column;
    clear(partial, row + comptime!(hybrid.qkv()), comptime!(hybrid.conv1() - hybrid.qkv()));
    clear(&mut norms, 0usize, comptime!(n / ROWS * 2 * channels));
    clear(&mut tokens, comptime!(n * across).runtime(), M);
    copy(weights, base, &mut affine, comptime!(2 * channels));
    sync_storage();
    sync_cube();
    let mut number = CUBE_POS;
    while number < window_count {
        let window = Tile::of(windows, number);
        let pixels = pixels_of(&window, shift, hybrid);
        let mut aside_of = own_tokens();
        #[unroll]
        for of in 0..OWN_ROWS {
            aside_of[of] += CUBE_POS * n;
        }
        stage_sides(&mut sides, &window, shift, hybrid);
        let values = load_pixels(x, &pixels, 0usize, channels, channels, halves);
        let moments = moments_of_kept(&values, hybrid);
        put_all(&normalised_rows(&values, &moments, &affine, 0usize, channels), &mut tokens, hybrid);
        let conv1 = base + comptime!(hybrid.conv1());
        let mut normal_grad =
            convolve_rows(narrow, weights, &mut parts, &window, &own_tokens(), shift, conv1, true, hybrid);
        for head in 0..comptime!(hybrid.heads) {
            stage_head(weights, &mut qkv, &mut table, base, head, hybrid);
            sync_cube();
            put_head(&tokens, grad, kept, weights, &qkv, &mut parts, &mut logs, &pixels, base, head, scale, hybrid);
            sync_cube();
            let heads = given(&parts, &table, &sides, &mut logs, hybrid);
            #[unroll]
            for i in 0..comptime!(numbers(wide)) {
                let (_, channel) = place(i);
                if channel < d {
                    // Until all heads are there.
                    aside[aside_of[comptime!(own_row(i))] * channels + head * d + channel] = heads[i];
                }
            }
            sync_cube();
            let (keys, values) = answering(&parts, &table, &sides, &logs, hybrid);
            let queries = own_of(&parts, comptime!(2 * part), wide);
            let outputs = own_of(&parts, comptime!(3 * part), wide);
            sync_cube();
            let mut queries = asking(&queries, &outputs, &mut parts, &table, &sides, &logs, hybrid);
            #[unroll]
            for i in 0..comptime!(numbers(wide)) {
                queries[i] *= scale;
            }
            let (queries, keys, values) = (factors(&queries, wide), factors(&keys, wide), factors(&values, wide));
            add_back(&queries, weights, &mut normal_grad, base, head, 0usize, hybrid);
            add_back(&keys, weights, &mut normal_grad, base, head, 1usize, hybrid);
            add_back(&values, weights, &mut normal_grad, base, head, 2usize, hybrid);
            sync_cube();
            add_positions(
                &parts,
                comptime!(2 * part).runtime(),
                partial,
                row + comptime!(hybrid.position_bias()),
                head,
                hybrid,
            );
            sync_cube();
            put(&queries, &mut parts, 0usize, wide);
            put(&keys, &mut parts, part, wide);
            put(&values, &mut parts, comptime!(2 * part), wide);
            sync_cube();
            add_qkv(&tokens, &parts, partial, row + comptime!(hybrid.qkv()), head, hybrid);
            sync_cube();
        }
        let above = load_pixels(grad, &pixels, 0usize, channels, channels, false);
        put_all(&above, &mut tokens, hybrid);
        put_all(&load_pixels(&*aside, &aside_of, 0usize, channels, channels, false), &mut parts, hybrid);
        sync_cube();
        add_proj(&tokens, &parts, partial, row + comptime!(hybrid.proj()), hybrid);
        let values = load_pixels(x, &pixels, 0usize, channels, channels, halves);
        let moments = moments_of_kept(&values, hybrid);
        let mut result = normalised_back(&values, &moments, &normal_grad, &affine, 0usize, channels);
        #[unroll]
        for i in 0..comptime!(numbers(channels)) {
            let (_, channel) = place(i);
            let of = comptime!(own_row(i));
            if comptime!(halves) {
                result[i] *= kept_moments[2 * pixels[of] + 1];
            }
            result[i] += above[i];
            let to = pixels[of] * channels + channel;
            if comptime!(!out_halves) {
                out[to] = u32::reinterpret(result[i]);
            } else if comptime!(i % 2 == 1) {
                out[to / 2] = pair(result[comptime!(i - 1)], result[i], true);
            }
        }
        add_norms(&values, &moments, &normal_grad, &mut norms, hybrid);
        sync_cube();
        number += CUBE_COUNT;
    }
    if unit < comptime!(2 * channels) {
        let mut sum = f32::new(0.0);
        #[unroll]
        for plane in 0..comptime!(n / ROWS) {
            sum += norms[comptime!(plane * 2 * channels) + unit];
        }
        partial[row + unit] = sum;
    }
}
