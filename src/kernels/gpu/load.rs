//! What convolutions multiply is brought to shared memory: a chunk of input channels of a tile and around it, by eights or by eight twos, and their
//! weights.

use super::products::{CHUNK, Products, factor};
use super::tiles::{TILE, Tile};
use super::words::{number, pair};
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
    let mut value = number(source, pixel * stride + channel, comptime!(load.halves()));
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

/// How often units take turns until so many numbers are brought: the compiler knows it, where it would not know when each unit is done.
#[cube]
pub(super) fn turns(#[comptime] numbers: usize) -> usize {
    comptime!(numbers - 1) / CUBE_DIM as usize + 1
}

/// A chunk of `count` channels from `first` on, of a tile and around it: `[CHUNK, plane]`, of which the first are `[rows, columns]`, zeros
/// beyond. With `twos`, each number is the word of two channels.
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
    #[comptime] twos: bool,
) {
    let across = comptime!(TILE + side - 1);
    let each = comptime!(if twos { 2usize } else { 1usize });
    // A cube has a multiple of CHUNK units: each has its channels for all pixels.
    let run = UNIT_POS as usize % CHUNK;
    let mut place = UNIT_POS as usize / CHUNK;
    while place < comptime!(across * across) {
        let (pixel, inside) = around(tile, place, across, comptime!(side / 2));
        let mut value = f32::new(0.0);
        if inside && run * each < count {
            let channel = first + run * each;
            if comptime!(twos && load == Load::Halves) {
                value = f32::reinterpret(source[(pixel * stride + channel) / 2]);
            } else {
                value = loaded(source, table, weights, norm, tile.image, pixel, channel, stride, load);
            }
            if comptime!(twos && load != Load::Halves) {
                let mut other = f32::new(0.0);
                if 2 * run + 1 < count {
                    other = loaded(source, table, weights, norm, tile.image, pixel, channel + 1, stride, load);
                }
                value = f32::reinterpret(pair(value, other, true));
            }
        }
        halo[run * plane + place] = if comptime!(twos) { value } else { factor(value, products) };
        place += CUBE_DIM as usize / CHUNK;
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
    let (plane, twos) = comptime!((products.plane(side), products.pairs()));
    load_halo(source, table, weights, norm, halo, tile, first, count, stride, side, plane, load, products, twos);
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
    let numbers = comptime!(side * side * CHUNK * products.wide(outputs));
    if comptime!(side == 1 && products.matrices) {
        // A turn or two: side by side they would take registers that other cubes run with.
        let mut at = UNIT_POS as usize;
        while at < numbers {
            load_tap(weights, taps, at, base, first, count, stride, side, outputs, back, products);
            at += CUBE_DIM as usize;
        }
    } else {
        for turn in 0..turns(numbers) {
            let at = turn * CUBE_DIM as usize + UNIT_POS as usize;
            load_tap(weights, taps, at, base, first, count, stride, side, outputs, back, products);
        }
    }
}

/// The weight of this number, in the order in which they lie in memory, if there are so many.
#[cube]
#[allow(clippy::too_many_arguments)]
fn load_tap(
    weights: &[f32],
    taps: &mut [f32],
    at: usize,
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
    if at < comptime!(square * CHUNK * wide) {
        taps[(to * CHUNK + i) * comptime!(products.pitch(outputs)) + o] = value;
    }
}
