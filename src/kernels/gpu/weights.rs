//! Gradients of the weights of convolutions: a cube has eight input channels, a unit one of them with four outputs and all
//! taps. Every `rows`-th tile is summed into a row of partial sums, in a fixed order, so that results repeat.

use super::conv::zeros;
use super::layout::Hybrid;
use super::load::{Load, load_halo, turns};
use super::products::{CHUNK, GROUP, Products, factor, weight_place, weights_of_tile};
use super::tiles::{TILE, Tile};
use super::words::{number, pair};
use cubecl::prelude::*;

/// One convolution's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    /// Side of the kernel: 1 or 3.
    pub(super) side: usize,
    pub(super) outputs: usize,
    /// Numbers of a pixel in the buffers of inputs and gradients.
    pub(super) source: usize,
    pub(super) grad: usize,
    pub(super) load: Load,
    /// Whether the gradients are bf16 by twos.
    pub(super) grad_halves: bool,
    pub(super) products: Products,
}

/// Numbers of shared memory for a chunk of inputs around a tile, and for the gradients of the tile.
pub(super) const fn halo_of_weights(side: usize, products: Products) -> usize {
    CHUNK * products.plane_of_weights(side)
}

pub(super) const fn grads_len(outputs: usize, products: Products) -> usize {
    let each = if products.pairs() { 2 } else { 1 };
    TILE * TILE / each * products.pitch(outputs)
}

/// Which tiles a cube sums: every `step`-th from `first` on, before `end`.
#[derive(CubeType, Clone, Copy)]
pub(super) struct Every {
    pub(super) first: usize,
    pub(super) step: usize,
    pub(super) end: usize,
}

/// The gradient of an output at a row and column of a tile, zero beyond the image.
#[cube]
fn grad_of<N: CubePrimitive>(
    grad: &[N],
    tile: &Tile,
    row: usize,
    col: usize,
    first: usize,
    output: usize,
    #[comptime] shape: Shape,
) -> f32 {
    let mut value = f32::new(0.0);
    let (pixel, inside) = tile.pixel(row, col);
    if inside && output < comptime!(shape.outputs) {
        value = number(grad, pixel * comptime!(shape.grad) + first + output, shape.grad_halves);
    }
    value
}

/// The gradients of a tile, `[pixels, pitch]`, or of two rows of it in a word.
#[cube]
fn load_grads<N: CubePrimitive>(grad: &[N], grads: &mut [f32], tile: &Tile, first: usize, #[comptime] shape: Shape) {
    let products = comptime!(shape.products);
    let wide = comptime!(products.wide(shape.outputs));
    let each = comptime!(if products.pairs() { 2usize } else { 1usize });
    for turn in 0..turns(comptime!(TILE * TILE / each * wide)) {
        let at = turn * CUBE_DIM as usize + UNIT_POS as usize;
        let (output, place) = (at % wide, at / wide);
        let (row, col) = (place / TILE * each, place % TILE);
        let mut value = grad_of(grad, tile, row, col, first, output, shape);
        if comptime!(products.pairs()) {
            let below = grad_of(grad, tile, row + 1, col, first, output, shape);
            value = f32::reinterpret(pair(value, below, true));
        } else {
            value = factor(value, products);
        }
        if at < comptime!(TILE * TILE / each * wide) {
            grads[place * comptime!(products.pitch(shape.outputs)) + output] = value;
        }
    }
}

/// Adds to a unit's `sums`, `[taps, GROUP]` and then the biases, what a tile gives.
#[cube]
fn multiply(halo: &[f32], grads: &[f32], sums: &mut Array<f32>, #[comptime] side: usize, #[comptime] outputs: usize) {
    let across = comptime!(TILE + side - 1);
    let wide = comptime!(Products::F32.wide(outputs));
    let (i, group) = (UNIT_POS as usize % CHUNK, UNIT_POS as usize / CHUNK);
    let mut grad = Array::<f32>::new(GROUP);
    for place in 0..comptime!(TILE * TILE) {
        let (row, col) = (place / TILE, place % TILE);
        #[unroll]
        for o in 0..GROUP {
            grad[o] = grads[place * wide + group * GROUP + o];
            sums[comptime!(side * side * GROUP + o)] += grad[o];
        }
        #[unroll]
        for dy in 0..side {
            #[unroll]
            for dx in 0..side {
                let value = halo[i * comptime!(across * across) + (row + dy) * across + col + dx];
                #[unroll]
                for o in 0..GROUP {
                    sums[comptime!((dy * side + dx) * GROUP + o)] += value * grad[o];
                }
            }
        }
    }
}

