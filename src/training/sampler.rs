//! Training examples of the section, cut and turned on the sampling lattice.
//!
//! Only the measured image X_m is ever held here, so that no flip or turn can move the lattice onto a bin that was
//! never measured (§8.1 of the method).

use super::thinning::kept;
use crate::dataset::Patch;
use crate::section::{Raster, Scale};
use crate::{Error, Result};
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::{Rng, RngExt};

/// The measured bins of a section as an image of their own, for one gene or several.
#[derive(Clone, Debug)]
pub struct MeasuredImage {
    /// For each gene its values divided by its scale, 0 outside the tissue.
    pub genes: Vec<Raster<f32>>,
    /// 1 inside the tissue, else 0.
    pub tissue: Raster<f32>,
    /// 1 where the losses look: inside the tissue, but not where bins are held out.
    pub learned: Raster<f32>,
    /// Further measured images that guide every gene, 0 outside the tissue.
    pub components: Vec<Raster<f32>>,
}

impl MeasuredImage {
    /// The image of the measured bins' tissue flags and the bins held out, still without a gene.
    pub fn new(tissue: &Raster<bool>, held: &Raster<bool>) -> Self {
        let learned = Raster::from_fn(tissue.rows(), tissue.cols(), |row, col| {
            f32::from(u8::from(tissue[(row, col)] && !held[(row, col)]))
        });
        let tissue = tissue.map(|&inside| f32::from(u8::from(inside)));
        MeasuredImage { genes: Vec::new(), tissue, learned, components: Vec::new() }
    }

    /// The same with these images as guides.
    pub fn guided(self, components: Vec<Raster<f32>>) -> Self {
        MeasuredImage { components, ..self }
    }

    /// The same with a further gene of these `values`, divided by `scale`.
    pub fn with(mut self, values: &Raster<f32>, scale: f32) -> Self {
        self.genes.push(values.map(|value| value / scale));
        self
    }

    /// The window of `shape` at `origin` of the first gene, as a tensor [1, 3 + components, h, w]; beyond the edge the image is mirrored.
    pub fn window(&self, origin: (usize, usize), (height, width): (usize, usize), device: &Device) -> Tensor<4> {
        let channels = [&self.genes[0]].into_iter().chain(self.shared());
        let pixels: Vec<f32> = channels.flat_map(|channel| mirrored(channel, origin, (height, width))).collect();
        Tensor::from_data(TensorData::new(pixels, [1, 3 + self.components.len(), height, width]), device)
    }

    /// What all genes share: tissue, where the losses look, and the components.
    fn shared(&self) -> impl Iterator<Item = &Raster<f32>> {
        [&self.tissue, &self.learned].into_iter().chain(&self.components)
    }
}

/// The window of `shape` at `origin`, row by row; beyond the edge the image is mirrored.
fn mirrored(image: &Raster<f32>, origin: (usize, usize), shape: (usize, usize)) -> Vec<f32> {
    let at = |row: usize, col: usize| (reflect(origin.0 + row, image.rows()), reflect(origin.1 + col, image.cols()));
    (0..shape.0 * shape.1).map(|i| image[at(i / shape.1, i % shape.1)]).collect()
}

/// Draws training examples from one measured image: each of a gene of it. Its pixels lie on the device and are cut and
/// turned there.
#[derive(Clone, Debug)]
pub struct Sampler {
    image: MeasuredImage,
    pixels: Pixels,
    scale: usize,
    windows: Windows,
    /// The share of measured bins where they lie on no lattice.
    rate: Option<f64>,
}

/// Where examples are cut.
#[derive(Clone, Debug)]
enum Windows {
    /// Squares of `side` measured bins with these origins.
    Patches { side: usize, origins: Vec<(usize, usize)> },
    /// The whole image.
    Whole,
}

/// One of the eight flips and quarter turns of a square.
#[derive(Clone, Copy, Debug)]
struct Turn {
    transpose: bool,
    flip_rows: bool,
    flip_cols: bool,
}

