//! How convolutions multiply: by the units' own arithmetic, or on matrix units. Either way a unit has some sums of a tile of 8 × 8 pixels
//! for all outputs; [`Products`] says how many units a cube has, which sums each of them, and how shared memory is laid out.

use super::matrix::{
    LEFT, M, N, OWN, PLANE, RIGHT, available, left_place, multiply, multiply_pairs, odd, right_place, rounded,
    sum_place,
};
use super::tiles::TILE;
use super::words::{joined, nearest_bf16};
use cubecl::prelude::*;

/// Input channels in shared memory at once, or twos of them.
pub(super) const CHUNK: usize = 8;
/// Outputs of a unit that multiplies by itself.
pub(super) const GROUP: usize = 4;

/// Products of a plane of units with the same factors from the right: what comes from shared memory is used twice.
const FRAGMENTS: usize = 2;

/// How a network multiplies, and what dense blocks keep; of what is no convolution, `rows` has what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Products {
    /// On matrix units: 32 units together have 32 pixels for eight outputs at a time, factors are rounded to TF32, sums are f32. Otherwise in
    /// f32 by each unit, which has a row of pixels for four outputs.
    pub(crate) matrices: bool,
    /// What convolutions multiply is rounded to bf16, and so is what dense blocks keep, by twos.
    pub(crate) halves: bool,
}

impl Products {
    pub(crate) const F32: Products = Products { matrices: false, halves: false };
    pub(crate) const TF32: Products = Products { matrices: true, halves: false };
    pub(crate) const BF16: Products = Products { matrices: true, halves: true };

    /// The same by what a device has.
    pub(super) fn on(self, device: &DeviceProperties) -> Self {
        Products { matrices: self.matrices && available(device), ..self }
    }

    /// Whether convolutions multiply two numbers to a word.
    pub(super) const fn pairs(self) -> bool {
        self.matrices && self.halves
    }

    /// Input channels of a convolution in shared memory at once.
    pub(super) const fn chunk(self) -> usize {
        if self.pairs() { 2 * CHUNK } else { CHUNK }
    }

    /// Outputs, rounded up to what is multiplied at once.
    pub(super) const fn wide(self, outputs: usize) -> usize {
        if self.matrices { outputs.div_ceil(N) * N } else { outputs.div_ceil(GROUP) * GROUP }
    }

    /// Numbers between two rows of outputs in shared memory.
    pub(super) const fn pitch(self, outputs: usize) -> usize {
        if self.matrices { odd(outputs, 8) } else { self.wide(outputs) }
    }

    /// Numbers between two channels in shared memory, of the pixels around a tile that a convolution of this side reads.
    pub(super) const fn plane(self, side: usize) -> usize {
        let pixels = (TILE + side - 1) * (TILE + side - 1);
        if self.matrices { odd(pixels, 8) } else { pixels }
    }

    /// The same where pixels are what is summed over.
    pub(super) const fn plane_of_weights(self, side: usize) -> usize {
        let pixels = (TILE + side - 1) * (TILE + side - 1);
        if self.matrices { odd(pixels, 4) } else { pixels }
    }

    /// Units of a cube of a convolution.
    pub(super) const fn units(self, outputs: usize) -> u32 {
        if self.matrices {
            (TILE * TILE / (FRAGMENTS * M) * PLANE) as u32
        } else {
            (TILE * outputs.div_ceil(GROUP)) as u32
        }
    }

    /// Sums of a unit of a convolution.
    pub(super) const fn sums(self, outputs: usize) -> usize {
        if self.matrices { self.wide(outputs) / N * FRAGMENTS * OWN } else { GROUP * TILE }
    }

    /// Words in which a unit of a convolution has a bit for each of its sums.
    pub(super) const fn words(self, outputs: usize) -> usize {
        self.sums(outputs).div_ceil(u32::BITS as usize)
    }

    /// Units of a cube that sums the gradients of the weights of a convolution of this side: on matrix units, 32 rows of taps and channels
    /// have a plane, and one row more has the biases.
    pub(super) const fn units_of_weights(self, side: usize, outputs: usize) -> u32 {
        if self.matrices {
            ((side * side * CHUNK + 1).div_ceil(FRAGMENTS * M) * PLANE) as u32
        } else {
            (CHUNK * outputs.div_ceil(GROUP)) as u32
        }
    }

