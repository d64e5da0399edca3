//! What an image says of each bin: features of its pixels there, on their square roots.

use super::affine::Affine;
use super::bands::{Band, Shrunk};
use crate::Result;
use crate::section::{Grid, Raster};
use rayon::prelude::*;

/// Side in µm of the pixels that features are made of, about: a nucleus is ten across.
pub(super) const PIXEL_UM: f64 = 0.85;

/// Standard deviations in µm of the Gaussians whose differences tell texture: as fine as nuclei, and as groups of them.
const TEXTURES_UM: [[f64; 2]; 2] = [[1.7, 4.25], [4.25, 8.5]];

/// Standard deviation of the Gaussian around a bin, in bins.
const AROUND: f64 = 1.0;

/// Gaussians end after so many standard deviations.
const REACH: f64 = 3.0;

/// The names of the features, behind that of the channel.
pub(super) const FEATURES: [&str; 6] = ["mean", "deviation", "fine texture", "coarse texture", "centre", "around"];

/// Rows of pixels that one thread works at.
const ROWS: usize = 32;

/// The features of every channel, `[channel][feature]`, each [rows, cols] of `grid`: NaN where the image does not reach.
pub(super) fn features(shrunk: &Shrunk, to_um: &Affine, grid: &Grid) -> Result<Vec<Vec<Raster<f32>>>> {
    let filters = TEXTURES_UM.map(|pair| pair.map(|sigma| kernel(sigma / to_um.scale())));
    let margin = filters.iter().flatten().map(|kernel| kernel.len() / 2).max().unwrap_or(0);
    let channels = shrunk.colours.names("").len();
    let mut sums = vec![vec![Sums::default(); grid.rows * grid.cols]; channels];
    shrunk.each(margin, |band| {
        let starts: Vec<usize> = band.new.clone().step_by(ROWS).collect();
        for (channel, all) in sums.iter_mut().enumerate() {
            let part = |start: &usize| {
                let rows = *start..(start + ROWS).min(band.new.end);
                Part::of(&Work { band, channel, size: shrunk.size(), filters: &filters }, rows, to_um, grid)
            };
            // In the order of the rows, so that threads change nothing.
            starts.par_iter().map(part).collect::<Vec<_>>().into_iter().for_each(|part| part.add_to(all, grid.cols));
        }
    })?;
    Ok(sums.iter().map(|sums| maps(sums, grid)).collect())
}

/// Sums over the pixels of a bin.
#[derive(Clone, Copy, Default)]
struct Sums {
    pixels: f64,
    value: f64,
    square: f64,
    textures: [f64; 2],
    /// Number and sum of those in the inner half.
    centre: [f64; 2],
}

fn maps(sums: &[Sums], grid: &Grid) -> Vec<Raster<f32>> {
    let map = |of: &dyn Fn(&Sums) -> f64| {
        let values = sums.iter().map(|sums| if sums.pixels > 0.0 { of(sums) as f32 } else { f32::NAN });
        Raster::from_vec(grid.rows, grid.cols, values.collect()).unwrap_or_else(|| Raster::filled(0, 0, f32::NAN))
    };
    let mean = |sums: &Sums| sums.value / sums.pixels;
    let means = map(&mean);
    let texture = |which: usize| map(&|sums| (sums.textures[which] / sums.pixels).sqrt());
    vec![
        map(&|sums| (sums.square / sums.pixels - mean(sums).powi(2)).max(0.0).sqrt()),
        texture(0),
        texture(1),
        map(&|sums| if sums.centre[0] > 0.0 { sums.centre[1] / sums.centre[0] } else { mean(sums) }),
        around(&means),
    ]
    .into_iter()
    .fold(vec![means], |mut all, map| {
        all.push(map);
        all
    })
}

