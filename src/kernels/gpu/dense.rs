//! A dense block: L convolutions 3×3 with ReLU, each reading the block's input and all layers before it, which lie side by side
//! in one buffer `[pixels, L·growth]`, so that nothing is concatenated. The last one has the 1×1 fusion of all of them in `dense_end`.

use super::conv::{Load, accumulate, biased, halo_len, taps_len};
use super::products::{CHUNK, Products, place};
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

    /// The wider of what a layer gives and what the fusion does.
    pub(super) const fn widest(&self) -> usize {
        if self.channels > self.growth { self.channels } else { self.growth }
    }

    /// Words of the masks of a tile: of every unit of a layer's convolution, a bit for each of its sums.
    pub(super) const fn mask(&self) -> usize {
        self.products.units(self.growth) as usize * self.products.words(self.growth)
    }

    /// Chunks of inputs of a layer, or of the fusion.
    const fn chunks(&self, layer: usize) -> usize {
        self.channels.div_ceil(CHUNK) + layer * self.growth.div_ceil(CHUNK)
    }

    /// The gradients of a layer's weights, or of the fusion's (side 1), for inputs from a buffer of `source` numbers a pixel.
    pub(super) const fn weights(&self, side: usize, source: usize) -> weights::Shape {
        let (outputs, grad) = if side == 1 { (self.channels, self.channels) } else { (self.growth, self.grown()) };
        weights::Shape { side, outputs, source, grad, load: Load::Plain, products: self.products }
    }

    /// Chunks of inputs of all layers and the fusion.
    pub(super) fn all_chunks(&self) -> usize {
        (0..=self.layers).map(|layer| self.chunks(layer)).sum()
    }
}

/// Where the words of a unit's mask begin, `[layers, tiles, units, words]`: what the ReLU of a layer let through, in the order of the
/// unit's sums, for the same unit of the backward pass.
#[cube]
pub(super) fn mask_place(#[comptime] dense: Dense, #[comptime] layer: usize) -> usize {
    let words = comptime!(dense.products.words(dense.growth));
    (layer * CUBE_COUNT_X as usize + CUBE_POS_X as usize) * comptime!(dense.mask()) + UNIT_POS as usize * words
}

/// Writes a unit's sums of a layer, after ReLU, to their place among all layers, and its mask.
#[cube]
pub(super) fn put_layer(
    sums: &Array<f32>,
    grown: &mut [f32],
    masks: &mut [u32],
    tile: &Tile,
    #[comptime] dense: Dense,
    #[comptime] layer: usize,
) {
    let (growth, products) = (comptime!(dense.growth), comptime!(dense.products));
    #[unroll]
    for number in 0..comptime!(products.sums(growth)) {
        let place = place(number, products);
        let (pixel, inside) = tile.pixel(place.row, place.col);
        if inside && place.output < growth {
            let to = pixel * comptime!(dense.grown()) + comptime!(layer * growth) + place.output;
            grown[to] = max(sums[number], f32::new(0.0));
        }
    }
    let to = mask_place(dense, layer);
    #[unroll]
    for word in 0..comptime!(products.words(growth)) {
        let mut bits = 0u32;
        #[unroll]
        for number in comptime!(word * 32)..comptime!(products.sums(growth).min(word * 32 + 32)) {
            bits += select(sums[number] > 0.0, comptime!(1u32 << (number % 32)).runtime(), 0u32);
        }
        masks[to + word] = bits;
    }
}

/// A layer but the last, from `x` and the layers before it; the block's weights begin at `base`.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn dense_layer(
    x: &[f32],
    weights: &[f32],
    tiles: &[u32],
    grown: &mut [f32],
    masks: &mut [u32],
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
        0usize,
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
            0usize,
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
    put_layer(&sums, grown, masks, &tile, dense, layer);
}
