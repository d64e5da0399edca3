//! Convolutions 3×3 by tiles of 2×2 pixels: 16 products for four pixels instead of 36.
//!
//! Winograd's F(2×2, 3×3) (Lavin and Gray, Fast algorithms for convolutional neural networks, 2016): of the 4×4 pixels d around a tile
//! and a kernel g, the outputs are Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A. Each of the 16 positions of ⊙ is a matrix product over the inputs.
#![allow(clippy::needless_range_loop, reason = "iterators over arrays of vectors take them through memory")]

use rayon::prelude::*;

use super::aligned::Aligned;
use super::image::{Extent, Finish, Source};
use super::matmul::{DENSE_ROWS as TILES, Packed, multiply_dense};
use super::simd::{self, Simd, Work};
use super::threads::rows_per_task;

/// Positions of a transformed tile.
pub(super) const POSITIONS: usize = 16;

/// Transformed weights, `[inputs, outputs]` for each position.
pub(super) struct TileWeights {
    positions: Vec<Packed>,
    inputs: usize,
    outputs: usize,
}

impl TileWeights {
    /// Of the weights `weight(input, tap)(output)`.
    pub(super) fn new<R: Fn(usize) -> f32>(inputs: usize, outputs: usize, weight: impl Fn(usize, usize) -> R) -> Self {
        let mut kernels = vec![0.0; 9 * inputs * outputs];
        for (row, values) in kernels.chunks_exact_mut(outputs).enumerate() {
            let of_tap = weight(row / 9, row % 9);
            values.iter_mut().enumerate().for_each(|(output, value)| *value = of_tap(output));
        }
        let mut transformed = vec![0.0; POSITIONS * inputs * outputs];
        simd::run(TransformWeights { kernels: &kernels, inputs, outputs, transformed: &mut transformed });
        let positions =
            transformed.chunks_exact(inputs * outputs).map(|matrix| Packed::plain(matrix, outputs)).collect();
        Self { positions, inputs, outputs }
    }
}

/// `G g Gᵀ` of kernels `[input, tap, output]`, to `[position, input, output]`.
struct TransformWeights<'a> {
    kernels: &'a [f32],
    inputs: usize,
    outputs: usize,
    transformed: &'a mut [f32],
}

impl Work for TransformWeights<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { kernels, inputs, outputs, transformed } = self;
        for (input, kernels) in kernels.chunks_exact(9 * outputs).enumerate() {
            for o in (0..outputs).step_by(S::LANES) {
                let last = outputs.min(o + S::LANES);
                let mut columns = [[s.splat(0.0); 4]; 3];
                for (x, column) in columns.iter_mut().enumerate() {
                    let mut taps = [s.splat(0.0); 3];
                    for (y, tap) in taps.iter_mut().enumerate() {
                        let row = (3 * y + x) * outputs;
                        *tap = s.load_part(&kernels[row + o..row + last]);
                    }
                    *column = spread(s, taps);
                }
                for y in 0..4 {
                    let row = spread(s, [columns[0][y], columns[1][y], columns[2][y]]);
                    for (x, value) in row.into_iter().enumerate() {
                        let row = ((4 * y + x) * inputs + input) * outputs;
                        s.store_part(&mut transformed[row + o..row + last], value);
                    }
                }
            }
        }
    }
}

/// `G g`: three taps of a line, at four positions.
#[inline(always)]
fn spread<S: Simd>(s: S, [a, b, c]: [S::V; 3]) -> [S::V; 4] {
    let half = s.splat(0.5);
    let (ends, middle) = (s.mul(half, s.add(a, c)), s.mul(half, b));
    [a, s.add(ends, middle), s.sub(ends, middle), c]
}

/// `Bᵀ d`: four pixels of a line, at four positions.
#[inline(always)]
fn meet<S: Simd>(s: S, [a, b, c, d]: [S::V; 4]) -> [S::V; 4] {
    [s.sub(a, c), s.add(b, c), s.sub(c, b), s.sub(b, d)]
}

