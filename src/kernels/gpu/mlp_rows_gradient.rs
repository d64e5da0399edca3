//! The gradients of the MLP of a hybrid block on matrix units. A cube has every `rows`-th 16 pixels, a plane of it 16 features of the
//! hidden layer, whose weights and their gradients stay in its registers.

use super::conv::zeros;
use super::functions::{EPSILON, gelu, gelu_slope};
use super::layout::Hybrid;
use super::matrix::{K, M, N, OWN, PLANE, lane, multiply, odd, rounded, sum_place};
use super::pixelwise::{clear, copy};
use super::rows::{
    ROWS, biases as biases_of, column_sum, factors, left_of, load_rows, moments_of_rows, normalised_rows, numbers,
    place, plane, right_of, row_sum, times_own, weights_of, without_others,
};
use super::words::{number, pair};
use cubecl::prelude::*;

/// Into how many parts planes share what comes back to eight channels: each adds up so many of the hidden layer's features.
const fn parts(hybrid: &Hybrid) -> usize {
    hybrid.planes() / (hybrid.channels / N)
}

/// Numbers between two pixels in shared memory, of channels and of features.
const fn across(hybrid: &Hybrid) -> usize {
    odd(hybrid.channels, 8)
}

const fn along(hybrid: &Hybrid) -> usize {
    odd(hybrid.hidden, 8)
}

/// Units that have a pixel where its norm is gone back through.
const FOUR: usize = 4;

/// Numbers of shared memory for the gradients of the norm.
const fn norms_len(hybrid: &Hybrid) -> usize {
    2 * hybrid.channels / FOUR * PLANE
}

/// What 16 pixels give to the gradients of a plane's weights from a feature on: `[M, channels]`, the product of `features` and `pixels`.
#[cube]
fn add_weights(features: &[f32], pixels: &[f32], feature: usize, sums: &mut Array<f32>, #[comptime] hybrid: Hybrid) {
    let (across, along) = (comptime!(across(&hybrid)), comptime!(along(&hybrid)));
    #[unroll]
    for eight in 0..comptime!(ROWS / K) {
        let left = left_of(features, comptime!(eight * K * along) + feature, 1usize, along);
        #[unroll]
        for column in 0..comptime!(hybrid.channels / N) {
            let from = comptime!(eight * K * across + column * N).runtime();
            let right = right_of(pixels, from, across, 1usize);
            multiply(&left, &right, sums, 0usize, 0usize, comptime!(column * OWN));
        }
    }
}

/// Σ over 16 pixels of a column.
#[cube]
fn sum_of(values: &[f32], column: usize, #[comptime] stride: usize) -> f32 {
    let mut sum = f32::new(0.0);
    #[unroll]
    for pixel in 0..ROWS {
        sum += values[comptime!(pixel * stride) + column];
    }
    sum
}

