//! The MLP of a hybrid block on matrix units: a plane has 16 pixels, whose hidden layer never leaves the registers.

use super::functions::gelu;
use super::layout::Hybrid;
use super::matrix::K;
use super::rows::{biases, factors, moments_of_rows, normalised_rows, numbers, pitch, stage, times};
use cubecl::prelude::*;

/// Features of the hidden layer whose weights are in shared memory at once.
const CHUNK: usize = 16;

/// Numbers of shared memory for such weights of the first layer, and of the second.
pub(super) const fn first_len(hybrid: &Hybrid) -> usize {
    CHUNK * pitch(hybrid.channels)
}

pub(super) const fn second_len(hybrid: &Hybrid) -> usize {
    hybrid.channels * pitch(CHUNK)
}

/// Adds `fc2(GELU(fc1(LayerNorm(x))))` of a hybrid block whose parameters lie at `base` to `x`, rows of a plane; `one` and `two` are shared
/// memory that nobody else uses.
#[cube]
pub(super) fn mlp_rows(
    x: &mut Array<f32>,
    one: &mut [f32],
    two: &mut [f32],
    weights: &[f32],
    base: usize,
    #[comptime] hybrid: Hybrid,
) {
    let (channels, wide) = (comptime!(hybrid.channels), comptime!(hybrid.hidden));
    let (fc1, fc2) = (base + comptime!(hybrid.fc1()), base + comptime!(hybrid.fc2()));
    let moments = moments_of_rows(&*x, channels);
    let inner = normalised_rows(&*x, &moments, weights, base + comptime!(hybrid.norm2()), channels);
    let inner = factors(&inner, channels);
    let bias = biases(weights, fc2 + comptime!(wide * channels), channels);
    #[unroll]
    for i in 0..comptime!(numbers(channels)) {
        x[i] += bias[i];
    }
    for chunk in 0..comptime!(wide / CHUNK) {
        let feature = chunk * CHUNK;
        stage(weights, one, 0usize, fc1 + feature * channels, channels, CHUNK, channels);
        stage(weights, two, 0usize, fc2 + feature, wide, channels, CHUNK);
        sync_cube();
        #[unroll]
        for eight in 0..comptime!(CHUNK / K) {
            let mut hidden = biases(weights, fc1 + comptime!(wide * channels + eight * K) + feature, K);
            let from = comptime!(eight * K * pitch(channels)).runtime();
            times(&inner, &*one, from, &mut hidden, channels, K, comptime!(pitch(channels)));
            #[unroll]
            for i in 0..comptime!(numbers(K)) {
                hidden[i] = gelu(hidden[i]);
            }
            let from = comptime!(eight * K).runtime();
            times(&factors(&hidden, K), &*two, from, x, K, channels, comptime!(pitch(CHUNK)));
        }
        sync_cube();
    }
}