/// `Aᵀ m`: four positions, as two pixels of a line.
#[inline(always)]
fn gather<S: Simd>(s: S, [a, b, c, d]: [S::V; 4]) -> [S::V; 2] {
    [s.add(s.add(a, b), c), s.sub(s.sub(b, c), d)]
}

/// Tiles side by side: of an image, from a row of pixels on.
#[derive(Clone, Copy)]
pub(super) struct Strip {
    pub(super) extent: Extent,
    pub(super) image: usize,
    /// The upper of their two rows, in the image.
    pub(super) row: usize,
    /// The first of them, counted in its row.
    pub(super) first: usize,
    /// How many.
    pub(super) count: usize,
}

/// Where transformed tiles go: `[position, tile, channel]`, of which a source has the channels from `first` on.
pub(super) struct Transformed<'a> {
    pub(super) values: &'a mut [f32],
    /// Room for so many tiles.
    pub(super) tiles: usize,
    /// Channels of all sources.
    pub(super) channels: usize,
    pub(super) first: usize,
}

impl Strip {
    /// `Bᵀ d B` of a source's pixels around each tile; `zeros` are at least a row of the source.
    #[inline(always)]
    pub(super) fn transform<S: Simd>(&self, s: S, source: Source, zeros: &[f32], to: &mut Transformed) {
        let len = self.extent.width * source.channels;
        let mut rows = [&zeros[..len]; 4];
        for (i, row) in rows.iter_mut().enumerate() {
            let y = self.row + i;
            if 0 < y && y <= self.extent.height {
                *row = &source.values[(self.image * self.extent.height + y - 1) * len..][..len];
            }
        }
        let mut c = 0;
        while c + S::LANES <= source.channels {
            self.transform_lanes::<S, false>(s, &rows, source.channels, c, to);
            c += S::LANES;
        }
        if c < source.channels {
            self.transform_lanes::<S, true>(s, &rows, source.channels, c, to);
        }
    }

    /// The channels from `c` on: a vector of them, or the last ones, a `PART` of a vector.
    #[inline(always)]
    fn transform_lanes<S: Simd, const PART: bool>(
        &self,
        s: S,
        rows: &[&[f32]; 4],
        channels: usize,
        c: usize,
        to: &mut Transformed,
    ) {
        let lanes = if PART { channels - c } else { S::LANES };
        // Columns are counted from 1, as the tile to the left of the image's edge begins at column −1.
        let column = Columns { rows, width: self.extent.width, channels, c, lanes };
        let mut a = column.at::<S, PART>(s, 2 * self.first);
        let mut b = column.at::<S, PART>(s, 2 * self.first + 1);
        for tile in 0..self.count {
            let x = 2 * (self.first + tile);
            let (next, last) = (column.at::<S, PART>(s, x + 2), column.at::<S, PART>(s, x + 3));
            for y in 0..4 {
                let line = meet(s, [a[y], b[y], next[y], last[y]]);
                for x in 0..4 {
                    let at = ((4 * y + x) * to.tiles + tile) * to.channels + to.first + c;
                    let place = &mut to.values[at..at + lanes];
                    if PART { s.store_part(place, line[x]) } else { s.store(place, line[x]) }
                }
            }
            (a, b) = (next, last);
        }
    }

    /// Rows of a tile that lie in the image.
    fn rows(&self) -> usize {
        2.min(self.extent.height - self.row)
    }
}

/// Some channels of four rows.
struct Columns<'a> {
    rows: &'a [&'a [f32]; 4],
    width: usize,
    channels: usize,
    c: usize,
    lanes: usize,
}

impl Columns<'_> {
    /// `Bᵀ d` of a column, counted from 1; outside the image are zeros.
    #[inline(always)]
    fn at<S: Simd, const PART: bool>(&self, s: S, x: usize) -> [S::V; 4] {
        let mut pixels = [s.splat(0.0); 4];
        if x == 0 || x > self.width {
            return pixels;
        }
        let at = (x - 1) * self.channels + self.c;
        for (pixel, row) in pixels.iter_mut().zip(self.rows) {
            let values = &row[at..at + self.lanes];
            *pixel = if PART { s.load_part(values) } else { s.load(values) };
        }
        meet(s, pixels)
    }
}