impl Turn {
    fn random(rng: &mut impl Rng) -> Self {
        Turn { transpose: rng.random(), flip_rows: rng.random(), flip_cols: rng.random() }
    }

    /// Where the turned image of a rows × cols one takes its pixel (row, col) from.
    fn source(self, (rows, cols): (usize, usize), (row, col): (usize, usize)) -> (usize, usize) {
        let (row, col) = if self.transpose { (col, row) } else { (row, col) };
        (if self.flip_rows { rows - 1 - row } else { row }, if self.flip_cols { cols - 1 - col } else { col })
    }
}

/// What the examples of a batch have in common.
struct Frame {
    /// Their place, if it is the same for all.
    origin: Option<(usize, usize)>,
    /// Their shape before they are turned.
    shape: (usize, usize),
    /// Whether rows become columns, if that is the same for all.
    transpose: Option<bool>,
}

impl Sampler {
    /// Cuts the dataset's P×P patches: P/S × P/S measured bins each, reflected where the section is smaller.
    ///
    /// This and the others: [`Error::Data`] for more bins times genes than can be counted on a device.
    pub fn patches(
        image: MeasuredImage,
        patches: &[Patch],
        side: usize,
        scale: Scale,
        device: &Device,
    ) -> Result<Self> {
        let s = scale.get();
        let origins = patches.iter().map(|patch| (patch.row / s, patch.col / s)).collect();
        Sampler::new(image, s, Windows::Patches { side: side / s, origins }, None, device)
    }

    /// Takes the whole section every time, on each of the S² phases of the sparser lattice.
    pub fn whole(image: MeasuredImage, scale: Scale, device: &Device) -> Result<Self> {
        Sampler::new(image, scale.get(), Windows::Whole, None, device)
    }

    /// Cuts these patches of the whole grid, or takes all of it, where the measured bins lie on no lattice and are `rate`
    /// of all: the last channel of every example is then 1 at the bins that its sparser image keeps.
    pub fn scattered(
        image: MeasuredImage,
        patches: Option<(&[Patch], usize)>,
        rate: f64,
        device: &Device,
    ) -> Result<Self> {
        let windows = match patches {
            None => Windows::Whole,
            Some((patches, side)) => {
                Windows::Patches { side, origins: patches.iter().map(|patch| (patch.row, patch.col)).collect() }
            }
        };
        Sampler::new(image, 1, windows, Some(rate), device)
    }

    fn new(image: MeasuredImage, scale: usize, windows: Windows, rate: Option<f64>, device: &Device) -> Result<Self> {
        let pixels = Pixels::new(&image, windows.reach(image.tissue.shape()), device)?;
        Ok(Sampler { image, pixels, scale, windows, rate })
    }

    /// The image that examples are cut from.
    pub fn image(&self) -> &MeasuredImage {
        &self.image
    }

    /// Number of examples that one epoch visits: every place for every gene.
    pub fn places(&self) -> usize {
        let windows = match &self.windows {
            Windows::Patches { origins, .. } => origins.len(),
            Windows::Whole => 1,
        };
        windows * self.image.genes.len()
    }

    fn gene(&self, rng: &mut impl Rng) -> usize {
        // A single gene takes no number from the stream.
        if self.image.genes.len() == 1 { 0 } else { rng.random_range(0..self.image.genes.len()) }
    }

