//! The gradients of a dense block, of its layers from the last to the first, of its input, and of its weights.

use super::conv::{Load, accumulate, halo_len, taps_len, zeros};
use super::dense::{Dense, mask_place};
use super::products::{CHUNK, place};
use super::tiles::Tile;
use super::weights::{Every, gradients, grads_len, halo_of_weights};
use cubecl::prelude::*;

/// The gradient of `outputs` channels from `wanted` on of all that the fusion reads: what comes back from the fusion, whose
/// output has the gradient `fused`, and from the layers behind, `first_reader` and on, whose gradients are in `grads`.
#[cube]
#[allow(clippy::too_many_arguments)]
fn gradient_sums(
    fused: &[f32],
    grads: &[f32],
    weights: &[f32],
    halo: &mut [f32],
    taps: &mut [f32],
    tile: &Tile,
    base: usize,
    #[comptime] dense: Dense,
    #[comptime] wanted: usize,
    #[comptime] outputs: usize,
    #[comptime] first_reader: usize,
) -> Array<f32> {
    let (channels, growth) = (comptime!(dense.channels), comptime!(dense.growth));
    let products = comptime!(dense.products);
    let mut sums = zeros(comptime!(products.sums(outputs)));
    let fusion = base + comptime!(dense.offset(dense.layers) + wanted);
    accumulate(
        fused,
        fused,
        weights,
        0usize,
        halo,
        taps,
        &mut sums,
        tile,
        0usize,
        channels,
        fusion,
        0usize,
        comptime!(dense.seen(dense.layers)),
        channels,
        outputs,
        1usize,
        true,
        Load::Plain,
        products,
    );
    let mut offset = base + comptime!(dense.offset(first_reader));
    for reader in first_reader..comptime!(dense.layers) {
        let seen = channels + reader * growth;
        accumulate(
            grads,
            fused,
            weights,
            0usize,
            halo,
            taps,
            &mut sums,
            tile,
            reader * growth,
            comptime!(dense.grown()),
            offset + comptime!(9 * wanted),
            0usize,
            seen,
            growth,
            outputs,
            3usize,
            true,
            Load::Plain,
            products,
        );
        offset += (9 * seen + 1) * growth;
    }
    sums
}

/// The gradient of a layer's output before its ReLU, into its place among those of all layers.
#[cube(launch)]
pub(super) fn dense_layer_gradient(
    fused: &[f32],
    weights: &[f32],
    tiles: &[u32],
    masks: &[u32],
    grads: &mut [f32],
    base: usize,
    #[comptime] dense: Dense,
    #[comptime] layer: usize,
) {
    let growth = comptime!(dense.growth);
    let products = comptime!(dense.products);
    let mut halo = Shared::new_slice(comptime!(halo_len(3, products)));
    let mut taps = Shared::new_slice(comptime!(taps_len(3, growth, products)));
    let tile = Tile::of(tiles, CUBE_POS);
    let wanted = comptime!(dense.seen(layer));
    let sums = gradient_sums(
        fused,
        &*grads,
        weights,
        &mut halo,
        &mut taps,
        &tile,
        base,
        dense,
        wanted,
        growth,
        comptime!(layer + 1),
    );
    let mask = mask_place(dense, layer);
    let mut bits = Array::<u32>::new(comptime!(products.words(growth)));
    #[unroll]
    for word in 0..comptime!(products.words(growth)) {
        bits[word] = masks[mask + word];
    }
    #[unroll]
    for number in 0..comptime!(products.sums(growth)) {
        let place = place(number, products);
        let (pixel, inside) = tile.pixel(place.row, place.col);
        if inside && place.output < growth {
            let to = pixel * comptime!(dense.grown()) + comptime!(layer * growth) + place.output;
            let through = bits[comptime!(number / 32)] & comptime!(1u32 << (number % 32)) != 0;
            grads[to] = select(through, sums[number], f32::new(0.0));
        }
    }
}

