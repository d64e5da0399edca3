//! Pixels that are read piece by piece.

use crate::Result;

/// A plane of an image at one resolution, in chunks of equal size: tiles, strips, or bands of what is in memory.
pub(super) trait Pixels: Sync {
    /// Pixels along x and y.
    fn size(&self) -> [usize; 2];

    /// Pixels of a chunk along x and y; those at the right and lower edge are cut off there.
    fn chunk_size(&self) -> [usize; 2];

    /// Samples of a pixel: 1, or 3 for red, green and blue.
    fn samples(&self) -> usize;

    /// What a sample of a white pixel is.
    fn white(&self) -> f32;

    /// The samples of the chunk in this column and row of chunks, pixel by pixel and row by row: [rows × columns × samples] of the part
    /// inside the image.
    fn chunk(&self, column: usize, row: usize) -> Result<Vec<f32>>;
}

/// Pixels of a chunk along x or y that are inside the image.
pub(super) fn inside(size: usize, chunk: usize, number: usize) -> usize {
    size.saturating_sub(number * chunk).min(chunk)
}

impl<P: Pixels> Pixels for &P {
    fn size(&self) -> [usize; 2] {
        (**self).size()
    }

    fn chunk_size(&self) -> [usize; 2] {
        (**self).chunk_size()
    }

    fn samples(&self) -> usize {
        (**self).samples()
    }

    fn white(&self) -> f32 {
        (**self).white()
    }

    fn chunk(&self, column: usize, row: usize) -> Result<Vec<f32>> {
        (**self).chunk(column, row)
    }
}
