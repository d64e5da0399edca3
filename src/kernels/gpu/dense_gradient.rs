//! The gradients of a dense block, of its layers from the last to the first, `[pixels, L·growth]`, and of its input.

use super::conv::{accumulate, zeros};
use super::dense::{Dense, mask_place, put_numbers};
use super::load::{halo_len, taps_len};
use super::plan::Pass;
use super::products::place;
use super::tiles::Tile;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

impl Pass {
    /// The gradients of what the layers of the block at `base` gave, from that of the fusion's output.
    pub(super) fn dense_gradients(&self, base: usize, fused: &CubeTensor, masks: &CubeTensor) -> CubeTensor {
        let (plan, dense) = (&self.plan, self.plan.dense());
        let grads = self.words(self.pixels * dense.words(dense.grown()));
        for layer in (0..plan.layers).rev() {
            dense_layer_gradient::launch(
                &self.weights.client,
                CubeCount::Static(self.tiles.count as u32, 1, 1),
                CubeDim::new_1d(plan.products.units(plan.growth)),
                fused.clone().into_buffer_arg(),
                self.weights.clone().into_buffer_arg(),
                self.tiles.buffer.clone().into_buffer_arg(),
                masks.clone().into_buffer_arg(),
                grads.clone().into_buffer_arg(),
                base,
                dense,
                layer,
            );
        }
        grads
    }

    /// See [`dense_input_gradient`], whose bases and other arguments these are.
    pub(super) fn dense_input(
        &self,
        (base, top_base): (usize, usize),
        (fused, grads): (CubeTensor, CubeTensor),
        past: &CubeTensor,
        top: &CubeTensor,
        blocks: Option<usize>,
    ) -> CubeTensor {
        let plan = &self.plan;
        let out = self.image(plan.channels);
        dense_input_gradient::launch(
            &self.weights.client,
            CubeCount::Static(self.tiles.count as u32, 1, 1),
            CubeDim::new_1d(plan.products.units(plan.channels)),
            fused.into_buffer_arg(),
            self.weights.clone().into_buffer_arg(),
            self.tiles.buffer.clone().into_buffer_arg(),
            grads.into_buffer_arg(),
            past.clone().into_buffer_arg(),
            top.clone().into_buffer_arg(),
            out.clone().into_buffer_arg(),
            base,
            top_base,
            plan.dense(),
            blocks,
        );
        out
    }
}

/// Adds what comes back from a fusion, whose output has the gradient `fused`, to the channels whose weights begin at `base`.
#[cube]
#[allow(clippy::too_many_arguments)]
fn add_fusion(
    fused: &[u32],
    weights: &[f32],
    halo: &mut [f32],
    taps: &mut [f32],
    sums: &mut Array<f32>,
    tile: &Tile,
    base: usize,
    weights_stride: usize,
    #[comptime] dense: Dense,
    #[comptime] outputs: usize,
) {
    let (channels, products) = (comptime!(dense.channels), comptime!(dense.products));
    accumulate(
        fused,
        weights,
        weights,
        0usize,
        halo,
        taps,
        sums,
        tile,
        0usize,
        channels,
        base,
        0usize,
        weights_stride,
        channels,
        outputs,
        1usize,
        true,
        dense.load(),
        products,
    );
}

/// The gradient of `outputs` channels from `wanted` on of all that the fusion reads: what comes back from the fusion, whose
/// output has the gradient `fused`, and from the layers behind, `first_reader` and on, whose gradients are in `grads`.
#[cube]
#[allow(clippy::too_many_arguments)]
fn gradient_sums(
    fused: &[u32],
    grads: &[u32],
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
    let all = comptime!(dense.seen(dense.layers)).runtime();
    add_fusion(fused, weights, halo, taps, &mut sums, tile, fusion, all, dense, outputs);
    let mut offset = base + comptime!(dense.offset(first_reader));
    for reader in first_reader..comptime!(dense.layers) {
        let seen = channels + reader * growth;
        accumulate(
            grads,
            weights,
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
            dense.load(),
            products,
        );
        offset += (9 * seen + 1) * growth;
    }
    sums
}

/// The gradient of a layer's output before its ReLU, into its place among those of all layers.
#[cube(launch)]
pub(super) fn dense_layer_gradient(
    fused: &[u32],
    weights: &[f32],
    tiles: &[u32],
    masks: &[u32],
    grads: &mut [u32],
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
    let mut sums = gradient_sums(
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
        let through = bits[comptime!(number / 32)] & comptime!(1u32 << (number % 32)) != 0;
        sums[number] = select(through, sums[number], f32::new(0.0));
    }
    put_numbers(&sums, grads, &tile, dense, dense.grown(), comptime!(layer * growth));
}

/// The gradient of the block's input: what comes back from the layers and the fusion, and past the block, whose output's
/// gradient is `past`. Where the input is what another of `blocks` gave, there is also what comes back to it from the fusion of all
/// blocks, `top`, whose weights of these channels begin at `top_base`.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn dense_input_gradient(
    fused: &[u32],
    weights: &[f32],
    tiles: &[u32],
    grads: &[u32],
    past: &[f32],
    top: &[u32],
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
        let stride = comptime!(blocks.unwrap_or(1) * channels).runtime();
        add_fusion(top, weights, &mut halo, &mut taps, &mut sums, &tile, top_base, stride, dense, channels);
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