/// The gradient of the block's input: what comes back from the layers and the fusion, and past the block, whose output's
/// gradient is `past`. Where the input is what another of `blocks` gave, there is also what comes back to it from the fusion of all
/// blocks, `top`, whose weights of these channels begin at `top_base`.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn dense_input_gradient(
    fused: &[f32],
    weights: &[f32],
    tiles: &[u32],
    grads: &[f32],
    past: &[f32],
    top: &[f32],
    out: &mut [f32],
    base: usize,
    top_base: usize,
    #[comptime] dense: Dense,
    #[comptime] blocks: Option<usize>,
) {
    let channels = comptime!(dense.channels);
    let products = comptime!(dense.products);
    let mut halo = Shared::new_slice(comptime!(halo_len(3, products)));
    let mut taps = Shared::new_slice(comptime!(taps_len(3, channels, products)));
    let tile = Tile::of(tiles, CUBE_POS);
    let mut sums =
        gradient_sums(fused, grads, weights, &mut halo, &mut taps, &tile, base, dense, 0usize, channels, 0usize);
    if comptime!(blocks.is_some()) {
        accumulate(
            top,
            top,
            weights,
            0usize,
            &mut halo,
            &mut taps,
            &mut sums,
            &tile,
            0usize,
            channels,
            top_base,
            0usize,
            comptime!(blocks.unwrap_or(1) * channels),
            channels,
            channels,
            1usize,
            true,
            Load::Plain,
            products,
        );
    }
    #[unroll]
    for number in 0..comptime!(products.sums(channels)) {
        let place = place(number, products);
        let (pixel, inside) = tile.pixel(place.row, place.col);
        if inside && place.output < channels {
            let to = pixel * channels + place.output;
            out[to] = sums[number] + past[to];
        }
    }
}

/// The gradients of all layers' weights and of the fusion's, in rows of partial sums that have the layout of the block's
/// parameters.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn dense_weights(
    x: &[f32],
    grown: &[f32],
    fused: &[f32],
    grads: &[f32],
    tiles: &[u32],
    partial: &mut [f32],
    x_first: usize,
    tile_count: usize,
    #[comptime] dense: Dense,
) {
    let (channels, growth) = (comptime!(dense.channels), comptime!(dense.growth));
    let (own, each) = (comptime!(dense.channels.div_ceil(CHUNK)), comptime!(dense.growth.div_ceil(CHUNK)));
    let mut halo = Shared::new_slice(comptime!(halo_of_weights(3, dense.products)));
    let mut grad = Shared::new_slice(comptime!(grads_len(dense.widest(), dense.products)));
    // Which layer this cube's chunk is of, and which of its chunks it is.
    let mut layer = 0usize;
    let mut chunk = CUBE_POS_X as usize;
    let mut to = CUBE_POS_Y as usize * comptime!(dense.parameters());
    while chunk >= own + layer * each {
        chunk -= own + layer * each;
        to += (9 * (channels + layer * growth) + 1) * growth;
        layer += 1;
    }
    // Where it lies among the inputs, and in its buffer.
    let of_x = chunk < own;
    let (before, piece) = ((chunk - min(own, chunk)) / each, (chunk - min(own, chunk)) % each);
    let place = if of_x { chunk * CHUNK } else { before * growth + piece * CHUNK };
    let input = if of_x { place } else { channels + place };
    let count = if of_x { min(channels - place, CHUNK) } else { min(growth - piece * CHUNK, CHUNK) };
    let inputs = channels + layer * growth;
    let grad_first = layer * growth;
    let own_tiles = Every { first: CUBE_POS_Y as usize, step: CUBE_COUNT_Y as usize, end: tile_count };
    let conv_x = comptime!(dense.weights(3, dense.source));
    let conv_grown = comptime!(dense.weights(3, dense.grown()));
    let fusion_x = comptime!(dense.weights(1, dense.source));
    let fusion_grown = comptime!(dense.weights(1, dense.grown()));
    if layer < comptime!(dense.layers) {
        if of_x {
            let from = x_first + place;
            gradients(
                x, grads, x, x, tiles, partial, &mut halo, &mut grad, from, grad_first, input, count, inputs, 0usize,
                to, &own_tiles, conv_x,
            );
        } else {
            gradients(
                grown, grads, x, x, tiles, partial, &mut halo, &mut grad, place, grad_first, input, count, inputs,
                0usize, to, &own_tiles, conv_grown,
            );
        }
    } else if of_x {
        let from = x_first + place;
        gradients(
            x, fused, x, x, tiles, partial, &mut halo, &mut grad, from, 0usize, input, count, inputs, 0usize, to,
            &own_tiles, fusion_x,
        );
    } else {
        gradients(
            grown,
            fused,
            x,
            x,
            tiles,
            partial,
            &mut halo,
            &mut grad,
            place,
            0usize,
            input,
            count,
            inputs,
            0usize,
            to,
            &own_tiles,
            fusion_grown,
        );
    }
}
