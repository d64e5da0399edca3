//! The gradients of a dense block, of its layers from the last to the first, of its input, and of its weights.

use super::conv::{Load, accumulate, halo_len, taps_len, zeros};
use super::dense::Dense;
use super::products::{CHUNK, place};
use super::tiles::Tile;
use super::weights::{gradients, grads_len, halo_of_weights};
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
    grown: &[f32],
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
    #[unroll]
    for number in 0..comptime!(products.sums(growth)) {
        let place = place(number, products);
        let (pixel, inside) = tile.pixel(place.row, place.col);
        if inside && place.output < growth {
            let to = pixel * comptime!(dense.grown()) + comptime!(layer * growth) + place.output;
            let mut value = sums[number];
            if grown[to] <= 0.0 {
                value = f32::new(0.0);
            }
            grads[to] = value;
        }
    }
}

/// The gradient of the block's input: what comes back from the layers and the fusion, and past the block, whose output's
/// gradient is in `features` behind it. Where there is `more`, it is added to what `features` holds.
#[cube(launch)]
pub(super) fn dense_input_gradient(
    fused: &[f32],
    weights: &[f32],
    tiles: &[u32],
    grads: &[f32],
    features: &mut [f32],
    base: usize,
    first: usize,
    #[comptime] dense: Dense,
    #[comptime] more: bool,
) {
    let channels = comptime!(dense.channels);
    let products = comptime!(dense.products);
    let mut halo = Shared::new_slice(comptime!(halo_len(3, products)));
    let mut taps = Shared::new_slice(comptime!(taps_len(3, channels, products)));
    let tile = Tile::of(tiles, CUBE_POS);
    let sums = gradient_sums(fused, grads, weights, &mut halo, &mut taps, &tile, base, dense, 0usize, channels, 0usize);
    #[unroll]
    for number in 0..comptime!(products.sums(channels)) {
        let place = place(number, products);
        let (pixel, inside) = tile.pixel(place.row, place.col);
        if inside && place.output < channels {
            let to = pixel * comptime!(dense.source) + first + place.output;
            let mut value = sums[number] + features[to + channels];
            if more {
                value += features[to];
            }
            features[to] = value;
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
    let widest = comptime!(if dense.channels > dense.growth { dense.channels } else { dense.growth });
    let mut halo = Shared::new_slice(comptime!(halo_of_weights(3, dense.products)));
    let mut grad = Shared::new_slice(comptime!(grads_len(widest, dense.products)));
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
    let conv_x = comptime!(dense.weights(3, dense.source));
    let conv_grown = comptime!(dense.weights(3, dense.grown()));
    let fusion_x = comptime!(dense.weights(1, dense.source));
    let fusion_grown = comptime!(dense.weights(1, dense.grown()));
    if layer < comptime!(dense.layers) {
        if of_x {
            gradients(
                x,
                grads,
                x,
                tiles,
                partial,
                &mut halo,
                &mut grad,
                x_first + place,
                grad_first,
                input,
                count,
                inputs,
                to,
                tile_count,
                conv_x,
            );
        } else {
            gradients(
                grown, grads, x, tiles, partial, &mut halo, &mut grad, place, grad_first, input, count, inputs, to,
                tile_count, conv_grown,
            );
        }
    } else if of_x {
        gradients(
            x,
            fused,
            x,
            tiles,
            partial,
            &mut halo,
            &mut grad,
            x_first + place,
            0usize,
            input,
            count,
            inputs,
            to,
            tile_count,
            fusion_x,
        );
    } else {
        gradients(
            grown,
            fused,
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
            to,
            tile_count,
            fusion_grown,
        );
    }
}
