//! Rows of an image with zeros around it: what the three taps of a row of a kernel read of all sources is one slice.

use super::aligned::Aligned;
use super::image::{Extent, Source};
use super::simd::Simd;

/// Rows and columns of a kernel.
pub(super) const SIDE: usize = 3;
/// So many pixels, of zeros, lie behind a row and the zero to its right: tiles of pixels, and vectors, may reach beyond it.
const SPARE: usize = 16;

/// The rows that a kernel reads when it stands on an output row: pixels `[width, channels of all sources]`, and zeros around them.
pub(super) struct PaddedRows<'a> {
    extent: Extent,
    sources: &'a [Source<'a>],
    channels: usize,
    /// Numbers of a row and its zeros.
    len: usize,
    /// As many rows as the kernel has; each stays in its place while the kernel moves along all of its own.
    rows: Aligned,
    /// Where the kernel stands, counted through all images.
    at: Option<usize>,
}

impl<'a> PaddedRows<'a> {
    pub(super) fn new(extent: Extent, sources: &'a [Source<'a>]) -> Self {
        let channels: usize = sources.iter().map(|source| source.channels).sum();
        let len = ((extent.width + SIDE - 1 + SPARE) * channels).next_multiple_of(16);
        Self { extent, sources, channels, len, rows: Aligned::zeros(SIDE * len), at: None }
    }

    /// Channels of all sources.
    #[inline(always)]
    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// Moves the kernel to an output row, counted through all images.
    #[inline(always)]
    pub(super) fn move_to<S: Simd>(&mut self, s: S, row: usize) {
        let y = row % self.extent.height;
        let next = y > 0 && self.at == Some(row - 1);
        self.at = Some(row);
        for tap in if next { SIDE - 1 } else { 0 }..SIDE {
            let inside = (1..=self.extent.height).contains(&(y + tap));
            self.fill(s, (row + tap) % SIDE, inside.then(|| row + tap - 1));
        }
    }

    /// What the row `tap` of the kernel reads: where it stands on pixel x, `SIDE · channels` numbers from `x · channels` on.
    #[inline(always)]
    pub(super) fn row(&self, tap: usize) -> &[f32] {
        let place = (self.at.unwrap_or(0) + tap) % SIDE;
        &self.rows[place * self.len..][..self.len]
    }

    /// Copies a row of the sources to a place, or zeros.
    #[inline(always)]
    fn fill<S: Simd>(&mut self, s: S, place: usize, row: Option<usize>) {
        let (width, channels) = (self.extent.width, self.channels);
        let to = &mut self.rows[place * self.len + channels..][..width * channels];
        let Some(row) = row else { return to.fill(0.0) };
        if let [source] = self.sources {
            return to.copy_from_slice(&source.values[row * width * channels..][..width * channels]);
        }
        let mut first = 0;
        for source in self.sources {
            let from = source.values[row * width * source.channels..].chunks_exact(source.channels);
            for (to, from) in to.chunks_exact_mut(channels).zip(from) {
                let to = &mut to[first..first + source.channels];
                for (to, from) in to.chunks_mut(S::LANES).zip(from.chunks(S::LANES)) {
                    s.store_part(to, s.load_part(from));
                }
            }
            first += source.channels;
        }
    }
}
