//! Gradients of the weights of convolutions 3×3 by tiles of 2×2 pixels: [`winograd`](super::winograd) the other way.
//!
//! Of pixels d around a tile and gradients y of its outputs, a kernel has the gradient Gᵀ[Σ (Bᵀ d B) ⊙ (A y Aᵀ)]G, summed over tiles. Each
//! of the 16 positions of ⊙ is a sum of outer products of inputs and outputs.
#![allow(clippy::needless_range_loop, reason = "iterators over arrays of vectors take them through memory")]

use super::aligned::Aligned;
use super::image::{Extent, Source};
use super::matmul::{Pixels, accumulate_outer};
use super::row_sums::RowSums;
use super::simd::{self, Simd, Work};
use super::winograd::{POSITIONS, Strip, Transformed};

/// Tiles of a row whose outer products are summed in registers.
const TILES: usize = 16;

/// Outputs, padded to whole vectors of any instruction set.
pub(super) const fn padded(outputs: usize) -> usize {
    outputs.next_multiple_of(16)
}

/// Adds, for rows of one image from an even one on, sums in the order [position][input][output], with outputs [`padded`].
pub(super) struct TileSums<'a>(pub(super) RowSums<'a>);

impl Work for TileSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let RowSums { extent, sources, grad, rows, sum } = self.0;
        let outputs = padded(grad.channels);
        let inputs = sum.len() / (POSITIONS * outputs);
        let widest = sources.iter().map(|source| source.channels).max().unwrap_or(0);
        let zeros = vec![0.0; extent.width * widest];
        let mut of_grad = Aligned::zeros(POSITIONS * TILES * outputs);
        let mut of_source = Aligned::zeros(POSITIONS * TILES * widest);
        let (image, tiles) = (rows.start / extent.height, extent.width.div_ceil(2));
        for row in rows.step_by(2).map(|row| row % extent.height) {
            for first in (0..tiles).step_by(TILES) {
                let strip = Strip { extent, image, row, first, count: TILES.min(tiles - first) };
                strip.transform_gradient(s, grad, &mut of_grad);
                let mut channel = 0;
                for source in sources {
                    let channels = source.channels;
                    let to = &mut Transformed { values: &mut of_source[..], tiles: TILES, channels, first: 0 };
                    strip.transform(s, *source, &zeros, to);
                    for position in 0..POSITIONS {
                        let a = &of_source[position * TILES * channels..][..strip.count * channels];
                        let b = &of_grad[position * TILES * outputs..][..strip.count * outputs];
                        let block = &mut sum[(position * inputs + channel) * outputs..][..channels * outputs];
                        let pair = (Pixels::dense(a, channels), Pixels::dense(b, outputs));
                        accumulate_outer(
                            s,
                            1,
                            #[inline(always)]
                            |_| pair,
                            block,
                        );
                    }
                    channel += channels;
                }
            }
        }
    }
}

impl Strip {
    /// `A y Aᵀ` of each tile, to `[position, tile, channel]`, with channels [`padded`].
    #[inline(always)]
    fn transform_gradient<S: Simd>(&self, s: S, grad: Source, to: &mut [f32]) {
        let Extent { height, width, .. } = self.extent;
        let (channels, zero) = (grad.channels, s.splat(0.0));
        for c in (0..channels).step_by(S::LANES) {
            let lanes = S::LANES.min(channels - c);
            for tile in 0..self.count {
                let mut columns = [[zero; 4]; 2];
                for (dx, column) in columns.iter_mut().enumerate() {
                    let mut pixels = [zero; 2];
                    for (dy, pixel) in pixels.iter_mut().enumerate() {
                        let (x, y) = (2 * (self.first + tile) + dx, self.row + dy);
                        if x < width && y < height {
                            let at = ((self.image * height + y) * width + x) * channels + c;
                            *pixel = s.load_part(&grad.values[at..at + lanes]);
                        }
                    }
                    *column = part(s, pixels);
                }
                for y in 0..4 {
                    for (x, value) in part(s, [columns[0][y], columns[1][y]]).into_iter().enumerate() {
                        let at = ((4 * y + x) * TILES + tile) * padded(channels) + c;
                        s.store_part(&mut to[at..at + lanes], value);
                    }
                }
            }
        }
    }
}

/// `A y`: two pixels of a line, at four positions.
#[inline(always)]
fn part<S: Simd>(s: S, [a, b]: [S::V; 2]) -> [S::V; 4] {
    [a, s.add(a, b), s.sub(a, b), s.sub(s.splat(0.0), b)]
}

/// `Gᵀ m`: four positions of a line, as three taps.
#[inline(always)]
fn taps<S: Simd>(s: S, [a, b, c, d]: [S::V; 4]) -> [S::V; 3] {
    let half = s.splat(0.5);
    let (sum, difference) = (s.mul(half, s.add(b, c)), s.mul(half, s.sub(b, c)));
    [s.add(a, sum), difference, s.add(sum, d)]
}

/// `Gᵀ m G`: sums of the 16 positions as those of the nine taps, each as long as the next.
pub(super) fn of_taps(positions: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0; positions.len() / POSITIONS * 9];
    simd::run(OfTaps { positions, sums: &mut sums });
    sums
}

struct OfTaps<'a> {
    positions: &'a [f32],
    sums: &'a mut [f32],
}

impl Work for OfTaps<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = self.positions.len() / POSITIONS;
        for first in (0..len).step_by(S::LANES) {
            let last = len.min(first + S::LANES);
            let mut columns = [[s.splat(0.0); 3]; 4];
            for (x, column) in columns.iter_mut().enumerate() {
                let mut positions = [s.splat(0.0); 4];
                for (y, position) in positions.iter_mut().enumerate() {
                    let row = (4 * y + x) * len;
                    *position = s.load_part(&self.positions[row + first..row + last]);
                }
                *column = taps(s, positions);
            }
            for y in 0..3 {
                let row = taps(s, [columns[0][y], columns[1][y], columns[2][y], columns[3][y]]);
                for (x, value) in row.into_iter().enumerate() {
                    let row = (3 * y + x) * len;
                    s.store_part(&mut self.sums[row + first..row + last], value);
                }
            }
        }
    }
}
