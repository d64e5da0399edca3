//! The last layer of a dense block together with the 1×1 fusion of all of them, which reads the same numbers, and the moments by which a
//! LayerNorm behind it normalises.

use super::conv::{biased, multiply};
use super::dense::{Dense, keep, put_layer};
use super::functions::{moments, put_normal};
use super::load::{Load, halo_len, load_inputs, load_taps, taps_len};
use super::products::{CHUNK, factor, place};
use super::tiles::{TILE, Tile};
use super::words::joined;
use cubecl::prelude::*;

/// Numbers between two pixels of a tile whose moments are taken: in shared memory, eight of them lie in different banks.
const fn across(channels: usize) -> usize {
    channels + 1
}

/// Adds what `count` inputs in shared memory, from `seen` on, give to the layer, `sums`, and to the fusion, `fused`; `layer` and `fusion` are
/// where their weights begin.
#[cube]
#[allow(clippy::too_many_arguments)]
fn add_both(
    weights: &[f32],
    halo: &[f32],
    taps: &mut [f32],
    few: &mut [f32],
    sums: &mut Array<f32>,
    fused: &mut Array<f32>,
    layer: usize,
    fusion: usize,
    seen: usize,
    count: usize,
    #[comptime] dense: Dense,
) {
    let (growth, channels, products) = (comptime!(dense.growth), comptime!(dense.channels), comptime!(dense.products));
    let before = comptime!(dense.seen(dense.layers - 1));
    let all = comptime!(dense.seen(dense.layers));
    load_taps(weights, taps, layer, seen, count, before, 3usize, growth, false, products);
    load_taps(weights, few, fusion, seen, count, all, 1usize, channels, false, products);
    sync_cube();
    multiply(halo, &*taps, sums, 3usize, 3usize, growth, products);
    multiply(halo, &*few, fused, 1usize, 3usize, channels, products);
    sync_cube();
}

/// Adds what all channels before the last layer give to both.
#[cube]
#[allow(clippy::too_many_arguments)]
fn accumulate_both(
    x: &[f32],
    grown: &[u32],
    weights: &[f32],
    halo: &mut [f32],
    taps: &mut [f32],
    few: &mut [f32],
    sums: &mut Array<f32>,
    fused: &mut Array<f32>,
    tile: &Tile,
    x_first: usize,
    layer: usize,
    fusion: usize,
    #[comptime] dense: Dense,
) {
    let (growth, channels, products) = (comptime!(dense.growth), comptime!(dense.channels), comptime!(dense.products));
    let (own, each) = (comptime!(dense.channels.div_ceil(CHUNK)), comptime!(dense.growth.div_ceil(CHUNK)));
    let (source, kept) = (comptime!(dense.source), comptime!(dense.kept()));
    let last = comptime!(dense.layers - 1);
    for chunk in 0..comptime!(own + last * each) {
        let mut seen = chunk * CHUNK;
        let mut count = min(channels - min(seen, channels), CHUNK);
        if chunk < own {
            let from = x_first + seen;
            load_inputs(x, x, weights, 0usize, halo, tile, from, count, source, 3usize, Load::Plain, products);
        } else {
            let (before, piece) = ((chunk - own) / each, (chunk - own) % each * CHUNK);
            let from = before * growth + piece;
            count = min(growth - piece, CHUNK);
            seen = channels + from;
            load_inputs(grown, x, weights, 0usize, halo, tile, from, count, kept, 3usize, Load::Plain, products);
        }
        add_both(weights, &*halo, taps, few, sums, fused, layer, fusion, seen, count, dense);
    }
}