/// The Gaussian mean of a map [rows, cols] with a standard deviation of one bin; NaN where the map is.
pub fn around(map: &Raster<f32>) -> Raster<f32> {
    let kernel = kernel(AROUND);
    let reach = (kernel.len() / 2) as isize;
    let (rows, cols) = map.shape();
    Raster::from_fn(rows, cols, |row, col| {
        if map[(row, col)].is_nan() {
            return f32::NAN;
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for (down, vertical) in (-reach..=reach).zip(&kernel) {
            for (right, horizontal) in (-reach..=reach).zip(&kernel) {
                let (Some(row), Some(col)) = (row.checked_add_signed(down), col.checked_add_signed(right)) else {
                    continue;
                };
                if row < rows && col < cols && !map[(row, col)].is_nan() {
                    weights += vertical * horizontal;
                    sum += vertical * horizontal * map[(row, col)];
                }
            }
        }
        sum / weights
    })
}

/// The weights of a Gaussian of this many pixels, which add up to 1.
fn kernel(sigma: f64) -> Vec<f32> {
    let reach = (REACH * sigma).ceil() as i32;
    let weights: Vec<f64> = (-reach..=reach).map(|at| (-0.5 * (f64::from(at) / sigma).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

/// A channel of a band, to be filtered.
struct Work<'a> {
    band: &'a Band,
    channel: usize,
    size: [usize; 2],
    filters: &'a [[Vec<f32>; 2]; 2],
}

impl Work<'_> {
    /// A row of the image; beyond its edges the row at the edge.
    fn row(&self, row: isize) -> &[f32] {
        let row = row.clamp(0, self.size[1] as isize - 1) as usize - self.band.first;
        &self.band.channels[self.channel][row * self.size[0]..][..self.size[0]]
    }

    /// A row seen through a Gaussian.
    fn through(&self, kernel: &[f32], row: usize) -> Vec<f32> {
        let (width, reach) = (self.size[0], kernel.len() / 2);
        let mut down = vec![0.0; width + 2 * reach];
        for (at, weight) in kernel.iter().enumerate() {
            let source = self.row(row as isize + at as isize - reach as isize);
            down[reach..reach + width].iter_mut().zip(source).for_each(|(sum, value)| *sum += weight * value);
        }
        let (first, last) = (down[reach], down[reach + width - 1]);
        down[..reach].fill(first);
        down[reach + width..].fill(last);
        let mut out = vec![0.0; width];
        for (at, weight) in kernel.iter().enumerate() {
            out.iter_mut().zip(&down[at..]).for_each(|(sum, value)| *sum += weight * value);
        }
        out
    }

    /// The squares of both differences of Gaussians in a row.
    fn textures(&self, row: usize) -> [Vec<f32>; 2] {
        let [[finest, middle], [_, coarsest]] = self.filters;
        let [fine, middle, coarse] = [finest, middle, coarsest].map(|kernel| self.through(kernel, row));
        let squares = |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).collect();
        [squares(&fine, &middle), squares(&middle, &coarse)]
    }
}

/// The sums of some rows of pixels, in the bins that they reach.
struct Part {
    /// First row and column of bins.
    first: [usize; 2],
    cols: usize,
    sums: Vec<Sums>,
}

impl Part {
    fn of(work: &Work, rows: std::ops::Range<usize>, to_um: &Affine, grid: &Grid) -> Self {
        let [width, _] = work.size;
        let shift = Affine::pixels([1.0, 1.0], [0.0, rows.start as f64]);
        let [low, high] = shift.then(to_um).extent(width as f64, rows.len() as f64);
        let bins = |axis: usize, count: usize| {
            let at = |um: f64| ((um - grid.origin_um[axis]) / grid.bin_um).floor().clamp(-1.0, count as f64);
            (at(low[axis]).max(0.0) as usize, (at(high[axis]) + 1.0).min(count as f64) as usize)
        };
        let ((left, right), (top, bottom)) = (bins(0, grid.cols), bins(1, grid.rows));
        let cols = right.saturating_sub(left);
        let mut part =
            Part { first: [top, left], cols, sums: vec![Sums::default(); cols * bottom.saturating_sub(top)] };
        if !part.sums.is_empty() {
            rows.for_each(|row| part.add(work, row, to_um, grid));
        }
        part
    }

    fn add(&mut self, work: &Work, row: usize, to_um: &Affine, grid: &Grid) {
        let textures = work.textures(row);
        let values = work.row(row as isize);
        for (column, value) in values.iter().enumerate() {
            let [x, y] = to_um.at([column as f64 + 0.5, row as f64 + 0.5]);
            let Some(bin) = grid.bin_at(x, y) else { continue };
            let (Some(down), Some(right)) =
                ((bin.row as usize).checked_sub(self.first[0]), (bin.col as usize).checked_sub(self.first[1]))
            else {
                continue;
            };
            let Some(sums) = self.sums.get_mut(down * self.cols + right).filter(|_| right < self.cols) else {
                continue;
            };
            let value = f64::from(*value);
            sums.pixels += 1.0;
            sums.value += value;
            sums.square += value * value;
            (0..2).for_each(|which| sums.textures[which] += f64::from(textures[which][column]));
            let [cx, cy] = grid.centre_um(bin);
            if (x - cx).abs().max((y - cy).abs()) < grid.bin_um / 4.0 {
                sums.centre[0] += 1.0;
                sums.centre[1] += value;
            }
        }
    }

    fn add_to(&self, all: &mut [Sums], cols: usize) {
        for (place, own) in self.sums.iter().enumerate() {
            let (row, col) = (self.first[0] + place / self.cols, self.first[1] + place % self.cols);
            let sums = &mut all[row * cols + col];
            sums.pixels += own.pixels;
            sums.value += own.value;
            sums.square += own.square;
            (0..2).for_each(|which| sums.textures[which] += own.textures[which]);
            (0..2).for_each(|which| sums.centre[which] += own.centre[which]);
        }
    }
}
