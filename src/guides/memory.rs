//! PNG and JPEG: decoded as a whole, as they cannot be read from the middle.

use super::pixels::{Pixels, inside};
use crate::{Error, Result};
use image::{DynamicImage, ImageReader, Limits};
use std::path::Path;

/// Rows of a chunk.
const ROWS: usize = 256;

/// Bytes that a decoded picture may have: larger ones are better stored as tiled TIFF.
const MOST_BYTES: u64 = 4 << 30;

/// A picture in memory.
pub(super) struct Decoded {
    image: DynamicImage,
}

impl Decoded {
    /// Reads the picture `path`: grey or red, green and blue, 8 or 16 bits; an alpha channel is left out.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let bad = |e: &dyn std::fmt::Display| {
            Error::data(path, format!("not readable as an image ({e}). Expected OME-TIFF, TIFF, PNG or JPEG"))
        };
        let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
        let mut reader = reader.map_err(|e| Error::io(path, "read", e))?;
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(MOST_BYTES);
        reader.limits(limits);
        let image = match reader.decode().map_err(|e| bad(&e))? {
            image @ (DynamicImage::ImageLuma8(_)
            | DynamicImage::ImageLuma16(_)
            | DynamicImage::ImageRgb8(_)
            | DynamicImage::ImageRgb16(_)) => image,
            image @ DynamicImage::ImageLumaA8(_) => image.into_luma8().into(),
            image @ DynamicImage::ImageLumaA16(_) => image.into_luma16().into(),
            image @ DynamicImage::ImageRgba8(_) => image.into_rgb8().into(),
            image => image.into_rgb16().into(),
        };
        Ok(Decoded { image })
    }
}

impl Pixels for Decoded {
    fn size(&self) -> [usize; 2] {
        [self.image.width() as usize, self.image.height() as usize]
    }

    fn chunk_size(&self) -> [usize; 2] {
        [self.size()[0], ROWS]
    }

    fn samples(&self) -> usize {
        usize::from(self.image.color().channel_count())
    }

    fn white(&self) -> f32 {
        if self.image.color().bytes_per_pixel() > self.image.color().channel_count() { 65535.0 } else { 255.0 }
    }

    fn chunk(&self, _: usize, row: usize) -> Result<Vec<f32>> {
        let [width, height] = self.size();
        let samples = width * self.samples();
        let part = row * ROWS * samples..(row * ROWS + inside(height, ROWS, row)) * samples;
        Ok(match &self.image {
            DynamicImage::ImageLuma8(image) => image.as_raw()[part].iter().map(|v| f32::from(*v)).collect(),
            DynamicImage::ImageRgb8(image) => image.as_raw()[part].iter().map(|v| f32::from(*v)).collect(),
            DynamicImage::ImageLuma16(image) => image.as_raw()[part].iter().map(|v| f32::from(*v)).collect(),
            DynamicImage::ImageRgb16(image) => image.as_raw()[part].iter().map(|v| f32::from(*v)).collect(),
            _ => Vec::new(),
        })
    }
}
