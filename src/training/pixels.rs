//! A measured image on the device, where examples are cut from it and turned: the host says where, and no pixel leaves the device.

use super::measured::MeasuredImage;
use crate::section::Raster;
use crate::{Error, Result};
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::{Rng, RngExt};

/// A measured image on the device.
#[derive(Clone, Debug)]
pub(super) struct Pixels {
    /// Every gene's values, one image after the other.
    genes: Tensor<1>,
    /// What all genes share: [2 + components, rows · cols].
    shared: Tensor<2>,
    /// Their size, mirrored beyond the edge as far as windows reach.
    shape: (usize, usize),
    /// What they share as an image on the host, without the genes.
    image: MeasuredImage,
}

/// Where an example lies: its pixel (i, j) is at `start` + i · `down` + j · `right` of each image.
pub(super) struct Place {
    gene: usize,
    start: i64,
    down: i64,
    right: i64,
}

impl Pixels {
    /// `image` on `device`, as large as `shape`.
    pub(super) fn new(mut image: MeasuredImage, shape: (usize, usize), device: &Device) -> Result<Self> {
        let (bins, count) = (shape.0 * shape.1, image.genes.len());
        if i32::try_from(bins * count).is_err() {
            return Err(Error::Data(format!(
                "{count} genes of {bins} bins each: more values than one network can be trained on ({} at most). Fit fewer genes jointly",
                i32::MAX
            )));
        }
        let shared: Vec<f32> = image.shared().flat_map(|channel| channel.window((0, 0), shape).into_values()).collect();
        let shared = TensorData::new(shared, [2 + image.components.len(), bins]);
        // One by one: a panel is not held twice.
        let mut values = Vec::with_capacity(bins * count);
        for gene in std::mem::take(&mut image.genes) {
            values.extend_from_slice(gene.window((0, 0), shape).values());
        }
        let genes = Tensor::from_data(TensorData::new(values, [bins * count]), device);
        Ok(Pixels { genes, shared: Tensor::from_data(shared, device), shape, image })
    }

    /// Number of genes.
    pub(super) fn genes(&self) -> usize {
        self.genes.dims()[0] / (self.shape.0 * self.shape.1)
    }

    /// The size of the image.
    pub(super) fn image_shape(&self) -> (usize, usize) {
        self.image.tissue.shape()
    }

    /// The image of one gene, back on the host.
    pub(super) fn image(&self, gene: usize) -> MeasuredImage {
        let bins = self.shape.0 * self.shape.1;
        let values: Vec<f32> = self.genes.clone().narrow(0, gene * bins, bins).into_data().iter::<f32>().collect();
        let (rows, cols) = self.image_shape();
        let values = Raster::from_fn(rows, cols, |row, col| values[row * self.shape.1 + col]);
        self.image.clone().with(&values, 1.0)
    }

    /// The window of a gene at `origin`, turned.
    pub(super) fn place(&self, gene: usize, origin: (usize, usize), shape: (usize, usize), turn: Turn) -> Place {
        let at = |pixel: (usize, usize)| {
            let (row, col) = turn.source(shape, pixel);
            ((origin.0 + row) * self.shape.1 + origin.1 + col) as i64
        };
        // Along a side of one pixel no step is taken.
        let step = |pixel: (usize, usize), length: usize| if length > 1 { at(pixel) - at((0, 0)) } else { 0 };
        let (rows, cols) = if turn.transpose { (shape.1, shape.0) } else { shape };
        Place { gene, start: at((0, 0)), down: step((1, 0), rows), right: step((0, 1), cols) }
    }

    /// The examples [places, 3 + components, rows, cols].
    pub(super) fn cut(&self, places: &[Place], (rows, cols): (usize, usize)) -> Tensor<4> {
        let (count, device) = (places.len(), self.genes.device());
        let bins = (self.shape.0 * self.shape.1) as i64;
        let numbers = places.iter().flat_map(|place| {
            [place.start, place.down, place.right, place.gene as i64 * bins].map(|number| number as i32)
        });
        let numbers = TensorData::new(numbers.collect::<Vec<i32>>(), [count, 4, 1]);
        let numbers = Tensor::<3, Int>::from_data(numbers, &device);
        let number = |which: usize| numbers.clone().narrow(1, which, 1);
        let steps = |length: usize| Tensor::<1, Int>::arange(0..length as i64, &device);

        let down = steps(rows).reshape([1, rows, 1]) * number(1);
        let right = steps(cols).reshape([1, 1, cols]) * number(2);
        let at = number(0) + down + right;
        let of_gene: Tensor<1, Int> = (at.clone() + number(3)).flatten(0, 2);
        let values = self.genes.clone().select(0, of_gene).reshape([count, 1, rows, cols]);
        let channels = self.shared.dims()[0];
        let shared = self.shared.clone().select(1, at.flatten(0, 2)).reshape([channels, count, rows, cols]);
        Tensor::cat(vec![values, shared.swap_dims(0, 1)], 1)
    }
}