/// The same from a buffer of bf16, in which they lie side by side.
#[cube]
#[allow(clippy::too_many_arguments)]
fn accumulate_halves<N: CubePrimitive>(
    source: &[N],
    weights: &[f32],
    halo: &mut [f32],
    taps: &mut [f32],
    few: &mut [f32],
    sums: &mut Array<f32>,
    fused: &mut Array<f32>,
    tile: &Tile,
    first: usize,
    stride: usize,
    layer: usize,
    fusion: usize,
    #[comptime] dense: Dense,
    #[comptime] load: Load,
) {
    let products = comptime!(dense.products);
    let (each, inputs) = (comptime!(dense.products.chunk()), comptime!(dense.seen(dense.layers - 1)));
    for chunk in 0..comptime!(inputs.div_ceil(each)) {
        let seen = chunk * each;
        let count = min(inputs - seen, each);
        load_inputs(source, weights, weights, 0usize, halo, tile, first + seen, count, stride, 3usize, load, products);
        add_both(weights, &*halo, taps, few, sums, fused, layer, fusion, seen, count, dense);
    }
}

/// Adds what the layer itself gives to the fusion, by way of `taps`.
#[cube]
#[allow(clippy::too_many_arguments)]
fn accumulate_own(
    weights: &[f32],
    halo: &mut [f32],
    taps: &mut [f32],
    few: &mut [f32],
    sums: &Array<f32>,
    fused: &mut Array<f32>,
    fusion: usize,
    #[comptime] dense: Dense,
) {
    let (growth, channels, products) = (comptime!(dense.growth), comptime!(dense.channels), comptime!(dense.products));
    let (before, all) = (comptime!(dense.seen(dense.layers - 1)), comptime!(dense.seen(dense.layers)));
    let across = comptime!(across(growth));
    #[unroll]
    for number in 0..comptime!(products.sums(growth)) {
        let place = place(number, products);
        if place.output < growth {
            let value = factor(max(sums[number], f32::new(0.0)), products);
            taps[(place.row * TILE + place.col) * across + place.output] = value;
        }
    }
    sync_cube();
    let each = comptime!(products.chunk());
    for chunk in 0..comptime!(growth.div_ceil(each)) {
        let done = chunk * each;
        let mut at = UNIT_POS as usize;
        while at < comptime!(CHUNK * TILE * TILE) {
            let (channel, pixel) = (at % CHUNK, at / CHUNK);
            let own = done + channel * comptime!(each / CHUNK);
            let mut value = f32::new(0.0);
            if own < growth {
                value = taps[pixel * across + own];
                if comptime!(products.pairs()) {
                    value = joined(value, taps[pixel * across + own + 1]);
                }
            }
            halo[channel * comptime!(products.plane(1)) + pixel] = value;
            at += CUBE_DIM as usize;
        }
        let count = min(growth - done, each);
        load_taps(weights, few, fusion, before + done, count, all, 1usize, channels, false, products);
        sync_cube();
        multiply(&*halo, &*few, fused, 1usize, 1usize, channels, products);
        sync_cube();
    }
}

/// Writes the fusion's pixels, of each the mean and one over the standard deviation, and of bf16 what these make of it, by way of `shared`.
#[cube]
fn put_fused(
    fused: &Array<f32>,
    shared: &mut [f32],
    out: &mut [f32],
    stats: &mut [f32],
    normal: &mut [u32],
    tile: &Tile,
    #[comptime] dense: Dense,
) {
    let (channels, products) = (comptime!(dense.channels), comptime!(dense.products));
    let across = comptime!(across(channels));
    #[unroll]
    for number in 0..comptime!(products.sums(channels)) {
        let place = place(number, products);
        if place.output < channels {
            shared[(place.row * TILE + place.col) * across + place.output] = fused[number];
        }
    }
    sync_cube();
    let mut at = UNIT_POS as usize;
    while at < comptime!(TILE * TILE * channels) {
        let (own, channel) = (at / channels, at % channels);
        let (pixel, inside) = tile.pixel(own / TILE, own % TILE);
        if inside {
            out[pixel * channels + channel] = shared[own * across + channel];
        }
        at += CUBE_DIM as usize;
    }
    let mut own = UNIT_POS as usize;
    while own < comptime!(TILE * TILE) {
        let (pixel, inside) = tile.pixel(own / TILE, own % TILE);
        if inside {
            moments(&*shared, own * across, stats, 2 * pixel, channels);
            if comptime!(products.halves) {
                put_normal(&*shared, own * across, &*stats, pixel, normal, channels, products.matrices);
            }
        }
        own += CUBE_DIM as usize;
    }
}

