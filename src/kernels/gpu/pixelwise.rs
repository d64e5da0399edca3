//! What is computed pixel by pixel: linear maps and LayerNorm. A cube has a few pixels in shared memory.

use super::cubes::UNITS;
use super::functions::moments;
use super::words::number;
use cubecl::prelude::*;

/// `out = x·Wᵀ + b` for `[pixels, inputs]` in shared memory; `[outputs, inputs]` lies at `base`, and the bias behind it.
#[cube]
pub(super) fn linear(
    x: &[f32],
    weights: &[f32],
    out: &mut [f32],
    base: usize,
    #[comptime] pixels: usize,
    #[comptime] inputs: usize,
    #[comptime] outputs: usize,
) {
    let mut at = UNIT_POS as usize;
    while at < comptime!(pixels * outputs) {
        let (pixel, output) = (at / outputs, at % outputs);
        let mut sum = weights[base + comptime!(inputs * outputs) + output];
        for i in 0..inputs {
            sum += x[pixel * inputs + i] * weights[base + output * inputs + i];
        }
        out[at] = sum;
        at += UNITS as usize;
    }
}

/// `out = grad·W`, the gradient of the input of [`linear`].
#[cube]
pub(super) fn linear_back(
    grad: &[f32],
    weights: &[f32],
    out: &mut [f32],
    base: usize,
    #[comptime] pixels: usize,
    #[comptime] inputs: usize,
    #[comptime] outputs: usize,
) {
    let mut at = UNIT_POS as usize;
    while at < comptime!(pixels * inputs) {
        let (pixel, input) = (at / inputs, at % inputs);
        let mut sum = f32::new(0.0);
        for o in 0..outputs {
            sum += grad[pixel * outputs + o] * weights[base + o * inputs + input];
        }
        out[at] = sum;
        at += UNITS as usize;
    }
}

/// Adds to a row of partial sums at `to` the gradients of the weights and the bias of [`linear`], whose input and gradient
/// are `[pixels, inputs]` and `[pixels, outputs]`.
#[cube]
pub(super) fn linear_weights(
    x: &[f32],
    grad: &[f32],
    partial: &mut [f32],
    to: usize,
    #[comptime] pixels: usize,
    #[comptime] inputs: usize,
    #[comptime] outputs: usize,
) {
    let mut at = UNIT_POS as usize;
    while at < comptime!(outputs * (inputs + 1)) {
        let mut sum = f32::new(0.0);
        if at < comptime!(outputs * inputs) {
            let (output, input) = (at / inputs, at % inputs);
            for pixel in 0..pixels {
                sum += x[pixel * inputs + input] * grad[pixel * outputs + output];
            }
        } else {
            for pixel in 0..pixels {
                sum += grad[pixel * outputs + at - comptime!(outputs * inputs)];
            }
        }
        partial[to + at] += sum;
        at += CUBE_DIM as usize;
    }
}

/// Zeros of a row of partial sums.
#[cube]
pub(super) fn clear(partial: &mut [f32], to: usize, count: usize) {
    let mut at = UNIT_POS as usize;
    while at < count {
        partial[to + at] = f32::new(0.0);
        at += CUBE_DIM as usize;
    }
}

/// Copies so many numbers to shared memory.
#[cube]
pub(super) fn copy(from: &[f32], first: usize, to: &mut [f32], count: usize) {
    let mut at = UNIT_POS as usize;
    while at < count {
        to[at] = from[first + at];
        at += CUBE_DIM as usize;
    }
}

/// Loads pixels of a buffer of `stride` numbers a pixel, which may be bf16 by twos, from `first` on; zeros beyond the last.
#[cube]
pub(super) fn load<N: CubePrimitive>(
    source: &[N],
    to: &mut [f32],
    pixel: usize,
    total: usize,
    first: usize,
    stride: usize,
    #[comptime] pixels: usize,
    #[comptime] channels: usize,
    #[comptime] halves: bool,
) {
    let mut at = UNIT_POS as usize;
    while at < comptime!(pixels * channels) {
        let (own, c) = (at / channels, at % channels);
        let mut value = f32::new(0.0);
        if pixel + own < total {
            value = number(source, (pixel + own) * stride + first + c, halves);
        }
        to[at] = value;
        at += UNITS as usize;
    }
}

/// LayerNorm of pixels within shared memory, by the norm at `base`; their moments stay in `stats`.
#[cube]
pub(super) fn normalise(
    x: &[f32],
    stats: &mut [f32],
    weights: &[f32],
    out: &mut [f32],
    base: usize,
    #[comptime] pixels: usize,
    #[comptime] channels: usize,
) {
    let unit = UNIT_POS as usize;
    if unit < pixels {
        moments(x, unit * channels, stats, unit * 2, channels);
    }
    sync_cube();
    let mut at = unit;
    while at < comptime!(pixels * channels) {
        let (own, c) = (at / channels, at % channels);
        out[at] = (x[at] - stats[own * 2]) * stats[own * 2 + 1] * weights[base + c] + weights[base + channels + c];
        at += UNITS as usize;
    }
    sync_cube();
}

/// Adds to a row of partial sums at `to` the gradients of a norm's scale and shift, from pixels, their moments and the
/// gradients of what they were normalised to.
#[cube]
pub(super) fn norm_weights(
    x: &[f32],
    stats: &[f32],
    grad: &[f32],
    partial: &mut [f32],
    to: usize,
    #[comptime] pixels: usize,
    #[comptime] channels: usize,
) {
    let mut at = UNIT_POS as usize;
    while at < comptime!(2 * channels) {
        let c = at % channels;
        let mut sum = f32::new(0.0);
        for pixel in 0..pixels {
            let mut term = grad[pixel * channels + c];
            if at < channels {
                term *= (x[pixel * channels + c] - stats[pixel * 2]) * stats[pixel * 2 + 1];
            }
            sum += term;
        }
        partial[to + at] += sum;
        at += CUBE_DIM as usize;
    }
}
