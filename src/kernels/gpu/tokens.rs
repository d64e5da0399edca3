//! Convolutions 3×3 from a few channels to all, for the tokens of a window alone, so that attention reads few numbers where it would read
//! all: what the channel attention gives to every token, and what comes back from it.

use super::conv::zeros;
use super::layout::Hybrid;
use super::matrix::{K, rounded};
use super::rows::{OWN_ROWS, factors, in_order, numbers, own_row, padded, pitch, place, times};
use super::tiles::Tile;
use super::windows::{beside, spot_of};
use super::words::number;
use cubecl::prelude::*;

/// Numbers of shared memory for the weights of a tap.
pub(super) const fn tap_len(hybrid: &Hybrid) -> usize {
    hybrid.channels * pitch(hybrid.few)
}

/// Where the weight of an input, output and tap lies: as `[outputs, few, 9]`; going back, as `[few, outputs, 9]` with mirrored taps.
#[cube]
fn weight_place(input: usize, output: usize, tap: usize, #[comptime] back: bool, #[comptime] hybrid: Hybrid) -> usize {
    if comptime!(back) {
        (input * comptime!(hybrid.channels) + output) * 9 + 8 - tap
    } else {
        (output * comptime!(hybrid.few) + input) * 9 + tap
    }
}

/// Adds to `sums`, all channels of a unit's token, what the convolution gives whose weights lie at `base`.
#[cube]
#[allow(clippy::too_many_arguments)]
pub(super) fn convolve_token(
    source: &[u32],
    weights: &[f32],
    sums: &mut Array<f32>,
    window: &Tile,
    shift: usize,
    base: usize,
    #[comptime] back: bool,
    #[comptime] hybrid: Hybrid,
) {
    let few = comptime!(hybrid.few);
    let (row, col) = spot_of(window, UNIT_POS as usize, shift, hybrid);
    for tap in 0..9usize {
        let (pixel, inside) = beside(window, row, col, tap);
        if inside {
            for i in 0..few {
                let value = number(source, pixel * few + i, hybrid.products.halves);
                for o in 0..comptime!(hybrid.channels) {
                    sums[o] += value * weights[base + weight_place(i, o, tap, back, hybrid)];
                }
            }
        }
    }
}

/// Brings the weights of a tap to shared memory, `[channels, pitch]`, as `times` reads them.
#[cube]
fn stage_tap(
    weights: &[f32],
    to: &mut [f32],
    base: usize,
    tap: usize,
    #[comptime] back: bool,
    #[comptime] hybrid: Hybrid,
) {
    let (few, deep) = (comptime!(hybrid.few), comptime!(padded(hybrid.few)));
    let mut at = UNIT_POS as usize;
    while at < comptime!(hybrid.channels * deep) {
        let (output, i) = (at / deep, at % deep);
        let mut value = f32::new(0.0);
        if i < few {
            value = weights[base + weight_place(i, output, tap, back, hybrid)];
        }
        to[output * comptime!(pitch(few)) + in_order(i)] = rounded(value);
        at += CUBE_DIM as usize;
    }
}

/// Eight of the few channels from `first` on of the pixels that a tap reads beside a unit's tokens, as factors.
#[cube]
fn beside_rows(
    source: &[u32],
    window: &Tile,
    rows: &Array<usize>,
    cols: &Array<usize>,
    tap: usize,
    #[comptime] first: usize,
    #[comptime] hybrid: Hybrid,
) -> Array<f32> {
    let few = comptime!(hybrid.few);
    let mut values = Array::<f32>::new(comptime!(numbers(K)));
    #[unroll]
    for i in 0..comptime!(numbers(K)) {
        let (_, channel) = place(i);
        let own = comptime!(own_row(i));
        let (pixel, inside) = beside(window, rows[own], cols[own], tap);
        let mut value = f32::new(0.0);
        if inside && first + channel < few {
            value = number(source, pixel * few + first + channel, hybrid.products.halves);
        }
        values[i] = value;
    }
    factors(&values, K)
}

/// What the convolution gives whose weights lie at `base`, without biases, for a plane's tokens, of which `tokens` are those of a unit's
/// rows. `staged` is shared memory that nobody else uses.
#[cube]
#[allow(clippy::too_many_arguments)]
pub(super) fn convolve_rows(
    source: &[u32],
    weights: &[f32],
    staged: &mut [f32],
    window: &Tile,
    tokens: &Array<usize>,
    shift: usize,
    base: usize,
    #[comptime] back: bool,
    #[comptime] hybrid: Hybrid,
) -> Array<f32> {
    let deep = comptime!(padded(hybrid.few));
    let (mut rows, mut cols) = (Array::<usize>::new(OWN_ROWS), Array::<usize>::new(OWN_ROWS));
    #[unroll]
    for own in 0..OWN_ROWS {
        let (row, col) = spot_of(window, tokens[own], shift, hybrid);
        rows[own] = row;
        cols[own] = col;
    }
    let mut sums = zeros(comptime!(numbers(hybrid.channels)));
    // Tap by tap, so that no unit has more in its registers than a few products ask for.
    for tap in 0..9usize {
        stage_tap(weights, staged, base, tap, back, hybrid);
        sync_cube();
        #[unroll]
        for eight in 0..comptime!(deep / K) {
            let values = beside_rows(source, window, &rows, &cols, tap, comptime!(eight * K), hybrid);
            let from = comptime!(eight * K).runtime();
            times(&values, &*staged, from, &mut sums, K, hybrid.channels, comptime!(pitch(hybrid.few)));
        }
        sync_cube();
    }
    sums
}
