//! An image from top to bottom, made smaller on the way, a band of rows at a time: memory does not grow with its height.

use super::pixels::Pixels;
use super::stains::Colours;
use crate::Result;
use rayon::prelude::*;
use std::ops::Range;

/// Rows that are read together, at least.
const LEAST_ROWS: usize = 128;

/// A plane whose pixels are squares of `factor` × `factor` pixels, averaged; a rest at the right or lower edge is left out.
pub(super) struct Shrunk<'a> {
    pub(super) pixels: &'a dyn Pixels,
    pub(super) factor: usize,
    pub(super) colours: Colours,
}

/// Rows of all channels.
pub(super) struct Band {
    /// The number of the first row that is held.
    pub(super) first: usize,
    /// The rows that nobody has seen before; as many as asked for are held above and below them, if the image has them.
    pub(super) new: Range<usize>,
    /// [channel][row × width + column].
    pub(super) channels: Vec<Vec<f32>>,
}

impl Shrunk<'_> {
    /// Pixels along x and y.
    pub(super) fn size(&self) -> [usize; 2] {
        self.pixels.size().map(|size| size / self.factor)
    }

    /// Gives all rows to `take`, band by band, each with `margin` rows above and below.
    pub(super) fn each(&self, margin: usize, mut take: impl FnMut(&Band)) -> Result<()> {
        let [width, height] = self.size();
        let chunk = self.pixels.chunk_size()[1].max(1);
        let chunk_rows = self.pixels.size()[1].div_ceil(chunk);
        let together = LEAST_ROWS.div_ceil(chunk);
        let mut sums = vec![Vec::new(); self.pixels.samples()];
        let mut band = Band { first: 0, new: 0..0, channels: vec![Vec::new(); self.colours.names("").len()] };
        let mut held = 0;
        for start in (0..chunk_rows).step_by(together) {
            let rows = start..(start + together).min(chunk_rows);
            let read = (rows.end * chunk).min(self.pixels.size()[1]);
            self.add(rows, held, &mut sums)?;
            let whole = (read / self.factor).min(height);
            self.finish(&mut sums, &mut band, whole - held);
            held = whole;
            let last = read >= self.pixels.size()[1];
            let ready = if last { held } else { held.saturating_sub(margin) };
            if ready <= band.new.end {
                continue;
            }
            band.new = band.new.end..ready;
            take(&band);
            let kept = ready.saturating_sub(margin).max(band.first);
            for channel in &mut band.channels {
                channel.drain(..(kept - band.first) * width);
            }
            band.first = kept;
        }
        Ok(())
    }

    /// Adds the pixels of chunks in these rows of chunks to the sums, whose first row is `first`.
    fn add(&self, rows: Range<usize>, first: usize, sums: &mut [Vec<f32>]) -> Result<()> {
        let ([width, height], factor, samples) = (self.size(), self.factor, self.pixels.samples());
        let [across, down] = self.pixels.chunk_size();
        let columns = self.pixels.size()[0].div_ceil(across);
        let end = (rows.end * down).div_ceil(factor).min(height);
        sums.iter_mut().for_each(|sum| sum.resize(end.saturating_sub(first) * width, 0.0));
        for row in rows {
            let parts: Vec<Part> = (0..columns)
                .into_par_iter()
                .map(|column| {
                    let pixels = self.pixels.chunk(column, row)?;
                    let wide = super::pixels::inside(self.pixels.size()[0], across, column);
                    Ok(Part::of(&pixels, wide, samples, [column * across, row * down], factor))
                })
                .collect::<Result<_>>()?;
            for part in parts {
                part.add_to(sums, [width, height], first);
            }
        }
        Ok(())
    }

    /// Moves `whole` rows of sums into the band, as channels.
    fn finish(&self, sums: &mut [Vec<f32>], band: &mut Band, whole: usize) {
        let width = self.size()[0];
        let area = (self.factor * self.factor) as f32;
        let samples = sums.iter_mut().map(|sum| sum.drain(..whole * width).map(|sum| sum / area).collect()).collect();
        let channels = self.colours.channels(samples, self.pixels.white());
        band.channels.iter_mut().zip(channels).for_each(|(held, new)| held.extend(new));
    }
}

