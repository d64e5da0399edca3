//! Convolutions 3×3 and 1×1 of channels-last images, zero beyond the border: a cube has a tile of 8 × 8 pixels, a unit a row of
//! it for four outputs; inputs come to shared memory eight channels at a time, or eight twos of them, with their weights.

use super::functions::gelu_slope;
use super::products::{CHUNK, GROUP, Products, convolve_chunk, factor, place};
use super::tiles::{TILE, Tile};
use super::words::{number as number_of, pair};
use cubecl::prelude::*;

/// What becomes of the values of a source when they are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Load {
    Plain,
    /// Times and plus what a table has for the image and channel.
    Affine,
    /// LayerNorm of them, by a norm of the network and the moments that a table has of each pixel.
    Norm,
    /// The same of bf16 by twos, which for a norm are normal already.
    Halves,
    AffineHalves,
    NormalHalves,
}

impl Load {
    const fn halves(self) -> bool {
        matches!(self, Load::Halves | Load::AffineHalves | Load::NormalHalves)
    }

    const fn affine(self) -> bool {
        matches!(self, Load::Affine | Load::AffineHalves)
    }
}

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

/// Numbers of shared memory for a chunk of inputs around a tile, and for its weights.
pub(super) const fn halo_len(side: usize, products: Products) -> usize {
    CHUNK * products.plane(side)
}

pub(super) const fn taps_len(side: usize, outputs: usize, products: Products) -> usize {
    side * side * CHUNK * products.pitch(outputs)
}

/// A number of a source, at `channel` of a pixel of the image of this number. What it is loaded by is in `table`, and in `weights` at `norm`.
#[cube]
#[allow(clippy::too_many_arguments)]
fn loaded<N: CubePrimitive>(
    source: &[N],
    table: &[f32],
    weights: &[f32],
    norm: usize,
    image: usize,
    pixel: usize,
    channel: usize,
    stride: usize,
    #[comptime] load: Load,
) -> f32 {
    let mut value = number_of(source, pixel * stride + channel, comptime!(load.halves()));
    if comptime!(load.affine()) {
        let scale = image * 2 * stride + channel;
        value = value * table[scale] + table[scale + stride];
    }
    if comptime!(load == Load::Norm) {
        let scale = norm + channel;
        value = (value - table[2 * pixel]) * table[2 * pixel + 1] * weights[scale] + weights[scale + stride];
    }
    if comptime!(load == Load::NormalHalves) {
        value = value * weights[norm + channel] + weights[norm + channel + stride];
    }
    value
}

/// The number of a pixel of a tile or around it, where that reaches `reach` further on each side, and whether it lies in the image.
#[cube]
fn around(tile: &Tile, place: usize, #[comptime] across: usize, #[comptime] reach: usize) -> (usize, bool) {
    // The image lies `reach` further: row and col are never negative.
    let (row, col) = (tile.top + place / across, tile.left + place % across);
    let inside = row >= reach && row < tile.height + reach && col >= reach && col < tile.width + reach;
    (tile.first + (row - reach) * tile.width + col - reach, inside)
}

/// A chunk of `count` channels from `first` on, of a tile and around it: `[CHUNK, plane]`, of which the first are `[rows, columns]`, zeros
/// beyond.
#[cube]
#[allow(clippy::too_many_arguments)]
pub(super) fn load_halo<N: CubePrimitive>(
    source: &[N],
    table: &[f32],
    weights: &[f32],
    norm: usize,
    halo: &mut [f32],
    tile: &Tile,
    first: usize,
    count: usize,
    stride: usize,
    #[comptime] side: usize,
    #[comptime] plane: usize,
    #[comptime] load: Load,
    #[comptime] products: Products,
) {
    let across = comptime!(TILE + side - 1);
    let mut at = UNIT_POS as usize;
    while at < comptime!(CHUNK * across * across) {
        let (channel, place) = (at % CHUNK, at / CHUNK);
        let (pixel, inside) = around(tile, place, across, comptime!(side / 2));
        let mut value = f32::new(0.0);
        if inside && channel < count {
            value = loaded(source, table, weights, norm, tile.image, pixel, first + channel, stride, load);
        }
        halo[channel * plane + place] = factor(value, products);
        at += CUBE_DIM as usize;
    }
}