    /// Sums of a unit of such a cube.
    pub(super) const fn sums_of_weights(self, side: usize, outputs: usize) -> usize {
        if self.matrices { self.wide(outputs) / N * FRAGMENTS * OWN } else { (side * side + 1) * GROUP }
    }
}

/// A value as a factor of a product.
#[cube]
pub(super) fn factor(value: f32, #[comptime] products: Products) -> f32 {
    let mut factor = value;
    if comptime!(products.halves) {
        factor = nearest_bf16(value, products.matrices);
    } else if comptime!(products.matrices) {
        factor = rounded(value);
    }
    factor
}

/// Where a sum of a unit lies in its tile, and for which output it is.
#[derive(CubeType, Clone, Copy)]
pub(super) struct Place {
    pub(super) row: usize,
    pub(super) col: usize,
    pub(super) output: usize,
}

/// Of the sum of this number.
#[cube]
pub(super) fn place(#[comptime] number: usize, #[comptime] products: Products) -> Place {
    let unit = UNIT_POS as usize;
    if comptime!(products.matrices) {
        let (pixel, output) = accumulated(number);
        let pixel = unit / PLANE * comptime!(FRAGMENTS * M) + pixel;
        Place { row: pixel / TILE, col: pixel % TILE, output }
    } else {
        let output = unit / TILE * GROUP + comptime!(number % GROUP);
        Place { row: unit % TILE, col: comptime!(number / GROUP).runtime(), output }
    }
}

/// Row and column, of all products of a plane, of a unit's sum of this number.
#[cube]
fn accumulated(#[comptime] number: usize) -> (usize, usize) {
    let (row, col) = sum_place(comptime!(number % OWN));
    let (fragment, column) = (comptime!(number / OWN % FRAGMENTS), comptime!(number / (OWN * FRAGMENTS)));
    (comptime!(fragment * M) + row, comptime!(column * N) + col)
}

/// Row and column of a unit's factor of this number: of the left, `[FRAGMENTS · M, K]`.
#[cube]
fn factor_place(#[comptime] number: usize) -> (usize, usize) {
    let (row, col) = left_place(comptime!(number % LEFT));
    (comptime!(number / LEFT * M) + row, col)
}

/// Where a unit's factors of the right lie, `[K, N]`, in rows of outputs that are `pitch` numbers apart.
#[cube]
fn right_places(#[comptime] pitch: usize) -> Array<usize> {
    let mut places = Array::<usize>::new(RIGHT);
    #[unroll]
    for i in 0..RIGHT {
        let (row, output) = right_place(i);
        places[i] = row * pitch + output;
    }
    places
}

/// Adds to `sums` the products of a unit's factors `a` and of those of `b` from `from` on, whose columns lie side by side: `at` says where
/// the unit's first ones are.
#[cube]
fn add(
    a: &Array<f32>,
    b: &[f32],
    at: &Array<usize>,
    from: usize,
    sums: &mut Array<f32>,
    #[comptime] outputs: usize,
    #[comptime] products: Products,
) {
    let columns = comptime!(products.wide(outputs) / N);
    #[unroll]
    for column in 0..columns {
        let mut right = Array::<f32>::new(RIGHT);
        #[unroll]
        for i in 0..RIGHT {
            right[i] = b[from + at[i] + comptime!(column * N)];
        }
        #[unroll]
        for fragment in 0..FRAGMENTS {
            let first = comptime!((column * FRAGMENTS + fragment) * OWN);
            if comptime!(products.pairs()) {
                multiply_pairs(a, &right, sums, comptime!(fragment * LEFT), 0usize, first);
            } else {
                multiply(a, &right, sums, comptime!(fragment * LEFT), 0usize, first);
            }
        }
    }
}

