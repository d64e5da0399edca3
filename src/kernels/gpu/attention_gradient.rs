//! The gradients of window attention and of the LayerNorm before it. Probabilities and what the heads gave are computed again from what the forward pass
//! kept; scores never lie in memory. A cube has every `rows`-th window, a unit a token.

use super::attention::{bias, dot, part};
use super::attention_rows_gradient::attention_rows_gradient;
use super::functions::moments;
use super::layout::Hybrid;
use super::pixelwise::{clear, norm_weights};
use super::tiles::Tile;
use super::tokens::convolve_token;
use super::windows::pixel_of;
use super::words::{number as number_of, pair};
use cubecl::prelude::*;

/// Adds to a row of partial sums at `to` the gradients of the position bias of a head, Σ of those of all scores of a distance.
#[cube]
#[allow(clippy::too_many_arguments)]
fn position_gradient(
    queries: &[f32],
    keys: &[f32],
    values: &[f32],
    outputs: &[f32],
    logs: &[f32],
    weights: &[f32],
    partial: &mut [f32],
    window: &Tile,
    base: usize,
    to: usize,
    head: usize,
    shift: usize,
    #[comptime] hybrid: Hybrid,
) {
    let (d, n, side) = (comptime!(hybrid.head()), comptime!(hybrid.tokens()), comptime!(hybrid.window));
    let across = comptime!(hybrid.distances());
    let mut entry = UNIT_POS as usize;
    while entry < comptime!(across * across) {
        let mut sum = f32::new(0.0);
        for i in 0..n {
            // The key of this distance: (i / side + side − 1 − row of j, …).
            let (down, right) = (i / side + side - 1, i % side + side - 1);
            let (dy, dx) = (entry / across, entry % across);
            if down >= dy && down - dy < side && right >= dx && right - dx < side {
                let j = (down - dy) * side + right - dx;
                let score = dot(queries, keys, i, j, d) + bias(weights, window, base, head, i, j, shift, hybrid);
                sum += (score - logs[2 * i]).exp() * (dot(outputs, values, i, j, d) - logs[2 * i + 1]);
            }
        }
        partial[to + entry * comptime!(hybrid.heads) + head] += sum;
        entry += CUBE_DIM as usize;
    }
}

/// The gradient of the input `x` of a hybrid block, given that of its middle, `grad`, and what came back through the channel attention to
/// the output of its first convolution, `narrow`; and the gradients of the parameters of norm and attention at `column` of
/// rows of `length` partial sums. Of bf16, `x` is normal but for its `moments`. `aside` has room for a window of each cube.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn attention_gradient(
    x: &[u32],
    moments: &[f32],
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
    if comptime!(hybrid.attention().matrices) {
        attention_rows_gradient(
            x,
            moments,
            kept,
            grad,
            narrow,
            weights,
            windows,
            aside,
            out,
            partial,
            base,
            column,
            length,
            window_count,
            shift,
            scale,
            hybrid,
            out_halves,
        );
    } else {
        attention_gradient_by_units(
            x,
            moments,
            kept,
            grad,
            narrow,
            weights,
            windows,
            out,
            partial,
            base,
            column,
            length,
            window_count,
            shift,
            scale,
            hybrid,
            out_halves,
        );
    }
}

