//! A measured image on the device, where examples are cut from it and turned: the host says where, and no pixel leaves the device. Of
//! panels that are too large for that the host keeps what is not 0, and cuts the genes itself.

use super::measured::MeasuredImage;
use crate::section::{Raster, SparseRaster};
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::{Rng, RngExt};

/// A measured image on the device.
#[derive(Clone, Debug)]
pub(super) struct Pixels {
    genes: Genes,
    /// What all genes share: [2 + components, rows · cols].
    shared: Tensor<2>,
    /// Their size, mirrored beyond the edge as far as windows reach.
    shape: (usize, usize),
    /// What they share as an image on the host, without the genes.
    image: MeasuredImage,
}

/// The genes' values, of images as large as windows reach.
#[derive(Clone, Debug)]
enum Genes {
    /// One image after the other.
    OnDevice(Box<Tensor<1>>),
    OnHost(Vec<SparseRaster>),
}

/// The most values of a panel that lie on the device: 512 MiB.
const MOST_ON_DEVICE: usize = 1 << 27;

/// Where an example lies: its pixel (i, j) is at `start` + i · `down` + j · `right` of each image.
pub(super) struct Place {
    gene: usize,
    start: i64,
    down: i64,
    right: i64,
}

impl Pixels {
    /// `image` on `device`, as large as `shape`.
    pub(super) fn new(image: MeasuredImage, shape: (usize, usize), device: &Device) -> Self {
        Self::with(image, shape, device, MOST_ON_DEVICE)
    }

    /// The same with at most `most` values of genes on the device.
    fn with(mut image: MeasuredImage, shape: (usize, usize), device: &Device, most: usize) -> Self {
        let bins = shape.0 * shape.1;
        let shared: Vec<f32> = image.shared().flat_map(|channel| channel.window((0, 0), shape).into_values()).collect();
        let shared = TensorData::new(shared, [2 + image.components.len(), bins]);
        let genes = std::mem::take(&mut image.genes);
        let values = bins * genes.len();
        // One by one: a panel is not held twice.
        let windows = genes.into_iter().map(|gene| gene.raster().window((0, 0), shape));
        let genes = if values > most {
            Genes::OnHost(windows.map(|window| SparseRaster::from(&window)).collect())
        } else {
            let pixels: Vec<f32> = windows.flat_map(Raster::into_values).collect();
            Genes::OnDevice(Box::new(Tensor::from_data(TensorData::new(pixels, [values]), device)))
        };
        Pixels { genes, shared: Tensor::from_data(shared, device), shape, image }
    }

    /// Channels of an example: the gene's values, and what all genes share.
    #[cfg(feature = "gpu")]
    pub(super) fn channels(&self) -> usize {
        1 + self.shared.dims()[0]
    }

    /// Number of genes.
    pub(super) fn genes(&self) -> usize {
        match &self.genes {
            Genes::OnDevice(values) => values.dims()[0] / (self.shape.0 * self.shape.1),
            Genes::OnHost(genes) => genes.len(),
        }
    }

    /// The size of the image.
    pub(super) fn image_shape(&self) -> (usize, usize) {
        self.image.tissue.shape()
    }

    /// The image of one gene, back on the host.
    pub(super) fn image(&self, gene: usize) -> MeasuredImage {
        let bins = self.shape.0 * self.shape.1;
        let values: Vec<f32> = match &self.genes {
            Genes::OnDevice(values) => {
                values.as_ref().clone().narrow(0, gene * bins, bins).into_data().iter::<f32>().collect()
            }
            Genes::OnHost(genes) => genes[gene].raster().into_values(),
        };
        let (rows, cols) = self.image_shape();
        let values = Raster::from_fn(rows, cols, |row, col| values[row * self.shape.1 + col]);
        self.image.clone().with(&values, 1.0)
    }

    /// Where the losses look.
    pub(super) fn learned(&self) -> &Raster<f32> {
        &self.image.learned
    }

    /// The bins of a gene that are not 0, by row × columns + column.
    pub(super) fn bins(&self, gene: usize) -> Vec<(usize, f64)> {
        let values = self.image(gene).genes[0].raster();
        let bins = values.values().iter().enumerate().filter(|(_, value)| **value != 0.0);
        bins.map(|(bin, value)| (bin, f64::from(*value))).collect()
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
        let device = self.shared.device();
        let numbers = TensorData::new(self.numbers(places), [4 * places.len()]);
        let numbers = Tensor::from_data(numbers, &device);
        let Genes::OnHost(genes) = &self.genes else { return self.cut_at(numbers, (rows, cols)) };
        let values = places.iter().flat_map(|place| place.pixels(rows, cols).map(|at| genes[place.gene].at(at)));
        let values = TensorData::new(values.collect::<Vec<f32>>(), [places.len() * rows * cols]);
        self.cut_with(numbers, (rows, cols), |_, _| Tensor::from_data(values, &device))
    }