/// One of the eight flips and quarter turns of a square.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// Rows become columns.
    pub transpose: bool,
    /// Upside down.
    pub flip_rows: bool,
    /// Mirrored.
    pub flip_cols: bool,
}

impl Turn {
    /// As it lies.
    pub(super) const NONE: Turn = Turn { transpose: false, flip_rows: false, flip_cols: false };

    pub(super) fn random(rng: &mut impl Rng) -> Self {
        Turn { transpose: rng.random(), flip_rows: rng.random(), flip_cols: rng.random() }
    }

    /// Where the turned image of a rows × cols one takes its pixel (row, col) from.
    pub(super) fn source(self, (rows, cols): (usize, usize), (row, col): (usize, usize)) -> (usize, usize) {
        let (row, col) = if self.transpose { (col, row) } else { (row, col) };
        (if self.flip_rows { rows - 1 - row } else { row }, if self.flip_cols { cols - 1 - col } else { col })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_that_reaches_beyond_the_section_is_reflected() {
        let values = Raster::from_fn(3, 4, |row, col| (row * 100 + col) as f32);
        let image = MeasuredImage::new(&values.map(|_| true), &values.map(|_| false)).with(&values, 1.0);
        let pixels = Pixels::new(image.clone(), (8, 8), &Device::flex()).unwrap();
        let cut = pixels.cut(&[pixels.place(0, (0, 0), (8, 8), Turn::NONE)], (8, 8));
        assert_eq!(cut.into_data(), image.window((0, 0), (8, 8), &Device::flex()).into_data());
        assert_eq!(pixels.image(0).genes, image.genes);
    }

    /// What is cut on the device is what lies in the images, pixel by pixel, for every turn, gene and component.
    #[test]
    fn every_turn_cuts_the_pixels_it_says() {
        let channel = |of: usize| Raster::from_fn(9, 7, |row, col| (of * 10_000 + row * 100 + col) as f32);
        let inside = Raster::from_fn(9, 7, |row, col| row != col);
        let image = MeasuredImage::new(&inside, &inside.map(|_| false)).guided(vec![channel(3), channel(4)]);
        let image = image.with(&channel(1), 1.0).with(&channel(2), 1.0);
        let pixels = Pixels::new(image, (9, 7), &Device::flex()).unwrap();
        let ((top, left), shape) = ((2, 1), (4, 5));
        for (bits, gene) in (0..8).flat_map(|bits| [(bits, 0), (bits, 1)]) {
            let turn = Turn { transpose: bits & 1 > 0, flip_rows: bits & 2 > 0, flip_cols: bits & 4 > 0 };
            let (rows, cols) = if turn.transpose { (5, 4) } else { (4, 5) };
            let cut = pixels.cut(&[pixels.place(gene, (top, left), shape, turn)], (rows, cols));
            assert_eq!(cut.dims(), [1, 5, rows, cols]);
            let found: Vec<f32> = cut.into_data().try_into_vec().unwrap();
            for (i, found) in found.into_iter().enumerate() {
                let (r, c) = turn.source(shape, (i / cols % rows, i % cols));
                let at = (top + r, left + c);
                let value = |of: usize| (of * 10_000 + at.0 * 100 + at.1) as f32;
                let tissue = f32::from(u8::from(at.0 != at.1));
                assert_eq!(found, [value(gene + 1), tissue, tissue, value(3), value(4)][i / (rows * cols)]);
            }
        }
    }

    #[test]
    fn more_values_than_a_device_counts_are_an_error() {
        let mut image = MeasuredImage::new(&Raster::filled(64, 64, true), &Raster::filled(64, 64, false));
        image.genes = vec![Raster::filled(0, 0, 0.0); 1 << 20];
        let pixels = Pixels::new(image, (64, 64), &Device::flex());
        assert!(matches!(pixels, Err(Error::Data(text)) if text.contains("1048576 genes of 4096 bins")));
    }
}