/// What `mlp::mlp_gradient` computes.
#[cube]
#[allow(clippy::too_many_arguments)]
pub(super) fn mlp_rows_gradient(
    x: &[u32],
    grad: &[f32],
    weights: &[f32],
    out: &mut [f32],
    twos: &mut [u32],
    partial: &mut [f32],
    base: usize,
    column: usize,
    length: usize,
    total: usize,
    #[comptime] hybrid: Hybrid,
) {
    let (channels, wide) = (comptime!(hybrid.channels), comptime!(hybrid.hidden));
    let (across, along) = (comptime!(across(&hybrid)), comptime!(along(&hybrid)));
    let (planes, parts) = (comptime!(hybrid.planes()), comptime!(parts(&hybrid)));
    let own = comptime!(numbers(hybrid.channels));
    let norm = base + comptime!(hybrid.norm2());
    let (fc1, fc2) = (base + comptime!(hybrid.fc1()), base + comptime!(hybrid.fc2()));
    let mut inner = Shared::new_slice(comptime!(ROWS * across));
    let mut above = Shared::new_slice(comptime!(ROWS * across));
    let mut hidden = Shared::new_slice(comptime!(ROWS * along));
    let mut slopes = Shared::new_slice(comptime!(ROWS * along));
    // What comes back to the normalised pixels, part by part, and of each unit its share of the norm's gradients.
    let mut back = Shared::new_slice(comptime!(parts * ROWS * across));
    let mut norms = Shared::new_slice(comptime!(norms_len(&hybrid)));
    // The norm's scale and shift, and the biases of the first layer.
    let mut affine = Shared::new_slice(comptime!(2 * channels));
    let mut biases = Shared::new_slice(wide);
    // The gradients of both layers' biases, which most units have none of: in no unit's registers.
    let mut bias_grads = Shared::new_slice(comptime!(wide + channels));
    let unit = UNIT_POS as usize;
    let feature = plane() * M;
    let one = weights_of(weights, fc1 + feature * channels, channels, M, 1usize, channels, true);
    let two = weights_of(weights, fc2 + feature, channels, M, wide, 1usize, true);
    let mut one_grads = zeros(own);
    let mut two_grads = zeros(own);
    clear(&mut bias_grads, 0usize, comptime!(wide + channels));
    clear(&mut norms, 0usize, comptime!(norms_len(&hybrid)));
    copy(weights, norm, &mut affine, comptime!(2 * channels));
    copy(weights, fc1 + comptime!(wide * channels), &mut biases, wide);
    sync_cube();
    let mut turn = 0usize;
    // The cube's number is read where it is needed, which `CUBE_POS` is computed for.
    let mut pixel = CUBE_POS_X as usize * ROWS;
    while pixel < total {
        let values = load_rows(x, pixel, total, 0usize, channels, channels, hybrid.products.halves);
        let moments = moments_of_rows(&values, channels);
        let normal = factors(&normalised_rows(&values, &moments, &affine, 0usize, channels), channels);
        let grads = load_rows(grad, pixel, total, 0usize, channels, channels, false);
        let grads = factors(&without_others(&grads, pixel, total, channels), channels);
        #[unroll]
        for i in 0..own {
            let (row, channel) = place(i);
            if plane() == comptime!(i / OWN) {
                inner[row * across + channel] = normal[i];
                above[row * across + channel] = grads[i];
            }
        }
        let mut features = biases_of(&biases, feature, M);
        times_own(&normal, &one, &mut features, channels, M);
        let mut slope = zeros(comptime!(numbers(M)));
        times_own(&grads, &two, &mut slope, channels, M);
        #[unroll]
        for i in 0..comptime!(numbers(M)) {
            let (row, own) = place(i);
            hidden[row * along + feature + own] = rounded(gelu(features[i]));
            slopes[row * along + feature + own] = rounded(slope[i] * gelu_slope(features[i]));
        }
        sync_cube();
        add_weights(&slopes, &inner, feature, &mut one_grads, hybrid);
        add_weights(&hidden, &above, feature, &mut two_grads, hybrid);
        if unit < wide {
            bias_grads[unit] += sum_of(&slopes, unit, along);
        }
        if unit < channels {
            bias_grads[wide + unit] += sum_of(&above, unit, across);
        }
        // Planes take turns, so that no weights are kept for all the pixels to come.
        let slot = (plane() + turn) % planes;
        let (tile, part) = (slot % comptime!(channels / N), slot / comptime!(channels / N));
        let sums = come_back(&slopes, weights, fc1, tile, part, hybrid);
        #[unroll]
        for i in 0..OWN {
            let (row, channel) = sum_place(i);
            back[(part * ROWS + row) * across + tile * N + channel] = sums[i];
        }
        sync_cube();
        // What one plane does here, none of the others touches before the next barrier but one.
        if plane() == turn % planes {
            for half in 0..2usize {
                let first = half * comptime!(ROWS / 2);
                norm_back(x, grad, &affine, &back, &mut norms, out, twos, pixel, first, total, hybrid);
            }
        }
        turn += 1;
        pixel += CUBE_COUNT_X as usize * ROWS;
    }
    sync_cube();
    let row = CUBE_POS_X as usize * length + column;
    let (to_one, to_two) = (row + comptime!(hybrid.fc1()), row + comptime!(hybrid.fc2()));
    #[unroll]
    for i in 0..own {
        let (of, channel) = place(i);
        partial[to_one + (feature + of) * channels + channel] = one_grads[i];
        partial[to_two + channel * wide + feature + of] = two_grads[i];
    }
    if unit < wide {
        partial[to_one + comptime!(wide * channels) + unit] = bias_grads[unit];
    }
    if unit < channels {
        partial[to_two + comptime!(wide * channels) + unit] = bias_grads[wide + unit];
    }
    if unit < PLANE {
        sum_norms(&norms, partial, row + comptime!(hybrid.norm2()), hybrid);
    }
}

