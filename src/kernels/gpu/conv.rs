//! Convolutions 3×3 and 1×1 of channels-last images, zero beyond the border: a cube has a tile of 8 × 8 pixels, a unit a row of
//! it for four outputs; inputs come to shared memory eight channels at a time, or eight twos of them, with their weights.

use super::functions::gelu_slope;
use super::load::{Load, halo_len, load_inputs, load_taps, taps_len};
use super::products::{CHUNK, GROUP, Products, convolve_chunk, place};
use super::tiles::{TILE, Tile};
use super::words::{number as number_of, pair};
use cubecl::prelude::*;

/// Where values are written, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Finish {
    Plain,
    /// Plus `other`.
    Add,
    /// Times the slope of GELU at `other`.
    Slope,
}

/// What a convolution is besides its buffers and weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    /// Side of the kernel: 1 or 3.
    pub(super) side: usize,
    /// Channels that are read and written.
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Numbers of a pixel in the buffers that are read, written, and put with the result.
    pub(super) source: usize,
    pub(super) out: usize,
    pub(super) other: usize,
    /// Whether what is written and what is put with it are bf16 by twos.
    pub(super) out_halves: bool,
    pub(super) other_halves: bool,
    /// The gradient of the input from that of the output: `inputs` counts the latter's channels.
    pub(super) back: bool,
    pub(super) load: Load,
    pub(super) finish: Finish,
    pub(super) products: Products,
}

/// Adds to a unit's `sums` what a chunk of inputs gives, which was loaded for a convolution of side `around`; units that have no outputs
/// add nothing.
#[cube]
pub(super) fn multiply(
    halo: &[f32],
    taps: &[f32],
    sums: &mut Array<f32>,
    #[comptime] side: usize,
    #[comptime] around: usize,
    #[comptime] outputs: usize,
    #[comptime] products: Products,
) {
    if comptime!(products.matrices) {
        convolve_chunk(halo, taps, sums, side, around, outputs, products);
    } else if UNIT_POS < comptime!(products.units(outputs)) {
        multiply_by_units(halo, taps, sums, side, around, outputs);
    }
}

/// The same, `[TILE, GROUP]`, by the units' own arithmetic.
#[cube]
fn multiply_by_units(
    halo: &[f32],
    taps: &[f32],
    sums: &mut Array<f32>,
    #[comptime] side: usize,
    #[comptime] around: usize,
    #[comptime] outputs: usize,
) {
    let across = comptime!(TILE + around - 1);
    let inset = comptime!((around - side) / 2);
    let wide = comptime!(Products::F32.wide(outputs));
    let (row, group) = (UNIT_POS as usize % TILE, UNIT_POS as usize / TILE);
    let mut line = Array::<f32>::new(comptime!(TILE + side - 1));
    for i in 0..CHUNK {
        #[unroll]
        for dy in 0..side {
            let from = i * comptime!(across * across) + (row + comptime!(dy + inset)) * across + inset;
            #[unroll]
            for x in 0..comptime!(TILE + side - 1) {
                line[x] = halo[from + x];
            }
            #[unroll]
            for dx in 0..side {
                #[unroll]
                for o in 0..GROUP {
                    let weight = taps[(comptime!(dy * side + dx) * CHUNK + i) * wide + group * GROUP + o];
                    #[unroll]
                    for x in 0..TILE {
                        sums[comptime!(x * GROUP + o)] += weight * line[comptime!(x + dx)];
                    }
                }
            }
        }
    }
}

