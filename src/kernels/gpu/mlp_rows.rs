//! The MLP of a hybrid block on matrix units: a plane has 16 pixels, whose hidden layer never leaves the registers.

use super::cubes::PIXELS;
use super::functions::gelu;
use super::layout::Hybrid;
use super::matrix::K;
use super::rows::{
    ROWS, biases, factors, load_rows, moments_of_rows, normalised_rows, numbers, pitch, plane, stage, store_rows, times,
};
use cubecl::prelude::*;

/// Features of the hidden layer whose weights are in shared memory at once.
const CHUNK: usize = 16;

/// What `mlp::mlp` computes.
#[cube]
#[allow(clippy::too_many_arguments)]
pub(super) fn mlp_rows(
    x: &[f32],
    weights: &[f32],
    out: &mut [f32],
    normal: &mut [f32],
    base: usize,
    next: usize,
    first: usize,
    stride: usize,
    total: usize,
    #[comptime] hybrid: Hybrid,
    #[comptime] last: bool,
) {
    let (channels, wide) = (comptime!(hybrid.channels), comptime!(hybrid.hidden));
    let (fc1, fc2) = (base + comptime!(hybrid.fc1()), base + comptime!(hybrid.fc2()));
    let mut one = Shared::new_slice(comptime!(CHUNK * pitch(channels)));
    let mut two = Shared::new_slice(comptime!(channels * pitch(CHUNK)));
    let pixel = CUBE_POS * PIXELS + plane() * ROWS;
    let own = load_rows(x, pixel, total, 0usize, channels, channels);
    let moments = moments_of_rows(&own, channels);
    let inner = normalised_rows(&own, &moments, weights, base + comptime!(hybrid.norm2()), channels);
    let inner = factors(&inner, channels);
    let mut sums = biases(weights, fc2 + comptime!(wide * channels), channels);
    for chunk in 0..comptime!(wide / CHUNK) {
        let feature = chunk * CHUNK;
        stage(weights, &mut one, 0usize, fc1 + feature * channels, channels, CHUNK, channels);
        stage(weights, &mut two, 0usize, fc2 + feature, wide, channels, CHUNK);
        sync_cube();
        #[unroll]
        for eight in 0..comptime!(CHUNK / K) {
            let mut hidden = biases(weights, fc1 + comptime!(wide * channels + eight * K) + feature, K);
            let from = comptime!(eight * K * pitch(channels)).runtime();
            times(&inner, &one, from, &mut hidden, channels, K, comptime!(pitch(channels)));
            #[unroll]
            for i in 0..comptime!(numbers(K)) {
                hidden[i] = gelu(hidden[i]);
            }
            let from = comptime!(eight * K).runtime();
            times(&factors(&hidden, K), &two, from, &mut sums, K, channels, comptime!(pitch(CHUNK)));
        }
        sync_cube();
    }
    #[unroll]
    for i in 0..comptime!(numbers(channels)) {
        sums[i] += own[i];
    }
    if comptime!(last) {
        let before = load_rows(&*out, pixel, total, first, stride, channels);
        #[unroll]
        for i in 0..comptime!(numbers(channels)) {
            sums[i] += before[i];
        }
        store_rows(&sums, out, pixel, total, first + channels, stride, channels);
    } else {
        store_rows(&sums, out, pixel, total, 0usize, channels, channels);
        let moments = moments_of_rows(&sums, channels);
        let normalised = normalised_rows(&sums, &moments, weights, next, channels);
        store_rows(&normalised, normal, pixel, total, 0usize, channels, channels);
    }
}
