//! A hybrid block behind its channel attention's gates: self-attention within windows, whose cyclic shift is in where a token is looked for,
//! and the MLP. A cube has a window, a unit a token.

use super::attention_rows::attention_rows;
use super::functions::{moments, put_normal};
use super::layout::Hybrid;
use super::mlp::mlp_of_token;
use super::tiles::Tile;
use super::tokens::convolve_token;
use super::windows::{MASKED, pixel_of};
use super::words::pair;
use cubecl::prelude::*;

/// Position bias and mask of query i and key j of a head; the block's parameters begin at `base`.
#[cube]
pub(super) fn bias(
    weights: &[f32],
    window: &Tile,
    base: usize,
    head: usize,
    i: usize,
    j: usize,
    shift: usize,
    #[comptime] hybrid: Hybrid,
) -> f32 {
    let side = comptime!(hybrid.window);
    let (iy, ix, jy, jx) = (i / side, i % side, j / side, j % side);
    let entry = (iy + side - 1 - jy) * comptime!(hybrid.distances()) + ix + side - 1 - jx;
    let mut value = weights[base + comptime!(hybrid.position_bias()) + entry * comptime!(hybrid.heads) + head];
    if shift > 0 {
        // Rows and columns from here on came from the other side of the image, in its last windows. (CubeCL's CUDA C++
        // has no comparison of two booleans.)
        let moved = side - shift;
        let rows = window.top + side == window.height && min(iy, jy) < moved && max(iy, jy) >= moved;
        let columns = window.left + side == window.width && min(ix, jx) < moved && max(ix, jx) >= moved;
        if rows || columns {
            value += MASKED;
        }
    }
    value
}

/// A unit's token's channels of a head of one part of `qkv` (0: queries, 1: keys, 2: values), into `out` at its place.
#[cube]
pub(super) fn part(
    tokens: &[f32],
    weights: &[f32],
    out: &mut [f32],
    base: usize,
    head: usize,
    factor: f32,
    #[comptime] of: usize,
    #[comptime] hybrid: Hybrid,
) {
    let (channels, d) = (comptime!(hybrid.channels), comptime!(hybrid.head()));
    let token = UNIT_POS as usize;
    let from = base + comptime!(hybrid.qkv());
    for k in 0..d {
        let row = comptime!(of * channels) + head * d + k;
        let mut sum = weights[from + comptime!(3 * channels * channels) + row];
        for c in 0..channels {
            sum += tokens[token * channels + c] * weights[from + row * channels + c];
        }
        out[token * d + k] = sum * factor;
    }
}

/// Σ over the channels of a head of `a` of token i times `b` of token j.
#[cube]
pub(super) fn dot(a: &[f32], b: &[f32], i: usize, j: usize, #[comptime] d: usize) -> f32 {
    let mut sum = f32::new(0.0);
    for k in 0..d {
        sum += a[i * d + k] * b[j * d + k];
    }
    sum
}

/// `x + α · gate · conv2(active) + attention(LayerNorm(x))`, into `middle`, and that with the MLP. If this is the first hybrid block of a
/// dense block, its output goes to `out`, and the moments by which a LayerNorm normalises it, `[pixels, 2]`, to `moments_out`, of bf16 also what it then is to `normal`; if it is the
/// `last`, its output plus what the dense block read, which begins at `first` in `out`, `[pixels, stride]`, goes behind that. Of each pixel and
/// head, the logarithm by which its softmax divides is left in `logs`.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn attention(
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
    if comptime!(hybrid.attention().matrices) {
        attention_rows(
            x,
            active,
            gates,
            weights,
            windows,
            logs,
            middle,
            out,
            moments_out,
            normal,
            base,
            shift,
            first,
            stride,
            scale,
            alpha,
            hybrid,
            last,
        );
    } else {
        attention_by_units(
            x,
            active,
            gates,
            weights,
            windows,
            logs,
            middle,
            out,
            moments_out,
            normal,
            base,
            shift,
            first,
            stride,
            scale,
            alpha,
            hybrid,
            last,
        );
    }
}