    /// `count` random examples [count, 3 + components, h, w] (values, tissue, where to look, components) in random flips and quarter turns.
    pub fn batch(&self, count: usize, rng: &mut impl Rng) -> Tensor<4> {
        let Frame { origin, shape, transpose } = self.frame(rng);
        let (mut places, mut masks) = (Vec::with_capacity(count), Vec::new());
        let mut turned = shape;
        for _ in 0..count {
            let origin = origin.unwrap_or_else(|| self.windows.origin(rng));
            let turn = Turn::random(rng);
            let turn = Turn { transpose: transpose.unwrap_or(turn.transpose), ..turn };
            turned = if turn.transpose { (shape.1, shape.0) } else { shape };
            places.push(self.pixels.place(self.gene(rng), origin, shape, turn));
            if let Some(rate) = self.rate {
                masks.extend(kept(rate, shape.0 * shape.1, rng));
            }
        }
        let examples = self.pixels.cut(&places, turned);
        if self.rate.is_none() {
            return examples;
        }
        let masks = Tensor::from_data(TensorData::new(masks, [count, 1, turned.0, turned.1]), &examples.device());
        Tensor::cat(vec![examples, masks], 1)
    }

    /// Of the whole image, one random phase and turn for the whole batch, so that all its examples have one shape.
    fn frame(&self, rng: &mut impl Rng) -> Frame {
        if let Windows::Patches { side, .. } = self.windows {
            return Frame { origin: None, shape: (side, side), transpose: None };
        }
        let mut phase = |length: usize| {
            // The phase drops leading rows; what is left is cut to whole blocks of the sparser lattice.
            let first = rng.random_range(0..self.scale.min(length / self.scale));
            (first, (length - first) / self.scale * self.scale)
        };
        let (rows, cols) = self.image.tissue.shape();
        let ((top, height), (left, width)) = (phase(rows), phase(cols));
        let transpose = rng.random_range(0..2) == 1;
        Frame { origin: Some((top, left)), shape: (height, width), transpose: Some(transpose) }
    }
}

impl Windows {
    /// The shape that holds every window, of an image of this shape.
    fn reach(&self, shape: (usize, usize)) -> (usize, usize) {
        match self {
            Windows::Whole => shape,
            Windows::Patches { side, origins } => {
                origins.iter().fold(shape, |(rows, cols), (row, col)| (rows.max(row + side), cols.max(col + side)))
            }
        }
    }

    fn origin(&self, rng: &mut impl Rng) -> (usize, usize) {
        match self {
            Windows::Whole => (0, 0),
            Windows::Patches { origins, .. } => origins[rng.random_range(0..origins.len())],
        }
    }
}

/// A measured image on the device.
#[derive(Clone, Debug)]
struct Pixels {
    /// Every gene's values, one image after the other.
    genes: Tensor<1>,
    /// What all genes share: [2 + components, rows · cols].
    shared: Tensor<2>,
    /// Their size, mirrored beyond the edge as far as windows reach.
    shape: (usize, usize),
}

/// Where an example lies: its pixel (i, j) is at `start` + i · `down` + j · `right` of each image.
struct Place {
    gene: usize,
    start: i64,
    down: i64,
    right: i64,
}

impl Pixels {
    fn new(image: &MeasuredImage, shape: (usize, usize), device: &Device) -> Result<Self> {
        let (bins, genes) = (shape.0 * shape.1, image.genes.len());
        if i32::try_from(bins * genes).is_err() {
            return Err(Error::Data(format!(
                "{genes} genes of {bins} bins each: more values than one network can be trained on ({} at most). Fit fewer genes jointly",
                i32::MAX
            )));
        }
        let all = |channels: &mut dyn Iterator<Item = &Raster<f32>>| -> Vec<f32> {
            channels.flat_map(|channel| mirrored(channel, (0, 0), shape)).collect()
        };
        let shared = TensorData::new(all(&mut image.shared()), [2 + image.components.len(), bins]);
        let values = TensorData::new(all(&mut image.genes.iter()), [genes * bins]);
        Ok(Pixels { genes: Tensor::from_data(values, device), shared: Tensor::from_data(shared, device), shape })
    }