/// Convolves `sources` and writes (or adds, see [`Finish`]) `[pixels, outputs]` values to `out`.
pub(super) fn convolve(extent: Extent, sources: &[Source], weights: &TileWeights, finish: Finish, out: &mut [f32]) {
    assert_eq!(out.len(), extent.pixels() * weights.outputs, "the shape of the output");
    let row_len = extent.width * weights.outputs;
    let rows = rows_per_task(extent.batch * extent.height).next_multiple_of(2);
    out.par_chunks_mut(extent.height * row_len).enumerate().for_each(|(image, out)| {
        out.par_chunks_mut(rows * row_len).enumerate().for_each(|(task, out)| {
            simd::run(Rows { extent, sources, weights, finish, image, first_row: task * rows, out });
        });
    });
}

/// Output rows of one task, an even number but at the end of an image.
struct Rows<'a> {
    extent: Extent,
    sources: &'a [Source<'a>],
    weights: &'a TileWeights,
    finish: Finish<'a>,
    image: usize,
    first_row: usize,
    out: &'a mut [f32],
}

impl Work for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { extent, sources, weights, finish, image, first_row, out } = self;
        let inputs = weights.inputs;
        let wide = weights.outputs.next_multiple_of(S::LANES);
        let widest = sources.iter().map(|source| source.channels).max().unwrap_or(0);
        let zeros = vec![0.0; extent.width * widest];
        let mut transformed = Aligned::zeros(POSITIONS * TILES * inputs);
        let mut products = Aligned::zeros(POSITIONS * TILES * wide);
        let row_len = extent.width * weights.outputs;
        let tiles = extent.width.div_ceil(2);
        for (pair, out) in out.chunks_mut(2 * row_len).enumerate() {
            let row = first_row + 2 * pair;
            let values = (image * extent.height + row) * row_len;
            let finish = finish.part(values..values + out.len());
            for first in (0..tiles).step_by(TILES) {
                let strip = Strip { extent, image, row, first, count: TILES.min(tiles - first) };
                let mut channel = 0;
                for source in sources {
                    let values = &mut transformed[..];
                    let to = &mut Transformed { values, tiles: TILES, channels: inputs, first: channel };
                    strip.transform(s, *source, &zeros, to);
                    channel += source.channels;
                }
                for (position, matrix) in weights.positions.iter().enumerate() {
                    let rows = &transformed[position * TILES * inputs..][..TILES * inputs];
                    let out = &mut products[position * TILES * wide..][..TILES * wide];
                    multiply_dense(s, strip.count, rows, matrix, out);
                }
                write(s, &strip, &products, weights.outputs, &finish, out);
            }
        }
    }
}

/// `Aᵀ m A` of the products `[position, tile, outputs]`, the outputs padded to whole vectors: finished, in the tiles' rows `out`.
#[inline(always)]
fn write<S: Simd>(s: S, strip: &Strip, products: &[f32], outputs: usize, finish: &Finish, out: &mut [f32]) {
    let (width, wide) = (strip.extent.width, outputs.next_multiple_of(S::LANES));
    for o in (0..outputs).step_by(S::LANES) {
        for tile in 0..strip.count {
            let mut columns = [[s.splat(0.0); 2]; 4];
            for (x, column) in columns.iter_mut().enumerate() {
                let mut positions = [s.splat(0.0); 4];
                for (y, position) in positions.iter_mut().enumerate() {
                    *position = s.load(&products[((4 * y + x) * TILES + tile) * wide + o..][..S::LANES]);
                }
                *column = gather(s, positions);
            }
            let x = 2 * (strip.first + tile);
            for y in 0..strip.rows() {
                let pixels = gather(s, [columns[0][y], columns[1][y], columns[2][y], columns[3][y]]);
                finish.write(s, pixels[0], o, outputs, (y * width + x) * outputs, out);
                if x + 1 < width {
                    finish.write(s, pixels[1], o, outputs, (y * width + x + 1) * outputs, out);
                }
            }
        }
    }
}
