//! A dense block: L convolutions 3×3 with ReLU, each reading the block's input and all layers before it, which lie side by side
//! in one buffer, so that nothing is concatenated. The last one has the 1×1 fusion of all of them in `dense_end`.
//!
//! In f32 the buffer is `[pixels, L·growth]`. Of bf16 it is `[pixels, channels + L·growth]`, by twos: the first layer puts there what it read of
//! the block's input.

use super::conv::{accumulate, biased};
use super::load::{Load, halo_len, taps_len};
use super::products::{CHUNK, Products, place};
use super::tiles::{TILE, Tile};
use super::weights;
use super::words::pair;
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

    /// Channels of all layers together.
    pub(super) const fn grown(&self) -> usize {
        self.layers * self.growth
    }

    /// Numbers of a pixel in the buffer that holds what the layers gave.
    pub(super) const fn kept(&self) -> usize {
        self.column(self.layers)
    }

    /// Where of them those of a layer begin.
    const fn column(&self, layer: usize) -> usize {
        if self.products.halves { self.seen(layer) } else { layer * self.growth }
    }

    /// So many numbers as words.
    pub(super) const fn words(&self, numbers: usize) -> usize {
        if self.products.halves { numbers / 2 } else { numbers }
    }

    /// How numbers of such a buffer are loaded.
    pub(super) const fn load(&self) -> Load {
        if self.products.halves { Load::Halves } else { Load::Plain }
    }

    /// Chunks of inputs of a layer, or of the fusion, whose weights' gradients are summed.
    const fn chunks(&self, layer: usize) -> usize {
        if self.products.halves {
            self.seen(layer).div_ceil(CHUNK)
        } else {
            self.channels.div_ceil(CHUNK) + layer * self.growth.div_ceil(CHUNK)
        }
    }

    /// The gradients of a layer's weights, or of the fusion's (side 1), for inputs that are loaded like this from a buffer of `source` numbers a
    /// pixel.
    pub(super) const fn weights(&self, side: usize, source: usize, load: Load) -> weights::Shape {
        let (outputs, grad) = if side == 1 { (self.channels, self.channels) } else { (self.growth, self.grown()) };
        let products = self.products;
        weights::Shape { side, outputs, source, grad, load, grad_halves: products.halves, products }
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

/// Puts what is read of the pixels of a tile first into the buffer of bf16.
#[cube]
pub(super) fn keep(
    from: &[f32],
    kept: &mut [u32],
    tile: &Tile,
    first: usize,
    #[comptime] stride: usize,
    #[comptime] dense: Dense,
) {
    let twos = comptime!(dense.channels / 2);
    let mut at = UNIT_POS as usize;
    while at < comptime!(TILE * TILE * dense.channels / 2) {
        let (two, own) = (at % twos, at / twos);
        let (pixel, inside) = tile.pixel(own / TILE, own % TILE);
        if inside {
            let number = pixel * stride + first + 2 * two;
            kept[pixel * comptime!(dense.words(dense.kept())) + two] =
                pair(from[number], from[number + 1], dense.products.matrices);
        }
        at += CUBE_DIM as usize;
    }
}

/// Writes a unit's numbers of a layer to a column of all, `stride` numbers a pixel.
#[cube]
pub(super) fn put_numbers(
    values: &Array<f32>,
    to: &mut [u32],
    tile: &Tile,
    #[comptime] dense: Dense,
    #[comptime] stride: usize,
    #[comptime] column: usize,
) {
    let (growth, products) = (comptime!(dense.growth), comptime!(dense.products));
    #[unroll]
    for number in 0..comptime!(products.sums(growth)) {
        let place = place(number, products);
        let (pixel, inside) = tile.pixel(place.row, place.col);
        if inside && place.output < growth {
            let at = pixel * stride + column + place.output;
            if comptime!(!products.halves) {
                to[at] = u32::reinterpret(values[number]);
            } else if comptime!(number % 2 == 0) {
                // Of two numbers one behind the other, outputs lie side by side.
                to[at / 2] = pair(values[number], values[comptime!(number + 1)], products.matrices);
            }
        }
    }
}

/// Writes a unit's sums of a layer, after ReLU, to their place among all layers, and its mask.
#[cube]
pub(super) fn put_layer(
    sums: &Array<f32>,
    grown: &mut [u32],
    masks: &mut [u32],
    tile: &Tile,
    #[comptime] dense: Dense,
    #[comptime] layer: usize,
) {
    let (growth, products) = (comptime!(dense.growth), comptime!(dense.products));
    let mut values = Array::<f32>::new(comptime!(products.sums(growth)));
    #[unroll]
    for number in 0..comptime!(products.sums(growth)) {
        values[number] = max(sums[number], f32::new(0.0));
    }
    put_numbers(&values, grown, tile, dense, dense.kept(), dense.column(layer));
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
    grown: &mut [u32],
    masks: &mut [u32],
    base: usize,
    x_first: usize,
    #[comptime] dense: Dense,
    #[comptime] layer: usize,
) {
    let (growth, products) = (comptime!(dense.growth), comptime!(dense.products));
    let seen = comptime!(dense.seen(layer));
    let base = base + comptime!(dense.offset(layer));
    let mut halo = Shared::new_slice(comptime!(halo_len(3, products)));
    let mut taps = Shared::new_slice(comptime!(taps_len(3, growth, products)));
    let tile = Tile::of(tiles, CUBE_POS);
    let mut sums = biased(weights, base + comptime!(9 * seen * growth), growth, products);
    let channels = comptime!(dense.channels);
    if comptime!(layer == 0 || !products.halves) {
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
    }
    if comptime!(layer == 0 && products.halves) {
        keep(x, grown, &tile, x_first, dense.source, dense);
    }
    // Of bf16 all that was seen before is one run of channels.
    let (runs, each) = comptime!(if products.halves { (layer.min(1), seen) } else { (layer, growth) });
    for run in 0..runs {
        let first = run * each;
        let seen_first = comptime!(if products.halves { 0usize } else { channels }) + first;
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
            comptime!(dense.kept()),
            base,
            seen_first,
            seen,
            each,
            growth,
            3usize,
            false,
            dense.load(),
            products,
        );
    }
    put_layer(&sums, grown, masks, &tile, dense, layer);
}
