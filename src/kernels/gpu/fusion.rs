//! The 1×1 fusion of a dense block and the LayerNorm behind it, on matrix units.

use super::cubes::PIXELS;
use super::dense::Dense;
use super::matrix::K;
use super::rows::{
    ROWS, biases, factors, load_rows, moments_of_rows, normalised_rows, pitch, plane, stage, store_rows, times,
};
use cubecl::prelude::*;

/// Adds to a plane's `sums` what `channels` inputs give, whose weights lie at `first` in shared memory.
#[cube]
#[allow(clippy::too_many_arguments)]
fn add_inputs(
    source: &[f32],
    taps: &[f32],
    sums: &mut Array<f32>,
    pixel: usize,
    total: usize,
    source_first: usize,
    first: usize,
    #[comptime] stride: usize,
    #[comptime] channels: usize,
    #[comptime] dense: Dense,
) {
    let pitch = comptime!(pitch(dense.seen(dense.layers)));
    for eight in 0..comptime!(channels / K) {
        let inputs = load_rows(source, pixel, total, source_first + eight * K, stride, K);
        times(&factors(&inputs, K), taps, first + eight * K, sums, K, dense.channels, pitch);
    }
}

/// What `pixelwise::fuse` computes.
#[cube]
#[allow(clippy::too_many_arguments)]
pub(super) fn fuse_rows(
    x: &[f32],
    grown: &[f32],
    weights: &[f32],
    out: &mut [f32],
    normal: &mut [f32],
    base: usize,
    norm: usize,
    x_first: usize,
    total: usize,
    #[comptime] dense: Dense,
) {
    let (channels, layers) = (comptime!(dense.channels), comptime!(dense.grown()));
    let seen = comptime!(dense.seen(dense.layers));
    let mut taps = Shared::new_slice(comptime!(dense.fusion_len()));
    let pixel = CUBE_POS * PIXELS + plane() * ROWS;
    stage(weights, &mut taps, 0usize, base, seen, channels, seen);
    let mut fused = biases(weights, base + comptime!(seen * channels), channels);
    sync_cube();
    add_inputs(x, &taps, &mut fused, pixel, total, x_first, 0usize, dense.source, channels, dense);
    add_inputs(grown, &taps, &mut fused, pixel, total, 0usize, channels, layers, layers, dense);
    store_rows(&fused, out, pixel, total, 0usize, channels, channels);
    let moments = moments_of_rows(&fused, channels);
    let normalised = normalised_rows(&fused, &moments, weights, norm, channels);
    store_rows(&normalised, normal, pixel, total, 0usize, channels, channels);
}
