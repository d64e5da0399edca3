//! A dense block: L convolutions 3×3 with ReLU, each reading the block's input and all layers before it, which lie side by side
//! in one buffer `[pixels, L·growth]`, so that nothing is concatenated. The 1×1 fusion of all of them is in `pixelwise`.

use super::conv::{Load, accumulate, biased, halo_len, taps_len};
use super::cubes::{FUSED, PIXELS, SHARED};
use super::matrix::N;
use super::products::{CHUNK, Products, place};
use super::rows::pitch;
use super::tiles::Tile;
use super::weights;
use cubecl::prelude::*;

/// What the dense blocks of a network have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Dense {
    /// Channels of input and output.
    pub(super) channels: usize,
    /// Channels that a layer adds.
    pub(super) growth: usize,
    pub(super) layers: usize,
    /// Numbers of a pixel in the buffer that holds the input.
    pub(super) source: usize,
    pub(super) products: Products,
}

impl Dense {
    /// Channels of all layers together.
    pub(super) const fn grown(&self) -> usize {
        self.layers * self.growth
    }

    /// What a layer reads.
    pub(super) const fn seen(&self, layer: usize) -> usize {
        self.channels + layer * self.growth
    }

    /// Where the weights of a layer begin in those of the block; of the fusion behind the last layer.
    pub(super) const fn offset(&self, layer: usize) -> usize {
        let (mut offset, mut before) = (0, 0);
        while before < layer {
            offset += (9 * self.seen(before) + 1) * self.growth;
            before += 1;
        }
        offset
    }

    /// Parameters of the block, fusion included.
    pub(super) const fn parameters(&self) -> usize {
        self.offset(self.layers) + (self.seen(self.layers) + 1) * self.channels
    }

    /// Numbers of shared memory for the weights of the fusion, on matrix units.
    pub(super) const fn fusion_len(&self) -> usize {
        self.channels * pitch(self.seen(self.layers))
    }

    /// How the fusion multiplies: on matrix units where eights of channels and all weights in shared memory are enough.
    pub(super) const fn fusion(&self) -> Products {
        let eights = self.channels.is_multiple_of(N) && self.growth.is_multiple_of(N);
        if eights && 4 * self.fusion_len() <= SHARED { self.products } else { Products::Units }
    }

    /// Pixels of a cube of the fusion.
    pub(super) const fn fused(&self) -> usize {
        match self.fusion() {
            Products::Units => FUSED,
            Products::Matrices => PIXELS,
        }
    }

    /// Chunks of inputs of a layer, or of the fusion.
    const fn chunks(&self, layer: usize) -> usize {
        self.channels.div_ceil(CHUNK) + layer * self.growth.div_ceil(CHUNK)
    }

    /// The gradients of a layer's weights, or of the fusion's (side 1), for inputs from a buffer of `source` numbers a pixel.
    pub(super) const fn weights(&self, side: usize, source: usize) -> weights::Shape {
        let (outputs, grad) = if side == 1 { (self.channels, self.channels) } else { (self.growth, self.grown()) };
        let products = self.products;
        weights::Shape { side, outputs, source, grad, load: Load::Plain, load_grad: Load::Plain, products }
    }

    /// Chunks of inputs of all layers and the fusion.
    pub(super) fn all_chunks(&self) -> usize {
        (0..=self.layers).map(|layer| self.chunks(layer)).sum()
    }
}

/// A layer, from `x` and the layers before it; the block's weights begin at `base`.
#[cube(launch)]
pub(super) fn dense_layer(
    x: &[f32],
    weights: &[f32],
    tiles: &[u32],
    grown: &mut [f32],
    base: usize,
    x_first: usize,
    #[comptime] dense: Dense,
    #[comptime] layer: usize,
) {
    let growth = comptime!(dense.growth);
    let seen = comptime!(dense.seen(layer));
    let base = base + comptime!(dense.offset(layer));
    let products = comptime!(dense.products);
    let mut halo = Shared::new_slice(comptime!(halo_len(3, products)));
    let mut taps = Shared::new_slice(comptime!(taps_len(3, growth, products)));
    let tile = Tile::of(tiles, CUBE_POS);
    let mut sums = biased(weights, base + comptime!(9 * seen * growth), growth, products);
    let channels = comptime!(dense.channels);
    accumulate(
        x,
        x,
        weights,
        &mut halo,
        &mut taps,
        &mut sums,
        &tile,
        x_first,
        comptime!(dense.source),
        base,
        0usize,
        seen,
        channels,
        growth,
        3usize,
        false,
        Load::Plain,
        products,
    );
    for before in 0..layer {
        let first = before * growth;
        accumulate(
            &*grown,
            x,
            weights,
            &mut halo,
            &mut taps,
            &mut sums,
            &tile,
            first,
            comptime!(dense.grown()),
            base,
            channels + first,
            seen,
            growth,
            growth,
            3usize,
            false,
            Load::Plain,
            products,
        );
    }
    #[unroll]
    for number in 0..comptime!(products.sums(growth)) {
        let place = place(number, products);
        let (pixel, inside) = tile.pixel(place.row, place.col);
        if inside && place.output < growth {
            let to = pixel * comptime!(dense.grown()) + comptime!(layer * growth) + place.output;
            grown[to] = max(sums[number], f32::new(0.0));
        }
    }
}