/// The same by the units' own arithmetic.
#[cube]
#[allow(clippy::too_many_arguments)]
fn attention_by_units(
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
    let mut tokens = Shared::new_slice(comptime!(n * channels));
    let mut queries = Shared::new_slice(comptime!(n * d));
    let mut keys = Shared::new_slice(comptime!(n * d));
    let mut values = Shared::new_slice(comptime!(n * d));
    let mut heads = Shared::new_slice(comptime!(n * channels));
    let mut stats = Shared::new_slice(comptime!(2 * n));
    let window = Tile::of(windows, CUBE_POS);
    let i = UNIT_POS as usize;
    let pixel = pixel_of(&window, i, shift, hybrid);
    for c in 0..channels {
        tokens[i * channels + c] = x[pixel * channels + c];
    }
    moments(&tokens, i * channels, &mut stats, 2 * i, channels);
    for c in 0..channels {
        let value = (tokens[i * channels + c] - stats[2 * i]) * stats[2 * i + 1];
        tokens[i * channels + c] = value * weights[base + c] + weights[base + channels + c];
    }
    for head in 0..comptime!(hybrid.heads) {
        part(&tokens, weights, &mut queries, base, head, scale, 0usize, hybrid);
        part(&tokens, weights, &mut keys, base, head, f32::new(1.0), 1usize, hybrid);
        part(&tokens, weights, &mut values, base, head, f32::new(1.0), 2usize, hybrid);
        sync_cube();
        let mut most = f32::new(-1e30);
        for j in 0..n {
            let score = dot(&queries, &keys, i, j, d) + bias(weights, &window, base, head, i, j, shift, hybrid);
            most = max(most, score);
        }
        let mut total = f32::new(0.0);
        for k in 0..d {
            heads[i * channels + head * d + k] = f32::new(0.0);
        }
        for j in 0..n {
            let score = dot(&queries, &keys, i, j, d) + bias(weights, &window, base, head, i, j, shift, hybrid);
            let share = (score - most).exp();
            total += share;
            for k in 0..d {
                heads[i * channels + head * d + k] += share * values[j * d + k];
            }
        }
        for k in 0..d {
            heads[i * channels + head * d + k] /= total;
        }
        logs[pixel * comptime!(hybrid.heads) + head] = most + total.ln();
        sync_cube();
    }
    let mut branch = Array::<f32>::new(channels);
    for o in 0..channels {
        branch[o] = weights[base + comptime!(hybrid.conv2() + hybrid.taps() * channels) + o];
    }
    convolve_token(active, weights, &mut branch, &window, shift, base + comptime!(hybrid.conv2()), false, hybrid);
    let from = base + comptime!(hybrid.proj());
    for o in 0..channels {
        let mut sum = weights[from + comptime!(channels * channels) + o];
        for c in 0..channels {
            sum += heads[i * channels + c] * weights[from + o * channels + c];
        }
        let gated = alpha * gates[window.image * comptime!(hybrid.gates()) + o] * branch[o];
        branch[o] = x[pixel * channels + o] + gated + sum;
        if comptime!(!hybrid.products.halves) {
            middle[pixel * channels + o] = u32::reinterpret(branch[o]);
        }
    }
    if comptime!(hybrid.products.halves) {
        for two in 0..comptime!(channels / 2) {
            let both = pair(branch[2 * two], branch[2 * two + 1], hybrid.products.matrices);
            middle[pixel * comptime!(hybrid.middle()) + two] = both;
        }
    }
    mlp_of_token(&mut branch, &mut tokens, &mut stats, weights, base, hybrid);
    for o in 0..channels {
        if comptime!(last) {
            let from = pixel * stride + first + o;
            out[from + channels] = out[from] + branch[o];
        } else {
            out[pixel * channels + o] = branch[o];
            tokens[i * channels + o] = branch[o];
        }
    }
    if comptime!(!last) {
        moments(&tokens, i * channels, moments_out, 2 * pixel, channels);
        if comptime!(hybrid.products.halves) {
            let matrices = comptime!(hybrid.products.matrices);
            put_normal(&tokens, i * channels, &*moments_out, pixel, normal, channels, matrices);
        }
    }
}