/// Adds to a unit's `sums` what a chunk of inputs gives: see `conv::multiply`.
#[cube]
pub(super) fn convolve_chunk(
    halo: &[f32],
    taps: &[f32],
    sums: &mut Array<f32>,
    #[comptime] side: usize,
    #[comptime] around: usize,
    #[comptime] outputs: usize,
    #[comptime] products: Products,
) {
    let across = comptime!(TILE + around - 1);
    let inset = comptime!((around - side) / 2);
    let pitch = comptime!(products.pitch(outputs));
    let first = UNIT_POS as usize / PLANE * comptime!(FRAGMENTS * M / TILE);
    let mut at_halo = Array::<usize>::new(comptime!(FRAGMENTS * LEFT));
    #[unroll]
    for i in 0..comptime!(FRAGMENTS * LEFT) {
        let (pixel, channel) = factor_place(i);
        at_halo[i] = channel * comptime!(products.plane(around)) + (first + pixel / TILE) * across + pixel % TILE;
    }
    let at_taps = right_places(pitch);
    let mut a = Array::<f32>::new(comptime!(FRAGMENTS * LEFT));
    for down in 0..side {
        let from = (down + inset) * across + inset;
        #[unroll]
        for along in 0..side {
            #[unroll]
            for i in 0..comptime!(FRAGMENTS * LEFT) {
                a[i] = halo[from + at_halo[i] + along];
            }
            if comptime!(products.pairs() && outputs <= N && along > 0) {
                // With so few sums, what the next tap needs would take registers that another cube runs with.
                sync_plane();
            }
            add(&a, taps, &at_taps, (down * side + along) * comptime!(CHUNK * pitch), sums, outputs, products);
        }
        if comptime!(side > 1) {
            // What the next row needs is not kept before its turn.
            sync_plane();
        }
    }
}

/// Adds to a unit's `sums` what a tile gives to the gradients of a chunk's weights, row by row of its pixels: see `weights::multiply`.
#[cube]
pub(super) fn weights_of_tile(
    halo: &[f32],
    grads: &[f32],
    sums: &mut Array<f32>,
    #[comptime] side: usize,
    #[comptime] outputs: usize,
    #[comptime] products: Products,
) {
    let across = comptime!(TILE + side - 1);
    let square = comptime!(side * side);
    let pitch = comptime!(products.pitch(outputs));
    let mut at_halo = Array::<usize>::new(comptime!(FRAGMENTS * LEFT));
    let mut bias = Array::<bool>::new(comptime!(FRAGMENTS * LEFT));
    #[unroll]
    for i in 0..comptime!(FRAGMENTS * LEFT) {
        let (row, col) = factor_place(i);
        let (tap, channel) = weight(row);
        let within = min(tap, comptime!(square - 1));
        bias[i] = tap >= square;
        at_halo[i] =
            channel * comptime!(products.plane_of_weights(side)) + within / side * across + within % side + col;
    }
    let at_grads = right_places(pitch);
    let mut a = Array::<f32>::new(comptime!(FRAGMENTS * LEFT));
    // Of words, the two numbers are of rows one below the other.
    let each = comptime!(if products.pairs() { 2usize } else { 1usize });
    for row in 0..comptime!(TILE / each) {
        #[unroll]
        for i in 0..comptime!(FRAGMENTS * LEFT) {
            let from = at_halo[i] + row * comptime!(each * across);
            let mut value = halo[from];
            if bias[i] {
                value = f32::new(1.0);
            }
            if comptime!(products.pairs()) {
                let mut below = halo[from + across];
                if bias[i] {
                    below = f32::new(1.0);
                }
                value = joined(value, below);
            }
            a[i] = value;
        }
        add(&a, grads, &at_grads, row * comptime!(TILE * pitch), sums, outputs, products);
    }
}

/// Tap and channel of a row of the plane's; behind the last tap is the bias.
#[cube]
fn weight(row: usize) -> (usize, usize) {
    let row = UNIT_POS as usize / PLANE * comptime!(FRAGMENTS * M) + row;
    (row / CHUNK, row % CHUNK)
}

/// Tap, channel and output of a unit's sum of this number.
#[cube]
pub(super) fn weight_place(#[comptime] number: usize) -> (usize, usize, usize) {
    let (row, output) = accumulated(number);
    let (tap, channel) = weight(row);
    (tap, channel, output)
}