/// The same by the units' own arithmetic.
#[cube]
#[allow(clippy::too_many_arguments)]
fn attention_gradient_by_units(
    x: &[u32],
    kept_moments: &[f32],
    kept: &[f32],
    grad: &[f32],
    narrow: &[u32],
    weights: &[f32],
    windows: &[u32],
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
    let mut tokens = Shared::new_slice(comptime!(n * channels));
    let mut above = Shared::new_slice(comptime!(n * channels));
    let mut queries = Shared::new_slice(comptime!(n * d));
    let mut keys = Shared::new_slice(comptime!(n * d));
    let mut values = Shared::new_slice(comptime!(n * d));
    // Gradients of the heads' outputs; before and after, what a product of all tokens is made from.
    let mut outputs = Shared::new_slice(comptime!(n * d));
    let mut grads = Shared::new_slice(comptime!(n * d));
    // For each token the logarithm of its softmax, and Σ of outputs times their gradients; then the norm's moments.
    let mut logs = Shared::new_slice(comptime!(2 * n));
    let i = UNIT_POS as usize;
    let mut normal_sum = Array::<f32>::new(channels);
    let mut result = Array::<f32>::new(channels);
    let (qkv, proj) = (base + comptime!(hybrid.qkv()), base + comptime!(hybrid.proj()));
    let row = CUBE_POS * length + column;
    clear(partial, row, comptime!(2 * channels));
    clear(partial, row + comptime!(hybrid.qkv()), comptime!(hybrid.conv1() - hybrid.qkv()));
    sync_storage();
    let mut number = CUBE_POS;
    while number < window_count {
        let window = Tile::of(windows, number);
        let pixel = pixel_of(&window, i, shift, hybrid);
        for c in 0..channels {
            tokens[i * channels + c] = number_of(x, pixel * channels + c, halves);
            above[i * channels + c] = grad[pixel * channels + c];
            normal_sum[c] = f32::new(0.0);
        }
        convolve_token(
            narrow,
            weights,
            &mut normal_sum,
            &window,
            shift,
            base + comptime!(hybrid.conv1()),
            true,
            hybrid,
        );
        moments(&tokens, i * channels, &mut logs, 2 * i, channels);
        let (mut mean, mut inverse) = (logs[2 * i], logs[2 * i + 1]);
        let mut slope_scale = inverse;
        if comptime!(halves) {
            // They are normal.
            mean = f32::new(0.0);
            inverse = f32::new(1.0);
            slope_scale = kept_moments[2 * pixel + 1];
        }
        for c in 0..channels {
            let value = (tokens[i * channels + c] - mean) * inverse;
            tokens[i * channels + c] = value * weights[base + c] + weights[base + channels + c];
        }
        for head in 0..comptime!(hybrid.heads) {
            part(&tokens, weights, &mut queries, base, head, scale, 0usize, hybrid);
            part(&tokens, weights, &mut keys, base, head, f32::new(1.0), 1usize, hybrid);
            part(&tokens, weights, &mut values, base, head, f32::new(1.0), 2usize, hybrid);
            for k in 0..d {
                let mut sum = f32::new(0.0);
                for o in 0..channels {
                    sum += above[i * channels + o] * weights[proj + o * channels + head * d + k];
                }
                outputs[i * d + k] = sum;
                grads[i * d + k] = f32::new(0.0);
            }
            let log = kept[pixel * comptime!(hybrid.heads) + head];
            logs[2 * i] = log;
            sync_cube();
            for j in 0..n {
                let score = dot(&queries, &keys, i, j, d) + bias(weights, &window, base, head, i, j, shift, hybrid);
                let share = (score - log).exp();
                for k in 0..d {
                    grads[i * d + k] += share * values[j * d + k];
                }
            }
            logs[2 * i + 1] = dot(&outputs, &grads, i, i, d);
            sync_cube();
            head_weights(&grads, &above, partial, row + comptime!(hybrid.proj()), head, hybrid);
            position_gradient(
                &queries,
                &keys,
                &values,
                &outputs,
                &logs,
                weights,
                partial,
                &window,
                base,
                row + comptime!(hybrid.position_bias()),
                head,
                shift,
                hybrid,
            );
            let mut query = Array::<f32>::new(d);
            let mut key = Array::<f32>::new(d);
            let mut value = Array::<f32>::new(d);
            for k in 0..d {
                query[k] = f32::new(0.0);
                key[k] = f32::new(0.0);
                value[k] = f32::new(0.0);
            }
            for j in 0..n {
                // This token asks, and token j answers.
                let score = dot(&queries, &keys, i, j, d) + bias(weights, &window, base, head, i, j, shift, hybrid);
                let share = (score - logs[2 * i]).exp();
                let slope = share * (dot(&outputs, &values, i, j, d) - logs[2 * i + 1]);
                for k in 0..d {
                    query[k] += slope * keys[j * d + k] * scale;
                }
                // Token j asks, and this one answers.
                let score = dot(&queries, &keys, j, i, d) + bias(weights, &window, base, head, j, i, shift, hybrid);
                let share = (score - logs[2 * j]).exp();
                let slope = share * (dot(&outputs, &values, j, i, d) - logs[2 * j + 1]);
                for k in 0..d {
                    key[k] += slope * queries[j * d + k];
                    value[k] += share * outputs[j * d + k];
                }
            }
            sync_cube();
            #[unroll]
            for of in 0..3usize {
                for k in 0..d {
                    let gradient = if comptime!(of == 0) {
                        query[k]
                    } else if comptime!(of == 1) {
                        key[k]
                    } else {
                        value[k]
                    };
                    grads[i * d + k] = gradient;
                    let weight = qkv + (comptime!(of * channels) + head * d + k) * channels;
                    for c in 0..channels {
                        normal_sum[c] += gradient * weights[weight + c];
                    }
                }
                sync_cube();
                let to = row + comptime!(hybrid.qkv());
                part_weights(&tokens, &grads, partial, to, comptime!(of * channels) + head * d, hybrid);
                sync_cube();
            }
        }
        let to = row + comptime!(hybrid.proj() + hybrid.channels * hybrid.channels);
        output_bias(&above, partial, to, hybrid);
        sync_cube();
        // LayerNorm: `tokens` become the input again, `above` the gradient of what it was normalised to.
        let mut shift_sum = f32::new(0.0);
        let mut tilt = f32::new(0.0);
        for c in 0..channels {
            let normal = (number_of(x, pixel * channels + c, halves) - mean) * inverse;
            let g = normal_sum[c] * weights[base + c];
            shift_sum += g;
            tilt += g * normal;
        }
        shift_sum *= comptime!(1.0 / channels as f32);
        tilt *= comptime!(1.0 / channels as f32);
        for c in 0..channels {
            let normal = (number_of(x, pixel * channels + c, halves) - mean) * inverse;
            let g = normal_sum[c] * weights[base + c];
            let value = above[i * channels + c] + (g - shift_sum - normal * tilt) * slope_scale;
            if comptime!(out_halves) {
                result[c] = value;
            } else {
                out[pixel * channels + c] = u32::reinterpret(value);
            }
            tokens[i * channels + c] = number_of(x, pixel * channels + c, halves);
            above[i * channels + c] = normal_sum[c];
        }
        if comptime!(out_halves) {
            for two in 0..comptime!(channels / 2) {
                let both = pair(result[2 * two], result[2 * two + 1], hybrid.products.matrices);
                out[pixel * comptime!(channels / 2) + two] = both;
            }
        }
        logs[2 * i] = mean;
        logs[2 * i + 1] = inverse;
        sync_cube();
        norm_weights(&tokens, &logs, &above, partial, row, n, channels);
        sync_cube();
        number += CUBE_COUNT;
    }
}

