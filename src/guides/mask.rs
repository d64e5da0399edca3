//! Images that say of every place whether it is meant: 0 is no, anything else is yes.

use super::affine::Affine;
use super::source::Source;
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// A mask or an image of labels, and where it lies.
pub(crate) struct Mask {
    source: Source,
    to_um: Affine,
}

impl Mask {
    /// Whether `path` is an image, by its first bytes.
    pub(crate) fn is(path: &Path) -> bool {
        let guessed = image::ImageReader::open(path).and_then(image::ImageReader::with_guessed_format);
        guessed.is_ok_and(|reader| reader.format().is_some())
    }

    /// Opens the first plane of `path`, whose pixels `to_um` leads to µm; without it, the file has to say how large they are.
    pub(crate) fn open(path: &Path, to_um: Option<Affine>) -> Result<Self> {
        let source = Source::open(path)?;
        let to_um = to_um.or_else(|| source.pixel_um.map(|um| Affine::pixels(um, [0.0; 2]))).ok_or_else(|| {
            Error::data(path, "it does not say how large its pixels are. Give --area-transform: µm per pixel, or a file with the map from pixels to µm")
        })?;
        Ok(Mask { source, to_um })
    }

    /// The corners of least and largest x and y in µm of the box around it.
    pub(crate) fn extent(&self) -> [[f64; 2]; 2] {
        let [width, height] = self.source.size.map(|size| size as f64);
        self.to_um.extent(width, height)
    }

    /// Whether each of the `points` (x, y in µm) lies on a pixel that is not 0. Chunks of pixels are read one after the other.
    pub(crate) fn holds(&self, points: &[[f64; 2]]) -> Result<Vec<bool>> {
        let path = &self.source.path;
        let plane = self.source.planes.first().ok_or_else(|| Error::data(path, "no planes in it"))?;
        let pixels = self.source.pixels(plane, 1.0)?;
        let back = self.to_um.inverse().ok_or_else(|| Error::data(path, "its map folds it onto a line"))?;
        let ([width, height], [across, down]) = (pixels.size(), pixels.chunk_size());
        let place = |point: &[f64; 2]| {
            let [x, y] = back.at(*point);
            let within = x >= 0.0 && y >= 0.0 && x < width as f64 && y < height as f64;
            within.then_some([x as usize, y as usize])
        };
        let mut by_chunk: BTreeMap<_, Vec<(usize, [usize; 2])>> = BTreeMap::new();
        for (i, [x, y]) in points.iter().enumerate().filter_map(|(i, point)| Some((i, place(point)?))) {
            by_chunk.entry((y / down, x / across)).or_default().push((i, [x % across, y % down]));
        }
        let mut held = vec![false; points.len()];
        for ((row, column), inside) in by_chunk {
            let samples = pixels.chunk(column, row)?;
            let (each, width) = (pixels.samples(), across.min(width - column * across));
            for (i, [x, y]) in inside {
                held[i] = samples[(y * width + x) * each..][..each].iter().any(|sample| *sample != 0.0);
            }
        }
        Ok(held)
    }
}