    /// Of each place four numbers that say where it lies.
    pub(super) fn numbers(&self, places: &[Place]) -> Vec<i32> {
        // Where the values of all genes would be too many for the device to count them.
        let bins = if self.on_device() { (self.shape.0 * self.shape.1) as i64 } else { 0 };
        let of = |place: &Place| [place.start, place.down, place.right, place.gene as i64 * bins].map(|n| n as i32);
        places.iter().flat_map(of).collect()
    }

    /// Whether the genes' values are on the device as well.
    pub(super) fn on_device(&self) -> bool {
        matches!(self.genes, Genes::OnDevice(_))
    }

    /// [`Pixels::cut`] at places whose [`Pixels::numbers`] are on the device, where the genes' values are.
    ///
    /// # Shapes
    ///
    /// - numbers: `[4 · places]`
    pub(super) fn cut_at(&self, numbers: Tensor<1, Int>, shape: (usize, usize)) -> Tensor<4> {
        let Genes::OnDevice(values) = &self.genes else { unreachable!("the host cuts its values itself") };
        self.cut_with(numbers, shape, |at, gene| values.as_ref().clone().select(0, (at + gene).flatten(0, 2)))
    }

    /// The examples, with what `values` gives of the place of each pixel in the image and of where the gene's image begins.
    fn cut_with(
        &self,
        numbers: Tensor<1, Int>,
        (rows, cols): (usize, usize),
        values: impl FnOnce(Tensor<3, Int>, Tensor<3, Int>) -> Tensor<1>,
    ) -> Tensor<4> {
        let (count, device) = (numbers.dims()[0] / 4, self.shared.device());
        let numbers = numbers.reshape([count, 4, 1]);
        let number = |which: usize| numbers.clone().narrow(1, which, 1);
        let steps = |length: usize| Tensor::<1, Int>::arange(0..length as i64, &device);

        let down = steps(rows).reshape([1, rows, 1]) * number(1);
        let right = steps(cols).reshape([1, 1, cols]) * number(2);
        let at = number(0) + down + right;
        let values = values(at.clone(), number(3)).reshape([count, 1, rows, cols]);
        let channels = self.shared.dims()[0];
        let shared = self.shared.clone().select(1, at.flatten(0, 2)).reshape([channels, count, rows, cols]);
        Tensor::cat(vec![values, shared.swap_dims(0, 1)], 1)
    }
}

impl Place {
    /// Where its pixels lie in each image, row by row.
    fn pixels(&self, rows: usize, cols: usize) -> impl Iterator<Item = usize> + '_ {
        (0..(rows * cols) as i64).map(move |i| {
            let (row, col) = (i / cols as i64, i % cols as i64);
            (self.start + row * self.down + col * self.right) as usize
        })
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
        for most in [0, MOST_ON_DEVICE] {
            let pixels = Pixels::with(image.clone(), (8, 8), &Device::flex(), most);
            let cut = pixels.cut(&[pixels.place(0, (0, 0), (8, 8), Turn::NONE)], (8, 8));
            assert_eq!(cut.into_data(), image.window(&values, (0, 0), (8, 8), &Device::flex()).into_data());
            assert_eq!(pixels.image(0).genes, image.genes);
        }
    }

    /// What is cut, on the device or on the host, is what lies in the images, pixel by pixel, for every turn, gene and component.
    #[test]
    fn every_turn_cuts_the_pixels_it_says() {
        let channel = |of: usize| Raster::from_fn(9, 7, |row, col| (of * 10_000 + row * 100 + col) as f32);
        let inside = Raster::from_fn(9, 7, |row, col| row != col);
        let image = MeasuredImage::new(&inside, &inside.map(|_| false)).guided(vec![channel(3), channel(4)]);
        let image = image.with(&channel(1), 1.0).with(&channel(2), 1.0);
        let of_most = |most: usize| Pixels::with(image.clone(), (9, 7), &Device::flex(), most);
        let (on_device, on_host) = (of_most(MOST_ON_DEVICE), of_most(0));
        assert_eq!((on_device.genes(), on_host.genes()), (2, 2));
        let ((top, left), shape) = ((2, 1), (4, 5));
        for (i, pixels) in (0..32).map(|i| (i, if i < 16 { &on_device } else { &on_host })) {
            let (bits, gene) = (i / 2 % 8, i % 2);
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
}