impl Dense {
    /// Units of a cube of the last layer and the fusion.
    pub(super) const fn end_units(&self) -> u32 {
        self.products.units(self.widest())
    }

    /// Numbers of shared memory of such a cube.
    pub(super) const fn end_len(&self) -> usize {
        halo_len(3, self.products) + self.end_taps() + taps_len(1, self.channels, self.products)
    }

    /// Of them those for the layer's weights, and then for the fusion's pixels.
    const fn end_taps(&self) -> usize {
        let (taps, pixels) = (taps_len(3, self.growth, self.products), TILE * TILE * across(self.widest()));
        if taps > pixels { taps } else { pixels }
    }
}

/// The last layer, from `x` and the layers before it, and the fusion of all, to `out`; moments of the latter's pixels, `[pixels, 2]`, to
/// `stats`, and what is normalised by them, of bf16, to `normal`. The block's weights begin at `base`.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn dense_end(
    x: &[f32],
    weights: &[f32],
    tiles: &[u32],
    grown: &mut [u32],
    masks: &mut [u32],
    out: &mut [f32],
    stats: &mut [f32],
    normal: &mut [u32],
    base: usize,
    x_first: usize,
    #[comptime] dense: Dense,
) {
    let (growth, channels, products) = (comptime!(dense.growth), comptime!(dense.channels), comptime!(dense.products));
    let last = comptime!(dense.layers - 1);
    let (layer, fusion) = (base + comptime!(dense.offset(last)), base + comptime!(dense.offset(dense.layers)));
    let mut halo = Shared::new_slice(comptime!(halo_len(3, products)));
    let mut taps = Shared::new_slice(comptime!(dense.end_taps()));
    let mut few = Shared::new_slice(comptime!(taps_len(1, channels, products)));
    let tile = Tile::of(tiles, CUBE_POS);
    let mut sums = biased(weights, layer + comptime!(9 * dense.seen(last) * growth), growth, products);
    let mut fused = biased(weights, fusion + comptime!(dense.seen(dense.layers) * channels), channels, products);
    if comptime!(products.pairs()) {
        // What comes first is not fetched beside the biases: no registers are left for it.
        sync_plane();
    }
    if comptime!(!products.halves) {
        accumulate_both(
            x, &*grown, weights, &mut halo, &mut taps, &mut few, &mut sums, &mut fused, &tile, x_first, layer, fusion,
            dense,
        );
    } else if comptime!(last == 0) {
        keep(x, grown, &tile, x_first, dense.source, dense);
        let stride = comptime!(dense.source).runtime();
        accumulate_halves(
            x,
            weights,
            &mut halo,
            &mut taps,
            &mut few,
            &mut sums,
            &mut fused,
            &tile,
            x_first,
            stride,
            layer,
            fusion,
            dense,
            Load::Plain,
        );
    } else {
        let stride = comptime!(dense.kept()).runtime();
        accumulate_halves(
            &*grown,
            weights,
            &mut halo,
            &mut taps,
            &mut few,
            &mut sums,
            &mut fused,
            &tile,
            0usize,
            stride,
            layer,
            fusion,
            dense,
            Load::Halves,
        );
    }
    if UNIT_POS < comptime!(products.units(growth)) {
        put_layer(&sums, grown, masks, &tile, dense, last);
    }
    accumulate_own(weights, &mut halo, &mut taps, &mut few, &sums, &mut fused, fusion, dense);
    put_fused(&fused, &mut taps, out, stats, normal, &tile, dense);
}
