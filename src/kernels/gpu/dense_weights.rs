//! The gradients of a dense block's weights: a cube has a chunk of the inputs of one layer, or of the fusion.

use super::dense::Dense;
use super::load::Load;
use super::plan::Pass;
use super::products::CHUNK;
use super::weights::{Every, gradients, grads_len, halo_of_weights};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

impl Pass {
    /// Sums into so many rows the gradients of the weights of a block that read `x` from a number on, whose layers gave `grown`, from those of the
    /// fusion's output and of the layers.
    pub(super) fn dense_weights(
        &self,
        (x, x_first): (&CubeTensor, usize),
        grown: CubeTensor,
        (fused, grads): (&CubeTensor, &CubeTensor),
        (partial, rows): (&CubeTensor, usize),
    ) {
        let (plan, dense) = (&self.plan, self.plan.dense());
        dense_weights::launch(
            &self.weights.client,
            CubeCount::Static(dense.all_chunks() as u32, rows as u32, 1),
            CubeDim::new_1d(plan.products.units_of_weights(3, dense.widest())),
            x.clone().into_buffer_arg(),
            grown.into_buffer_arg(),
            fused.clone().into_buffer_arg(),
            grads.clone().into_buffer_arg(),
            self.tiles.buffer.clone().into_buffer_arg(),
            partial.clone().into_buffer_arg(),
            x_first,
            self.tiles.count,
            dense,
        );
    }
}

/// How many chunks of inputs a layer has, or the fusion.
#[cube]
fn chunks(layer: usize, #[comptime] dense: Dense) -> usize {
    if comptime!(dense.products.halves) {
        (comptime!(dense.channels + CHUNK - 1) + layer * comptime!(dense.growth)) / CHUNK
    } else {
        comptime!(dense.channels.div_ceil(CHUNK)) + layer * comptime!(dense.growth.div_ceil(CHUNK))
    }
}

/// The gradients of all layers' weights and of the fusion's, in rows of partial sums that have the layout of the block's
/// parameters.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn dense_weights(
    x: &[f32],
    grown: &[u32],
    fused: &[u32],
    grads: &[u32],
    tiles: &[u32],
    partial: &mut [f32],
    x_first: usize,
    tile_count: usize,
    #[comptime] dense: Dense,
) {
    let (channels, growth) = (comptime!(dense.channels), comptime!(dense.growth));
    let mut halo = Shared::new_slice(comptime!(halo_of_weights(3, dense.products)));
    let mut grad = Shared::new_slice(comptime!(grads_len(dense.widest(), dense.products)));
    // Which layer this cube's chunk is of, and which of its chunks it is.
    let mut layer = 0usize;
    let mut chunk = CUBE_POS_X as usize;
    let mut to = CUBE_POS_Y as usize * comptime!(dense.parameters());
    while chunk >= chunks(layer, dense) {
        chunk -= chunks(layer, dense);
        to += (9 * (channels + layer * growth) + 1) * growth;
        layer += 1;
    }
    let inputs = channels + layer * growth;
    let own = Every { first: CUBE_POS_Y as usize, step: CUBE_COUNT_Y as usize, end: tile_count };
    if comptime!(dense.products.halves) {
        weights_of_halves(
            x, grown, fused, grads, tiles, partial, &mut halo, &mut grad, layer, chunk, inputs, to, &own, dense,
        );
    } else {
        weights_of_singles(
            x, grown, fused, grads, tiles, partial, &mut halo, &mut grad, x_first, layer, chunk, inputs, to, &own,
            dense,
        );
    }
}

/// Those of a chunk of a layer of so many inputs, which of bf16 lie side by side.
#[cube]
#[allow(clippy::too_many_arguments)]
fn weights_of_halves(
    x: &[f32],
    grown: &[u32],
    fused: &[u32],
    grads: &[u32],
    tiles: &[u32],
    partial: &mut [f32],
    halo: &mut [f32],
    grad: &mut [f32],
    layer: usize,
    chunk: usize,
    inputs: usize,
    to: usize,
    own: &Every,
    #[comptime] dense: Dense,
) {
    let input = chunk * CHUNK;
    let count = min(inputs - input, CHUNK);
    let grad_first = layer * comptime!(dense.growth);
    let conv = comptime!(dense.weights(3, dense.kept(), Load::Halves));
    let fusion = comptime!(dense.weights(1, dense.kept(), Load::Halves));
    if layer < comptime!(dense.layers) {
        gradients(
            grown, grads, x, x, tiles, partial, halo, grad, input, grad_first, input, count, inputs, 0usize, to, own,
            conv,
        );
    } else {
        gradients(
            grown, fused, x, x, tiles, partial, halo, grad, input, 0usize, input, count, inputs, 0usize, to, own,
            fusion,
        );
    }
}

/// The same in f32, of which some lie in `x`.
#[cube]
#[allow(clippy::too_many_arguments)]
fn weights_of_singles(
    x: &[f32],
    grown: &[u32],
    fused: &[u32],
    grads: &[u32],
    tiles: &[u32],
    partial: &mut [f32],
    halo: &mut [f32],
    grad: &mut [f32],
    x_first: usize,
    layer: usize,
    chunk: usize,
    inputs: usize,
    to: usize,
    tiles_of: &Every,
    #[comptime] dense: Dense,
) {
    let (channels, growth) = (comptime!(dense.channels), comptime!(dense.growth));
    let (own, each) = (comptime!(dense.channels.div_ceil(CHUNK)), comptime!(dense.growth.div_ceil(CHUNK)));
    // Where it lies among the inputs, and in its buffer.
    let of_x = chunk < own;
    let (before, piece) = ((chunk - min(own, chunk)) / each, (chunk - min(own, chunk)) % each);
    let place = if of_x { chunk * CHUNK } else { before * growth + piece * CHUNK };
    let input = if of_x { place } else { channels + place };
    let count = if of_x { min(channels - place, CHUNK) } else { min(growth - piece * CHUNK, CHUNK) };
    let (from, grad_first) = (x_first + place, layer * growth);
    let conv_x = comptime!(dense.weights(3, dense.source, Load::Plain));
    let conv_grown = comptime!(dense.weights(3, dense.kept(), Load::Plain));
    let fusion_x = comptime!(dense.weights(1, dense.source, Load::Plain));
    let fusion_grown = comptime!(dense.weights(1, dense.kept(), Load::Plain));
    if layer < comptime!(dense.layers) {
        if of_x {
            gradients(
                x, grads, x, x, tiles, partial, halo, grad, from, grad_first, input, count, inputs, 0usize, to,
                tiles_of, conv_x,
            );
        } else {
            gradients(
                grown, grads, x, x, tiles, partial, halo, grad, place, grad_first, input, count, inputs, 0usize, to,
                tiles_of, conv_grown,
            );
        }
    } else if of_x {
        gradients(
            x, fused, x, x, tiles, partial, halo, grad, from, 0usize, input, count, inputs, 0usize, to, tiles_of,
            fusion_x,
        );
    } else {
        gradients(
            grown,
            fused,
            x,
            x,
            tiles,
            partial,
            halo,
            grad,
            place,
            0usize,
            input,
            count,
            inputs,
            0usize,
            to,
            tiles_of,
            fusion_grown,
        );
    }
}