/// The sums of a chunk, pixel by pixel of the smaller image.
struct Part {
    /// Column and row of its first pixel.
    at: [usize; 2],
    width: usize,
    /// [sample][row × width + column].
    sums: Vec<Vec<f32>>,
}

impl Part {
    /// Of a chunk of rows `wide` pixels long, whose first pixel is `at`.
    fn of(pixels: &[f32], wide: usize, samples: usize, at: [usize; 2], factor: usize) -> Self {
        let first = at.map(|at| at / factor);
        let rows = pixels.len() / (wide * samples).max(1);
        let width = (at[0] + wide).div_ceil(factor) - first[0];
        let height = (at[1] + rows).div_ceil(factor) - first[1];
        let mut sums = vec![vec![0.0; width * height]; samples];
        for (down, row) in pixels.chunks_exact(wide * samples).enumerate() {
            let start = ((at[1] + down) / factor - first[1]) * width;
            for (right, pixel) in row.chunks_exact(samples).enumerate() {
                let place = start + (at[0] + right) / factor - first[0];
                sums.iter_mut().zip(pixel).for_each(|(sum, sample)| sum[place] += sample);
            }
        }
        Part { at: first, width, sums }
    }

    /// Adds them to sums of an image of `size` from row `first` on.
    fn add_to(&self, sums: &mut [Vec<f32>], [width, height]: [usize; 2], first: usize) {
        let inside = self.width.min(width.saturating_sub(self.at[0]));
        for (all, own) in sums.iter_mut().zip(&self.sums) {
            for (down, row) in own.chunks_exact(self.width).enumerate() {
                let at = self.at[1] + down;
                if at < height {
                    let start = (at - first) * width + self.at[0];
                    all[start..start + inside].iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An image in memory in chunks of any size.
    struct Memory {
        size: [usize; 2],
        chunk: [usize; 2],
    }

    fn value(x: usize, y: usize) -> f32 {
        ((x * 31 + y * 17) % 97) as f32
    }

    impl Pixels for Memory {
        fn size(&self) -> [usize; 2] {
            self.size
        }
        fn chunk_size(&self) -> [usize; 2] {
            self.chunk
        }
        fn samples(&self) -> usize {
            1
        }
        fn white(&self) -> f32 {
            255.0
        }
        fn chunk(&self, column: usize, row: usize) -> Result<Vec<f32>> {
            let [left, top] = [column * self.chunk[0], row * self.chunk[1]];
            let [right, bottom] = [(left + self.chunk[0]).min(self.size[0]), (top + self.chunk[1]).min(self.size[1])];
            Ok((top..bottom).flat_map(|y| (left..right).map(move |x| value(x, y))).collect())
        }
    }

    proptest! {
        #[test]
        fn every_row_comes_once_with_its_margin(
            size in [1..90_usize, 1..700_usize],
            chunk in [1..40_usize, 1..300_usize],
            factor in 1..5_usize,
            margin in 0..20_usize,
        ) {
            let pixels = Memory { size, chunk };
            let shrunk = Shrunk { pixels: &pixels, factor, colours: Colours::Grey };
            let [width, height] = shrunk.size();
            let mut next = 0;
            shrunk.each(margin, |band| {
                assert_eq!(band.new.start, next);
                next = band.new.end;
                let rows = band.channels[0].len() / width.max(1);
                assert!(width == 0 || band.first <= band.new.start.saturating_sub(margin));
                assert!(width == 0 || band.first + rows >= (band.new.end + margin).min(height));
                for (place, found) in band.channels[0].iter().enumerate() {
                    let (x, y) = (place % width, band.first + place / width);
                    let square = (0..factor * factor).map(|i| value(x * factor + i % factor, y * factor + i / factor));
                    let mean = square.sum::<f32>() / (factor * factor) as f32;
                    assert!((found * found - mean).abs() < 1e-3, "{x}, {y}");
                }
            }).expect("it is in memory");
            prop_assert!(next == height || width == 0);
        }
    }
}