/// Adds to `sums` the convolution of `inputs` channels from `first` on.
#[cube]
#[allow(clippy::too_many_arguments)]
pub(super) fn accumulate<N: CubePrimitive>(
    source: &[N],
    table: &[f32],
    weights: &[f32],
    norm: usize,
    halo: &mut [f32],
    taps: &mut [f32],
    sums: &mut Array<f32>,
    tile: &Tile,
    first: usize,
    source_stride: usize,
    base: usize,
    weights_first: usize,
    weights_stride: usize,
    #[comptime] inputs: usize,
    #[comptime] outputs: usize,
    #[comptime] side: usize,
    #[comptime] back: bool,
    #[comptime] load: Load,
    #[comptime] products: Products,
) {
    let each = comptime!(products.chunk());
    for chunk in 0..comptime!(inputs.div_ceil(each)) {
        let done = chunk * each;
        let count = min(inputs - done, each);
        let from = first + done;
        load_inputs(source, table, weights, norm, halo, tile, from, count, source_stride, side, load, products);
        load_taps(weights, taps, base, weights_first + done, count, weights_stride, side, outputs, back, products);
        sync_cube();
        multiply(&*halo, &*taps, sums, side, side, outputs, products);
        sync_cube();
    }
}

/// Sums that start at a unit's biases, which lie at `base`.
#[cube]
pub(super) fn biased(
    weights: &[f32],
    base: usize,
    #[comptime] outputs: usize,
    #[comptime] products: Products,
) -> Array<f32> {
    let mut sums = Array::<f32>::new(comptime!(products.sums(outputs)));
    #[unroll]
    for number in 0..comptime!(products.sums(outputs)) {
        let output = place(number, products).output;
        let mut bias = f32::new(0.0);
        if output < outputs {
            bias = weights[base + output];
        }
        sums[number] = bias;
    }
    sums
}

/// Sums that start at zero.
#[cube]
pub(super) fn zeros(#[comptime] count: usize) -> Array<f32> {
    let mut sums = Array::<f32>::new(count);
    #[unroll]
    for i in 0..count {
        sums[i] = f32::new(0.0);
    }
    sums
}

/// A convolution; its weights begin at `base` of the network's vector, its bias behind them. Going back, cubes side by side
/// along y have further outputs each.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn convolve(
    source: &[u32],
    weights: &[f32],
    tiles: &[u32],
    table: &[f32],
    other: &[u32],
    out: &mut [u32],
    base: usize,
    source_first: usize,
    out_first: usize,
    other_first: usize,
    weights_stride: usize,
    norm: usize,
    #[comptime] shape: Shape,
) {
    let side = comptime!(shape.side);
    let outputs = comptime!(shape.outputs);
    let products = comptime!(shape.products);
    let mut halo = Shared::new_slice(comptime!(halo_len(side, products)));
    let mut taps = Shared::new_slice(comptime!(taps_len(side, outputs, products)));
    let tile = Tile::of(tiles, CUBE_POS_X as usize);
    let part = CUBE_POS_Y as usize * outputs;
    let mut sums = if comptime!(shape.back) {
        zeros(comptime!(products.sums(outputs)))
    } else {
        biased(weights, base + outputs * weights_stride * comptime!(side * side), outputs, products)
    };
    accumulate(
        source,
        table,
        weights,
        norm,
        &mut halo,
        &mut taps,
        &mut sums,
        &tile,
        source_first,
        comptime!(shape.source),
        base + part * comptime!(side * side),
        0usize,
        weights_stride,
        comptime!(shape.inputs),
        outputs,
        side,
        comptime!(shape.back),
        comptime!(shape.load),
        products,
    );
    #[unroll]
    for number in 0..comptime!(products.sums(outputs)) {
        let place = place(number, products);
        let (pixel, inside) = tile.pixel(place.row, place.col);
        if inside && place.output < outputs {
            let beside = pixel * comptime!(shape.other) + other_first + place.output;
            if comptime!(shape.finish == Finish::Add) {
                sums[number] += number_of(other, beside, shape.other_halves);
            }
            if comptime!(shape.finish == Finish::Slope) {
                sums[number] *= gelu_slope(number_of(other, beside, shape.other_halves));
            }
            let to = pixel * comptime!(shape.out) + out_first + part + place.output;
            if comptime!(!shape.out_halves) {
                out[to] = u32::reinterpret(sums[number]);
            } else if comptime!(number % 2 == 1) {
                // Of two numbers one behind the other, outputs lie side by side.
                out[to / 2] = pair(sums[comptime!(number - 1)], sums[number], products.matrices);
            }
        }
    }
}
