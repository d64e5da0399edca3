//! The MLP of a hybrid block, forward for one token and backward; the hidden layer is computed again instead of kept.

use super::cubes::UNITS;
use super::functions::{gelu, gelu_slope, moments};
use super::layout::Hybrid;
use super::mlp_rows_gradient::mlp_rows_gradient;
use super::pixelwise::{clear, linear, linear_back, linear_weights, load, norm_weights, normalise};
use super::words::pair;
use cubecl::prelude::*;

/// Adds `fc2(GELU(fc1(LayerNorm(x))))` of a hybrid block whose parameters lie at `base` to `x`, all channels of a unit's token, by way of the
/// token's place in `tokens`, `[units, channels]`, and in `stats`, `[units, 2]`.
#[cube]
pub(super) fn mlp_of_token(
    x: &mut Array<f32>,
    tokens: &mut [f32],
    stats: &mut [f32],
    weights: &[f32],
    base: usize,
    #[comptime] hybrid: Hybrid,
) {
    let (channels, wide) = (comptime!(hybrid.channels), comptime!(hybrid.hidden));
    let unit = UNIT_POS as usize;
    let own = unit * channels;
    for c in 0..channels {
        tokens[own + c] = x[c];
    }
    moments(&*tokens, own, stats, 2 * unit, channels);
    let norm = base + comptime!(hybrid.norm2());
    for c in 0..channels {
        let value = (x[c] - stats[2 * unit]) * stats[2 * unit + 1];
        tokens[own + c] = value * weights[norm + c] + weights[norm + channels + c];
        x[c] += weights[base + comptime!(hybrid.fc2() + wide * channels) + c];
    }
    let (fc1, fc2) = (base + comptime!(hybrid.fc1()), base + comptime!(hybrid.fc2()));
    for feature in 0..wide {
        let mut sum = weights[fc1 + comptime!(wide * channels) + feature];
        for c in 0..channels {
            sum += tokens[own + c] * weights[fc1 + feature * channels + c];
        }
        let value = gelu(sum);
        for c in 0..channels {
            x[c] += value * weights[fc2 + c * wide + feature];
        }
    }
}

/// The gradient of the MLP's input given that of its output, `grad`, of bf16 also by `twos`, and the gradients of
/// the parameters at `column` of rows of `length` partial sums.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn mlp_gradient(
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
    if comptime!(hybrid.products.matrices) {
        mlp_rows_gradient(x, grad, weights, out, twos, partial, base, column, length, total, hybrid);
    } else {
        mlp_gradient_by_units(x, grad, weights, out, twos, partial, base, column, length, total, hybrid);
    }
}

/// The same by the units' own arithmetic.
#[cube]
#[allow(clippy::too_many_arguments)]
fn mlp_gradient_by_units(
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
        load(x, &mut own, pixel, total, 0usize, channels, pixels, channels, hybrid.products.halves);
        load(grad, &mut above, pixel, total, 0usize, channels, pixels, channels, false);
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
            if comptime!(hybrid.products.halves) {
                for two in 0..comptime!(channels / 2) {
                    let at = (pixel + unit) * channels + 2 * two;
                    twos[at / 2] = pair(out[at], out[at + 1], hybrid.products.matrices);
                }
            }
        }
        sync_cube();
        pixel += CUBE_COUNT * pixels;
    }
}
