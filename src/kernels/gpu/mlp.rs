//! The MLP of a hybrid block, forward and backward; the hidden layer is computed again instead of kept.

use super::cubes::UNITS;
use super::functions::{gelu, gelu_slope};
use super::layout::Hybrid;
use super::mlp_rows::mlp_rows;
use super::mlp_rows_gradient::mlp_rows_gradient;
use super::pixelwise::{clear, linear, linear_back, linear_weights, load, norm_weights, normalise, store};
use super::products::Products;
use cubecl::prelude::*;

/// `x + fc2(GELU(fc1(LayerNorm(x))))` of a hybrid block whose parameters lie at `base`. With `last`, the second of a dense
/// block: its output, plus what the dense block read, goes to the next place of `out`, `[pixels, stride]`; else it goes to
/// `out`, and normalised by the norm at `next` to `normal`.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn mlp(
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
    if comptime!(hybrid.products == Products::Matrices) {
        mlp_rows(x, weights, out, normal, base, next, first, stride, total, hybrid, last);
    } else {
        mlp_by_units(x, weights, out, normal, base, next, first, stride, total, hybrid, last);
    }
}

/// The same by the units' own arithmetic.
#[cube]
#[allow(clippy::too_many_arguments)]
fn mlp_by_units(
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
    let pixels = comptime!(hybrid.pixels());
    let mut own = Shared::new_slice(comptime!(pixels * channels));
    let mut inner = Shared::new_slice(comptime!(pixels * channels));
    let mut hidden = Shared::new_slice(comptime!(pixels * wide));
    let mut stats = Shared::new_slice(comptime!(2 * pixels));
    let pixel = CUBE_POS * pixels;
    load(x, &mut own, pixel, total, 0usize, channels, pixels, channels);
    sync_cube();
    normalise(&own, &mut stats, weights, &mut inner, base + comptime!(hybrid.norm2()), pixels, channels);
    linear(&inner, weights, &mut hidden, base + comptime!(hybrid.fc1()), pixels, channels, wide);
    sync_cube();
    let mut at = UNIT_POS as usize;
    while at < comptime!(pixels * wide) {
        hidden[at] = gelu(hidden[at]);
        at += UNITS as usize;
    }
    sync_cube();
    linear(&hidden, weights, &mut inner, base + comptime!(hybrid.fc2()), pixels, wide, channels);
    sync_cube();
    let mut at = UNIT_POS as usize;
    while at < comptime!(pixels * channels) {
        let value = own[at] + inner[at];
        let place = pixel + at / channels;
        if place < total {
            if last {
                let from = place * stride + first + at % channels;
                out[from + channels] = out[from] + value;
            } else {
                out[pixel * channels + at] = value;
            }
        }
        own[at] = value;
        at += UNITS as usize;
    }
    if comptime!(!last) {
        sync_cube();
        normalise(&own, &mut stats, weights, &mut inner, next, pixels, channels);
        store(&inner, normal, pixel, total, pixels, channels);
    }
}

/// The gradient of the input of [`mlp`] given that of its output, which lies in `grad` as `out` does, and the gradients of
/// the parameters at `column` of rows of `length` partial sums.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn mlp_gradient(
    x: &[f32],
    grad: &[f32],
    weights: &[f32],
    out: &mut [f32],
    partial: &mut [f32],
    base: usize,
    grad_first: usize,
    grad_stride: usize,
    column: usize,
    length: usize,
    total: usize,
    #[comptime] hybrid: Hybrid,
) {
    if comptime!(hybrid.products == Products::Matrices) {
        mlp_rows_gradient(x, grad, weights, out, partial, base, grad_first, grad_stride, column, length, total, hybrid);
    } else {
        mlp_gradient_by_units(
            x,
            grad,
            weights,
            out,
            partial,
            base,
            grad_first,
            grad_stride,
            column,
            length,
            total,
            hybrid,
        );
    }
}

/// The same by the units' own arithmetic.
#[cube]
#[allow(clippy::too_many_arguments)]
fn mlp_gradient_by_units(
    x: &[f32],
    grad: &[f32],
    weights: &[f32],
    out: &mut [f32],
    partial: &mut [f32],
    base: usize,
    grad_first: usize,
    grad_stride: usize,
    column: usize,
    length: usize,
    total: usize,
    #[comptime] hybrid: Hybrid,
) {
    let (channels, wide) = (comptime!(hybrid.channels), comptime!(hybrid.hidden));
    let pixels = comptime!(hybrid.pixels());
    let mut own = Shared::new_slice(comptime!(pixels * channels));
    let mut inner = Shared::new_slice(comptime!(pixels * channels));
    let mut above = Shared::new_slice(comptime!(pixels * channels));
    let mut hidden = Shared::new_slice(comptime!(pixels * wide));
    let mut slope = Shared::new_slice(comptime!(pixels * wide));
    let mut stats = Shared::new_slice(comptime!(2 * pixels));
    let norm = base + comptime!(hybrid.norm2());
    let row = CUBE_POS * length + column;
    clear(partial, row + comptime!(hybrid.norm2()), comptime!(2 * channels));
    clear(partial, row + comptime!(hybrid.fc1()), comptime!(hybrid.parameters() - hybrid.fc1()));
    sync_storage();
    let mut pixel = CUBE_POS * pixels;
    while pixel < total {
        load(x, &mut own, pixel, total, 0usize, channels, pixels, channels);
        load(grad, &mut above, pixel, total, grad_first, grad_stride, pixels, channels);
        sync_cube();
        normalise(&own, &mut stats, weights, &mut inner, norm, pixels, channels);
        linear(&inner, weights, &mut hidden, base + comptime!(hybrid.fc1()), pixels, channels, wide);
        linear_back(&above, weights, &mut slope, base + comptime!(hybrid.fc2()), pixels, wide, channels);
        sync_cube();
        let mut at = UNIT_POS as usize;
        while at < comptime!(pixels * wide) {
            let value = hidden[at];
            hidden[at] = gelu(value);
            slope[at] *= gelu_slope(value);
            at += UNITS as usize;
        }
        sync_cube();
        linear_weights(&hidden, &above, partial, row + comptime!(hybrid.fc2()), pixels, wide, channels);
        linear_weights(&inner, &slope, partial, row + comptime!(hybrid.fc1()), pixels, channels, wide);
        sync_cube();
        // From here on `inner` is the gradient of the normalised pixels.
        linear_back(&slope, weights, &mut inner, base + comptime!(hybrid.fc1()), pixels, channels, wide);
        sync_cube();
        norm_weights(&own, &stats, &inner, partial, row + comptime!(hybrid.norm2()), pixels, channels);
        let unit = UNIT_POS as usize;
        if unit < pixels && pixel + unit < total {
            let (mean, scale) = (stats[unit * 2], stats[unit * 2 + 1]);
            let (mut shift, mut tilt) = (f32::new(0.0), f32::new(0.0));
            for c in 0..channels {
                let g = inner[unit * channels + c] * weights[norm + c];
                shift += g;
                tilt += g * (own[unit * channels + c] - mean) * scale;
            }
            shift *= comptime!(1.0 / channels as f32);
            tilt *= comptime!(1.0 / channels as f32);
            for c in 0..channels {
                let normal = (own[unit * channels + c] - mean) * scale;
                let g = inner[unit * channels + c] * weights[norm + c];
                out[(pixel + unit) * channels + c] = above[unit * channels + c] + (g - shift - normal * tilt) * scale;
            }
        }
        sync_cube();
        pixel += CUBE_COUNT * pixels;
    }
}