/// The same by twos of channels.
#[cube]
#[allow(clippy::too_many_arguments)]
fn load_pairs<N: CubePrimitive>(
    source: &[N],
    table: &[f32],
    weights: &[f32],
    norm: usize,
    halo: &mut [f32],
    tile: &Tile,
    first: usize,
    count: usize,
    stride: usize,
    #[comptime] side: usize,
    #[comptime] plane: usize,
    #[comptime] load: Load,
) {
    let across = comptime!(TILE + side - 1);
    let mut at = UNIT_POS as usize;
    while at < comptime!(CHUNK * across * across) {
        let (two, place) = (at % CHUNK, at / CHUNK);
        let (pixel, inside) = around(tile, place, across, comptime!(side / 2));
        let mut word = 0u32;
        if inside && 2 * two < count {
            let channel = first + 2 * two;
            if comptime!(load == Load::Halves) {
                word = u32::reinterpret(source[(pixel * stride + channel) / 2]);
            } else {
                let one = loaded(source, table, weights, norm, tile.image, pixel, channel, stride, load);
                let mut other = f32::new(0.0);
                if 2 * two + 1 < count {
                    other = loaded(source, table, weights, norm, tile.image, pixel, channel + 1, stride, load);
                }
                word = pair(one, other, true);
            }
        }
        halo[two * plane + place] = f32::reinterpret(word);
        at += CUBE_DIM as usize;
    }
}

/// [`load_halo`] as a convolution of this side multiplies.
#[cube]
#[allow(clippy::too_many_arguments)]
pub(super) fn load_inputs<N: CubePrimitive>(
    source: &[N],
    table: &[f32],
    weights: &[f32],
    norm: usize,
    halo: &mut [f32],
    tile: &Tile,
    first: usize,
    count: usize,
    stride: usize,
    #[comptime] side: usize,
    #[comptime] load: Load,
    #[comptime] products: Products,
) {
    let plane = comptime!(products.plane(side));
    if comptime!(products.pairs()) {
        load_pairs(source, table, weights, norm, halo, tile, first, count, stride, side, plane, load);
    } else {
        load_halo(source, table, weights, norm, halo, tile, first, count, stride, side, plane, load, products);
    }
}

/// Where the weights of an input, output and tap of a convolution lie: `[outputs, stride, taps]`; going back, `[inputs, stride, taps]`.
#[cube]
fn weight_place(
    input: usize,
    output: usize,
    tap: usize,
    stride: usize,
    #[comptime] square: usize,
    #[comptime] back: bool,
) -> usize {
    let row = if comptime!(back) { input * stride + output } else { output * stride + input };
    row * square + tap
}

/// The weights of a chunk of inputs from `first` on, `[taps, CHUNK, pitch]`. They lie at `base`; going back, taps are mirrored.
#[cube]
pub(super) fn load_taps(
    weights: &[f32],
    taps: &mut [f32],
    base: usize,
    first: usize,
    count: usize,
    stride: usize,
    #[comptime] side: usize,
    #[comptime] outputs: usize,
    #[comptime] back: bool,
    #[comptime] products: Products,
) {
    let square = comptime!(side * side);
    let wide = comptime!(products.wide(outputs));
    let each = comptime!(if products.pairs() { 2usize } else { 1usize });
    let mut at = UNIT_POS as usize;
    while at < comptime!(square * CHUNK * wide) {
        // In the order in which they lie in memory.
        let tap = at % square;
        let both = at / square;
        let (i, o) = if comptime!(back) { (both / wide, both % wide) } else { (both % CHUNK, both / CHUNK) };
        let mut value = f32::new(0.0);
        if i * each < count && o < outputs {
            value = weights[base + weight_place(first + i * each, o, tap, stride, square, back)];
        }
        if comptime!(products.pairs()) {
            let mut other = f32::new(0.0);
            if 2 * i + 1 < count && o < outputs {
                other = weights[base + weight_place(first + 2 * i + 1, o, tap, stride, square, back)];
            }
            value = f32::reinterpret(pair(value, other, true));
        } else {
            value = factor(value, products);
        }
        let to = if comptime!(back) { comptime!(square - 1) - tap } else { tap };
        taps[(to * CHUNK + i) * comptime!(products.pitch(outputs)) + o] = value;
        at += CUBE_DIM as usize;
    }
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
