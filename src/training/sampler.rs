//! Training examples of the section, cut and turned on the sampling lattice.
//!
//! Only the measured image X_m is ever held here, so that no flip or turn can move the lattice onto a bin that was
//! never measured (§8.1 of the method).

use super::thinning::kept;
use crate::dataset::Patch;
use crate::section::{Raster, Scale};
use burn::tensor::{Device, Tensor, TensorData};
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
        let pixels = self.pixels(0, origin, (height, width), Turn::NONE);
        Tensor::from_data(TensorData::new(pixels, [1, self.channels(), height, width]), device)
    }

    /// Values, tissue, where the losses look, and the components.
    fn channels(&self) -> usize {
        3 + self.components.len()
    }

    /// The window of a gene at `origin`, turned, channel by channel.
    fn pixels(&self, gene: usize, origin: (usize, usize), shape: (usize, usize), turn: Turn) -> Vec<f32> {
        let (height, width) = if turn.transpose { (shape.1, shape.0) } else { shape };
        let mut pixels = Vec::with_capacity(self.channels() * height * width);
        for channel in [&self.genes[gene], &self.tissue, &self.learned].into_iter().chain(&self.components) {
            for row in 0..height {
                for col in 0..width {
                    let (r, c) = turn.source(shape, (row, col));
                    let at = (reflect(origin.0 + r, channel.rows()), reflect(origin.1 + c, channel.cols()));
                    pixels.push(channel[at]);
                }
            }
        }
        pixels
    }
}

/// Draws training examples from one measured image: each of a gene of it.
#[derive(Clone, Debug)]
pub struct Sampler {
    image: MeasuredImage,
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
    const NONE: Turn = Turn { transpose: false, flip_rows: false, flip_cols: false };

    fn random(rng: &mut impl Rng) -> Self {
        Turn { transpose: rng.random(), flip_rows: rng.random(), flip_cols: rng.random() }
    }

    /// Where the turned image of a rows × cols one takes its pixel (row, col) from.
    fn source(self, (rows, cols): (usize, usize), (row, col): (usize, usize)) -> (usize, usize) {
        let (row, col) = if self.transpose { (col, row) } else { (row, col) };
        (if self.flip_rows { rows - 1 - row } else { row }, if self.flip_cols { cols - 1 - col } else { col })
    }
}

impl Sampler {
    /// Cuts the dataset's P×P patches: P/S × P/S measured bins each, reflected where the section is smaller.
    pub fn patches(image: MeasuredImage, patches: &[Patch], side: usize, scale: Scale) -> Self {
        let s = scale.get();
        let origins = patches.iter().map(|patch| (patch.row / s, patch.col / s)).collect();
        Sampler { image, scale: s, windows: Windows::Patches { side: side / s, origins }, rate: None }
    }

    /// Takes the whole section every time, on each of the S² phases of the sparser lattice.
    pub fn whole(image: MeasuredImage, scale: Scale) -> Self {
        Sampler { image, scale: scale.get(), windows: Windows::Whole, rate: None }
    }

    /// Cuts these patches of the whole grid, or takes all of it, where the measured bins lie on no lattice and are `rate`
    /// of all: the last channel of every example is then 1 at the bins that its sparser image keeps.
    pub fn scattered(image: MeasuredImage, patches: Option<(&[Patch], usize)>, rate: f64) -> Self {
        let windows = match patches {
            None => Windows::Whole,
            Some((patches, side)) => {
                Windows::Patches { side, origins: patches.iter().map(|patch| (patch.row, patch.col)).collect() }
            }
        };
        Sampler { image, scale: 1, windows, rate: Some(rate) }
    }

    /// The image that examples are cut from.
    pub fn image(&self) -> &MeasuredImage {
        &self.image
    }

    /// The pixels of an example, and of the mask of its sparser image where that is drawn.
    fn example(&self, origin: (usize, usize), shape: (usize, usize), turn: Turn, rng: &mut impl Rng) -> Vec<f32> {
        let mut pixels = self.image.pixels(self.gene(rng), origin, shape, turn);
        if let Some(rate) = self.rate {
            pixels.extend(kept(rate, shape.0 * shape.1, rng));
        }
        pixels
    }

    fn channels(&self) -> usize {
        self.image.channels() + usize::from(self.rate.is_some())
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
    pub fn batch(&self, count: usize, rng: &mut impl Rng, device: &Device) -> Tensor<4> {
        match &self.windows {
            Windows::Patches { side, origins } => {
                let examples = (0..count).flat_map(|_| {
                    let origin = origins[rng.random_range(0..origins.len())];
                    let turn = Turn::random(rng);
                    self.example(origin, (*side, *side), turn, rng)
                });
                Tensor::from_data(TensorData::new(examples.collect(), [count, self.channels(), *side, *side]), device)
            }
            Windows::Whole => self.whole_batch(count, rng, device),
        }
    }

    /// One random phase and turn for the whole batch, so that all its examples have one shape.
    fn whole_batch(&self, count: usize, rng: &mut impl Rng, device: &Device) -> Tensor<4> {
        let (rows, cols) = self.image.tissue.shape();
        let phase = |length: usize, rng: &mut dyn FnMut(usize) -> usize| {
            // The phase drops leading rows; what is left is cut to whole blocks of the sparser lattice.
            let first = rng(self.scale.min(length / self.scale));
            (first, (length - first) / self.scale * self.scale)
        };
        let mut draw = |n: usize| rng.random_range(0..n);
        let ((top, height), (left, width)) = (phase(rows, &mut draw), phase(cols, &mut draw));
        let transpose = draw(2) == 1;
        let examples = (0..count).flat_map(|_| {
            let turn = Turn { transpose, ..Turn::random(rng) };
            self.example((top, left), (height, width), turn, rng)
        });
        let (h, w) = if transpose { (width, height) } else { (height, width) };
        Tensor::from_data(TensorData::new(examples.collect(), [count, self.channels(), h, w]), device)
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

    #[test]
    fn every_phase_and_turn_of_the_whole_image_is_drawn() {
        let sampler = Sampler::whole(image(5, 7), Scale::new(2).unwrap());
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut corners = std::collections::BTreeSet::new();
        for _ in 0..400 {
            let batch = sampler.batch(2, &mut rng, &Device::flex());
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
        let patch = Patch { row: 0, col: 0, tissue: 1.0 };
        let sampler = Sampler::patches(image(3, 4), &[patch], 16, Scale::new(2).unwrap());
        let pixels = sampler.image.pixels(0, (0, 0), (8, 8), Turn::NONE);
        assert_eq!(pixels[..8], [0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0, 1.0]);
        assert_eq!(pixels[3 * 8], 100.0);
    }

    #[test]
    fn eight_turns_keep_all_values() {
        let patch = Patch { row: 0, col: 0, tissue: 1.0 };
        let sampler = Sampler::patches(image(4, 4), &[patch], 8, Scale::new(2).unwrap());
        let sorted = |turn| {
            let mut pixels = sampler.image.pixels(0, (0, 0), (4, 4), turn);
            pixels.sort_by(f32::total_cmp);
            pixels
        };
        let plain = sorted(Turn::NONE);
        for bits in 0..8 {
            let turn = Turn { transpose: bits & 1 > 0, flip_rows: bits & 2 > 0, flip_cols: bits & 4 > 0 };
            assert_eq!(sorted(turn), plain);
        }
    }
}