/// What a part of the hidden layer's features gives back to eight channels of 16 pixels.
#[cube]
fn come_back(
    slopes: &[f32],
    weights: &[f32],
    fc1: usize,
    tile: usize,
    part: usize,
    #[comptime] hybrid: Hybrid,
) -> Array<f32> {
    let (channels, along) = (comptime!(hybrid.channels), comptime!(along(&hybrid)));
    let first = part * comptime!(2 * channels);
    let mut sums = zeros(OWN);
    #[unroll]
    for eight in 0..comptime!(2 * channels / K) {
        let feature = first + comptime!(eight * K);
        let left = left_of(slopes, feature, along, 1usize);
        let right = weights_of(weights, fc1 + feature * channels + tile * N, K, N, channels, 1usize, false);
        multiply(&left, &right, &mut sums, 0usize, 0usize, 0usize);
    }
    sums
}

/// From what came back to eight normalised pixels from `first` on to their gradients, and to the norm's: four units have a pixel.
#[cube]
#[allow(clippy::too_many_arguments)]
fn norm_back(
    x: &[u32],
    grad: &[f32],
    affine: &[f32],
    back: &[f32],
    norms: &mut [f32],
    out: &mut [f32],
    twos: &mut [u32],
    pixel: usize,
    first: usize,
    total: usize,
    #[comptime] hybrid: Hybrid,
) {
    let (channels, across) = (comptime!(hybrid.channels), comptime!(across(&hybrid)));
    let each = comptime!(channels / FOUR);
    let share = comptime!(1.0 / channels as f32);
    let lane = lane() as usize;
    let (row, own) = (first + lane / FOUR, lane % FOUR);
    let from = min(pixel + row, total - 1);
    let mut values = Array::<f32>::new(each);
    let mut grads = Array::<f32>::new(each);
    let mut sum = f32::new(0.0);
    #[unroll]
    for i in 0..each {
        let channel = comptime!(i * FOUR) + own;
        values[i] = number(x, from * channels + channel, hybrid.products.halves);
        sum += values[i];
        let mut grad = f32::new(0.0);
        #[unroll]
        for part in 0..comptime!(parts(&hybrid)) {
            grad += back[(comptime!(part * ROWS) + row) * across + channel];
        }
        grads[i] = grad;
    }
    let mean = row_sum(sum) * share;
    let mut spread = f32::new(0.0);
    #[unroll]
    for i in 0..each {
        values[i] -= mean;
        spread += values[i] * values[i];
    }
    let scale = f32::new(1.0) / (row_sum(spread) * share + EPSILON).sqrt();
    let (mut shift, mut tilt) = (f32::new(0.0), f32::new(0.0));
    #[unroll]
    for i in 0..each {
        values[i] *= scale;
        norms[comptime!(i * PLANE) + lane] += grads[i] * values[i];
        norms[comptime!((each + i) * PLANE) + lane] += grads[i];
        grads[i] *= affine[comptime!(i * FOUR) + own];
        shift += grads[i];
        tilt += grads[i] * values[i];
    }
    shift = row_sum(shift) * share;
    tilt = row_sum(tilt) * share;
    #[unroll]
    for i in 0..each {
        let at = from * channels + comptime!(i * FOUR) + own;
        let value = grad[at] + (grads[i] - shift - values[i] * tilt) * scale;
        let inside = pixel + row < total;
        if inside {
            out[at] = value;
        }
        if comptime!(hybrid.products.halves) {
            let beside = plane_shuffle_xor(value, 1u32);
            if inside && own % 2 != 1 {
                twos[at / 2] = pair(value, beside, true);
            }
        }
    }
}

/// The gradients of the norm's scale and shift, of which the units of a plane have their shares, into a row of partial sums at `to`.
#[cube]
fn sum_norms(norms: &[f32], partial: &mut [f32], to: usize, #[comptime] hybrid: Hybrid) {
    let each = comptime!(hybrid.channels / FOUR);
    let lane = lane() as usize;
    #[unroll]
    for i in 0..comptime!(2 * each) {
        let sum = column_sum(norms[comptime!(i * PLANE) + lane]);
        if lane < FOUR {
            partial[to + comptime!(i * FOUR) + lane] = sum;
        }
    }
}