    /// The window of a gene at `origin`, turned.
    fn place(&self, gene: usize, origin: (usize, usize), shape: (usize, usize), turn: Turn) -> Place {
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
    fn cut(&self, places: &[Place], (rows, cols): (usize, usize)) -> Tensor<4> {
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

/// The position inside 0..length that `at` mirrors, without repeating the edge.
fn reflect(at: usize, length: usize) -> usize {
    if length == 1 {
        return 0;
    }
    let period = 2 * (length - 1);
    let at = at % period;
    if at < length { at } else { period - at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    fn image(rows: usize, cols: usize) -> MeasuredImage {
        let values = Raster::from_fn(rows, cols, |row, col| (row * 100 + col) as f32);
        MeasuredImage::new(&values.map(|_| true), &values.map(|_| false)).with(&values, 1.0)
    }

    fn rng(seed: u64) -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(seed)
    }

    #[test]
    fn every_phase_and_turn_of_the_whole_image_is_drawn() {
        let sampler = Sampler::whole(image(5, 7), Scale::new(2).unwrap(), &Device::flex()).unwrap();
        let mut rng = rng(1);
        let mut corners = std::collections::BTreeSet::new();
        for _ in 0..400 {
            let batch = sampler.batch(2, &mut rng);
            let [b, c, h, w] = batch.dims();
            assert!(b == 2 && c == 3 && h % 2 == 0 && w % 2 == 0);
            let first: Vec<f32> = batch.into_data().try_into_vec().unwrap();
            corners.insert(first[0] as u32);
        }
        // Four corners of four phases: rows 0, 1, 3, 4 and columns 0, 1, 5, 6.
        let expected = [0, 1, 3, 4].iter().flat_map(|r| [0, 1, 5, 6].map(|c| r * 100 + c)).collect();
        assert_eq!(corners, expected);
    }

    #[test]
    fn a_patch_larger_than_the_section_is_reflected() {
        let window = image(3, 4).window((0, 0), (8, 8), &Device::flex());
        let pixels: Vec<f32> = window.into_data().try_into_vec().unwrap();
        assert_eq!(pixels[..8], [0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0, 1.0]);
        assert_eq!(pixels[3 * 8], 100.0);
        let patch = Patch { row: 0, col: 0, tissue: 1.0 };
        let turn = Turn { transpose: false, flip_rows: false, flip_cols: false };
        let sampler = Sampler::patches(image(3, 4), &[patch], 16, Scale::new(2).unwrap(), &Device::flex()).unwrap();
        let cut = sampler.pixels.cut(&[sampler.pixels.place(0, (0, 0), (8, 8), turn)], (8, 8));
        assert_eq!(cut.into_data().try_into_vec::<f32>().unwrap(), pixels);
    }

    /// What is cut on the device is what lies in the images, pixel by pixel, for every turn, gene and component.
    #[test]
    fn every_turn_cuts_the_pixels_it_says() {
        let channel = |of: usize| Raster::from_fn(9, 7, |row, col| (of * 10_000 + row * 100 + col) as f32);
        let inside = Raster::from_fn(9, 7, |row, col| row != col);
        let image = MeasuredImage::new(&inside, &inside.map(|_| false)).guided(vec![channel(3), channel(4)]);
        let image = image.with(&channel(1), 1.0).with(&channel(2), 1.0);
        let sampler = Sampler::whole(image, Scale::new(2).unwrap(), &Device::flex()).unwrap();
        let ((top, left), shape) = ((2, 1), (4, 5));
        for (bits, gene) in (0..8).flat_map(|bits| [(bits, 0), (bits, 1)]) {
            let turn = Turn { transpose: bits & 1 > 0, flip_rows: bits & 2 > 0, flip_cols: bits & 4 > 0 };
            let (rows, cols) = if turn.transpose { (5, 4) } else { (4, 5) };
            let cut = sampler.pixels.cut(&[sampler.pixels.place(gene, (top, left), shape, turn)], (rows, cols));
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
        let mut image = image(64, 64);
        image.genes = vec![Raster::filled(0, 0, 0.0); 1 << 20];
        let sampler = Sampler::whole(image, Scale::new(2).unwrap(), &Device::flex());
        assert!(matches!(sampler, Err(Error::Data(text)) if text.contains("1048576 genes of 4096 bins")));
    }
}