/// Adds to a row of partial sums at `to` the gradients of the columns of `proj` that read a head.
#[cube]
fn head_weights(heads: &[f32], grad: &[f32], partial: &mut [f32], to: usize, head: usize, #[comptime] hybrid: Hybrid) {
    let (channels, d) = (comptime!(hybrid.channels), comptime!(hybrid.head()));
    let mut at = UNIT_POS as usize;
    while at < comptime!(channels * d) {
        let (o, k) = (at / d, at % d);
        let mut sum = f32::new(0.0);
        for token in 0..comptime!(hybrid.tokens()) {
            sum += heads[token * d + k] * grad[token * channels + o];
        }
        partial[to + o * channels + head * d + k] += sum;
        at += CUBE_DIM as usize;
    }
}

/// Adds to a row of partial sums at `to` the gradients of the rows of `qkv` from `first` on, one head's, and of their biases.
#[cube]
fn part_weights(
    tokens: &[f32],
    grads: &[f32],
    partial: &mut [f32],
    to: usize,
    first: usize,
    #[comptime] hybrid: Hybrid,
) {
    let (channels, d) = (comptime!(hybrid.channels), comptime!(hybrid.head()));
    let mut at = UNIT_POS as usize;
    while at < comptime!((channels + 1) * d) {
        let mut sum = f32::new(0.0);
        if at < comptime!(channels * d) {
            let (k, c) = (at / channels, at % channels);
            for token in 0..comptime!(hybrid.tokens()) {
                sum += tokens[token * channels + c] * grads[token * d + k];
            }
            partial[to + (first + k) * channels + c] += sum;
        } else {
            let k = at - comptime!(channels * d);
            for token in 0..comptime!(hybrid.tokens()) {
                sum += grads[token * d + k];
            }
            partial[to + comptime!(3 * channels * channels) + first + k] += sum;
        }
        at += CUBE_DIM as usize;
    }
}

/// Adds to a row of partial sums at `to` the gradient of the bias of `proj`.
#[cube]
fn output_bias(grad: &[f32], partial: &mut [f32], to: usize, #[comptime] hybrid: Hybrid) {
    let channels = comptime!(hybrid.channels);
    let mut o = UNIT_POS as usize;
    while o < channels {
        let mut sum = f32::new(0.0);
        for token in 0..comptime!(hybrid.tokens()) {
            sum += grad[token * channels + o];
        }
        partial[to + o] += sum;
        o += CUBE_DIM as usize;
    }
}