/// The gradients of `count` input channels from `input` on, which lie at `source_first` in their buffer and are loaded as `load_halo` does,
/// into a row of partial sums at `to`: `[outputs, inputs, taps]`, then the biases.
#[cube]
#[allow(clippy::too_many_arguments)]
pub(super) fn gradients<S: CubePrimitive, G: CubePrimitive>(
    source: &[S],
    grad: &[G],
    table: &[f32],
    weights: &[f32],
    tiles: &[u32],
    partial: &mut [f32],
    halo: &mut [f32],
    grads: &mut [f32],
    source_first: usize,
    grad_first: usize,
    input: usize,
    count: usize,
    inputs: usize,
    norm: usize,
    to: usize,
    own: &Every,
    #[comptime] shape: Shape,
) {
    let (side, outputs) = (comptime!(shape.side), comptime!(shape.outputs));
    let square = comptime!(shape.side * shape.side);
    let products = comptime!(shape.products);
    let mut sums = zeros(comptime!(products.sums_of_weights(side, outputs)));
    let active = (UNIT_POS as usize) < comptime!(products.units_of_weights(side, outputs) as usize);
    let mut number = own.first;
    while number < own.end {
        let tile = Tile::of(tiles, number);
        load_halo(
            source,
            table,
            weights,
            norm,
            halo,
            &tile,
            source_first,
            count,
            comptime!(shape.source),
            side,
            comptime!(products.plane_of_weights(side)),
            comptime!(shape.load),
            products,
            false,
        );
        load_grads(grad, grads, &tile, grad_first, shape);
        sync_cube();
        if active {
            if comptime!(products.matrices) {
                weights_of_tile(&*halo, &*grads, &mut sums, side, outputs, products);
            } else {
                multiply(&*halo, &*grads, &mut sums, side, outputs);
            }
        }
        sync_cube();
        number += own.step;
    }
    #[unroll]
    for number in 0..comptime!(products.sums_of_weights(side, outputs)) {
        let (tap, i, output) = place(number, products);
        if active && i < count && output < outputs {
            if tap < square {
                partial[to + (output * inputs + input + i) * square + tap] = sums[number];
            }
            if tap == square && input + i == 0 {
                partial[to + outputs * inputs * square + output] = sums[number];
            }
        }
    }
}

/// Tap, input channel of the chunk, and output of a unit's sum of this number; behind the last tap is the bias.
#[cube]
fn place(#[comptime] number: usize, #[comptime] products: Products) -> (usize, usize, usize) {
    if comptime!(products.matrices) {
        weight_place(number)
    } else {
        let unit = UNIT_POS as usize;
        (comptime!(number / GROUP).runtime(), unit % CHUNK, unit / CHUNK * GROUP + comptime!(number % GROUP))
    }
}

/// The gradients of a convolution's weights and bias, at `column` of rows of `length` partial sums.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn weight_gradients(
    source: &[u32],
    grad: &[u32],
    table: &[f32],
    weights: &[f32],
    tiles: &[u32],
    partial: &mut [f32],
    source_first: usize,
    grad_first: usize,
    inputs: usize,
    norm: usize,
    column: usize,
    length: usize,
    tile_count: usize,
    #[comptime] shape: Shape,
) {
    let mut halo = Shared::new_slice(comptime!(halo_of_weights(shape.side, shape.products)));
    let mut grads = Shared::new_slice(comptime!(grads_len(shape.outputs, shape.products)));
    let input = CUBE_POS_X as usize * CHUNK;
    let to = CUBE_POS_Y as usize * length + column;
    let count = min(inputs - input, CHUNK);
    let from = source_first + input;
    let own = Every { first: CUBE_POS_Y as usize, step: CUBE_COUNT_Y as usize, end: tile_count };
    gradients(
        source, grad, table, weights, tiles, partial, &mut halo, &mut grads, from, grad_first, input, count, inputs,
        norm, to, &own, shape,
    );
}

/// How many rows have partial sums of the parameters of a hybrid block, of which this is one.
#[cube]
fn rows_of(parameter: usize, rows: usize, conv_rows: usize, gate_rows: usize, #[comptime] hybrid: Hybrid) -> usize {
    let mut own = rows;
    if parameter >= comptime!(hybrid.conv1()) && parameter < comptime!(hybrid.fc1()) {
        own = if parameter < comptime!(hybrid.conv2()) { conv_rows } else { gate_rows };
    }
    own
}

/// Sums the rows of the partial sums of two groups of parameters that lie one behind the other, into `gradient` from `first`
/// on. The second are hybrid blocks', not all of which have as many rows.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn sum_rows(
    one: &[f32],
    two: &[f32],
    gradient: &mut [f32],
    first: usize,
    one_rows: usize,
    one_length: usize,
    two_rows: usize,
    conv_rows: usize,
    gate_rows: usize,
    two_length: usize,
    #[comptime] hybrid: Hybrid,
) {
    let at = ABSOLUTE_POS;
    if at < one_length + two_length {
        let mut sum = f32::new(0.0);
        if at < one_length {
            for row in 0..one_rows {
                sum += one[row * one_length + at];
            }
        } else {
            let parameter = (at - one_length) % comptime!(hybrid.parameters());
            for row in 0..rows_of(parameter, two_rows, conv_rows, gate_rows, hybrid) {
                sum += two[row * two_length + at - one_length];
            }
        }
        gradient[first + at] = sum;
    }
}
