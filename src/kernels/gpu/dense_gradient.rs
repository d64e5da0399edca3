//! The gradients of a dense block, of its layers from the last to the first, of its input, and of its weights.

use super::conv::{CHUNK, GROUP, Load, TILE, accumulate, halo_len, wide, zeros};
use super::dense::Dense;
use super::tiles::Tile;
use super::weights::{gradients, grads_len};
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
    let mut sums = zeros(comptime!(GROUP * TILE));
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
    let mut halo = Shared::new_slice(comptime!(halo_len(3)));
    let mut taps = Shared::new_slice(comptime!(9 * CHUNK * wide(growth)));
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
    let (row, group) = (tile.top + UNIT_POS as usize % TILE, UNIT_POS as usize / TILE);
    #[unroll]
    for x in 0..TILE {
        let col = tile.left + x;
        if row < tile.height && col < tile.width {
            let to = (tile.first + row * tile.width + col) * comptime!(dense.grown()) + comptime!(layer * growth);
            #[unroll]
            for o in 0..GROUP {
                let output = group * GROUP + o;
                if output < growth {
                    let mut value = sums[comptime!(o * TILE + x)];
                    if grown[to + output] <= 0.0 {
                        value = f32::new(0.0);
                    }
                    grads[to + output] = value;
                }
            }
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
    let mut halo = Shared::new_slice(comptime!(halo_len(3)));
    let mut taps = Shared::new_slice(comptime!(9 * CHUNK * wide(channels)));
    let tile = Tile::of(tiles, CUBE_POS);
    let sums = gradient_sums(fused, grads, weights, &mut halo, &mut taps, &tile, base, dense, 0usize, channels, 0usize);
    let (row, group) = (tile.top + UNIT_POS as usize % TILE, UNIT_POS as usize / TILE);
    #[unroll]
    for x in 0..TILE {
        let col = tile.left + x;
        if row < tile.height && col < tile.width {
            let to = (tile.first + row * tile.width + col) * comptime!(dense.source) + first;
            #[unroll]
            for o in 0..GROUP {
                let output = group * GROUP + o;
                if output < channels {
                    let mut value = sums[comptime!(o * TILE + x)] + features[to + channels + output];
                    if more {
                        value += features[to + output];
                    }
                    features[to + output] = value;
                }
            }
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
    let mut halo = Shared::new_slice(comptime!(halo_len(3)));
    let mut grad = Shared::new_slice(comptime!(grads_len(widest)));
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
