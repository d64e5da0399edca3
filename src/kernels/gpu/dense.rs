//! A dense block: L convolutions 3×3 with ReLU, each reading the block's input and all layers before it, which lie side by side
//! in one buffer `[pixels, L·growth]`, so that nothing is concatenated. The 1×1 fusion of all of them is in `pixelwise`.

use super::conv::{CHUNK, GROUP, Load, TILE, accumulate, biased, halo_len, wide};
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

    /// Chunks of inputs of a layer, or of the fusion.
    const fn chunks(&self, layer: usize) -> usize {
        self.channels.div_ceil(CHUNK) + layer * self.growth.div_ceil(CHUNK)
    }

    /// The gradients of a layer's weights, or of the fusion's (side 1), for inputs from a buffer of `source` numbers a pixel.
    pub(super) const fn weights(&self, side: usize, source: usize) -> weights::Shape {
        let (outputs, grad) = if side == 1 { (self.channels, self.channels) } else { (self.growth, self.grown()) };
        weights::Shape { side, outputs, source, grad, load: Load::Plain, load_grad: Load::Plain }
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
    let mut halo = Shared::new_slice(comptime!(halo_len(3)));
    let mut taps = Shared::new_slice(comptime!(9 * CHUNK * wide(growth)));
    let tile = Tile::of(tiles, CUBE_POS);
    let mut sums = biased(weights, base + comptime!(9 * seen * growth), growth);
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
        );
    }
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
                    grown[to + output] = max(sums[comptime!(o * TILE + x)], f32::new(0.0));
                }
            }
        }
    }
}
