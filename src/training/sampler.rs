//! Training examples of the section, drawn on the sampling lattice.

use super::measured::MeasuredImage;
use super::pixels::{Pixels, Place, Turn};
use super::structure::structure;
use super::thinning::Thinning;
use crate::dataset::Patch;
use crate::section::Scale;
#[cfg(feature = "gpu")]
use burn::tensor::Int;
use burn::tensor::{Device, Tensor, TensorData};
use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand::{Rng, RngExt};

/// Draws training examples from one measured image: each of a gene of it. Its pixels lie on the device and are cut and
/// turned there.
#[derive(Clone, Debug)]
pub struct Sampler {
    pixels: Pixels,
    scale: usize,
    windows: Windows,
    /// How measured bins are dropped where they lie on no lattice.
    thinning: Option<Thinning>,
    /// How often each gene is drawn, if not evenly.
    structure: Option<WeightedIndex<f64>>,
}

/// Where examples are cut.
#[derive(Clone, Debug)]
enum Windows {
    /// Squares of `side` measured bins with these origins.
    Patches { side: usize, origins: Vec<(usize, usize)> },
    /// The whole image.
    Whole,
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

/// What was drawn of a batch.
struct Drawn {
    places: Vec<Place>,
    /// The shape of the examples, turned.
    shape: (usize, usize),
    genes: Vec<usize>,
    /// Of each example the bins that its sparser image keeps, where measured bins lie on no lattice.
    masks: Vec<f32>,
}

/// What tells one batch from another of its shape.
#[cfg(feature = "gpu")]
#[derive(Default)]
pub(super) struct Told {
    /// The shape of the examples, turned.
    pub(super) shape: (usize, usize),
    pub(super) genes: Vec<usize>,
    /// Where they lie: four numbers of each.
    pub(super) numbers: Vec<i32>,
    /// Of each the bins that its sparser image keeps, where measured bins lie on no lattice.
    pub(super) masks: Vec<f32>,
}

impl Sampler {
    /// Cuts the dataset's P×P patches: P/S × P/S measured bins each, reflected where the section is smaller.
    pub fn patches(image: MeasuredImage, patches: &[Patch], side: usize, scale: Scale, device: &Device) -> Self {
        let s = scale.get();
        let origins = patches.iter().map(|patch| (patch.row / s, patch.col / s)).collect();
        Sampler::new(image, s, Windows::Patches { side: side / s, origins }, None, device)
    }

    /// Takes the whole section every time, on each of the S² phases of the sparser lattice.
    pub fn whole(image: MeasuredImage, scale: Scale, device: &Device) -> Self {
        Sampler::new(image, scale.get(), Windows::Whole, None, device)
    }

    /// Cuts these patches of the whole grid, or takes all of it, where the measured bins lie on no lattice: the last channel of
    /// every example is then 1 at the bins that its sparser image keeps.
    pub fn scattered(
        image: MeasuredImage,
        patches: Option<(&[Patch], usize)>,
        thinning: Thinning,
        device: &Device,
    ) -> Self {
        let windows = match patches {
            None => Windows::Whole,
            Some((patches, side)) => {
                Windows::Patches { side, origins: patches.iter().map(|patch| (patch.row, patch.col)).collect() }
            }
        };
        Sampler::new(image, 1, windows, Some(thinning), device)
    }

    fn new(image: MeasuredImage, scale: usize, windows: Windows, thinning: Option<Thinning>, device: &Device) -> Self {
        let shape = windows.reach(image.tissue.shape());
        Sampler { pixels: Pixels::new(image, shape, device), scale, windows, thinning, structure: None }
    }

    /// The same, of which a `share` of the examples is of genes drawn by the structure of their maps.
    pub(super) fn by_structure(self, share: f64) -> Self {
        let structure = Some(share).filter(|share| *share > 0.0).and_then(|share| structure(&self.pixels, share));
        Sampler { structure, ..self }
    }

    /// The image of one gene that examples are cut from.
    pub fn image(&self, gene: usize) -> MeasuredImage {
        self.pixels.image(gene)
    }

    /// Number of examples that one epoch visits: every place for every gene.
    pub fn places(&self) -> usize {
        let windows = match &self.windows {
            Windows::Patches { origins, .. } => origins.len(),
            Windows::Whole => 1,
        };
        windows * self.pixels.genes()
    }

    fn gene(&self, rng: &mut impl Rng) -> usize {
        // A single gene takes no number from the stream.
        match (self.pixels.genes(), &self.structure) {
            (1, _) => 0,
            (_, Some(structure)) => structure.sample(rng),
            (several, None) => rng.random_range(0..several),
        }
    }

    /// `count` random examples [count, 3 + components, h, w] (values, tissue, where to look, components) in random flips and quarter turns,
    /// and which gene each is of.
    pub fn batch(&self, count: usize, rng: &mut impl Rng) -> (Tensor<4>, Vec<usize>) {
        let Drawn { places, shape, genes, masks } = self.draw(count, rng);
        let examples = self.pixels.cut(&places, shape);
        if self.thinning.is_none() {
            return (examples, genes);
        }
        let masks = Tensor::from_data(TensorData::new(masks, [count * shape.0 * shape.1]), &examples.device());
        (with_masks(examples, masks), genes)
    }

    /// Whether batches are cut from what lies on the device, so that four numbers an example, and its mask where it has one, tell one from
    /// another of the same shape.
    #[cfg(feature = "gpu")]
    pub(super) fn repeats(&self) -> bool {
        self.pixels.on_device()
    }

    /// Whether all examples have one shape.
    #[cfg(feature = "gpu")]
    pub(super) fn has_one_shape(&self) -> bool {
        matches!(self.windows, Windows::Patches { .. })
    }

    /// What tells the examples that [`Sampler::batch`] would give, where batches repeat.
    #[cfg(feature = "gpu")]
    pub(super) fn told(&self, count: usize, rng: &mut impl Rng) -> Told {
        let Drawn { places, shape, genes, masks } = self.draw(count, rng);
        Told { shape, genes, numbers: self.pixels.numbers(&places), masks }
    }

    /// Channels of an example.
    #[cfg(feature = "gpu")]
    pub(super) fn channels(&self) -> usize {
        self.pixels.channels() + usize::from(self.thinning.is_some())
    }

    /// The examples of such a shape, of these numbers, and of these masks where they have some, which are on the device.
    #[cfg(feature = "gpu")]
    pub(super) fn examples(
        &self,
        shape: (usize, usize),
        numbers: Tensor<1, Int>,
        masks: Option<Tensor<1>>,
    ) -> Tensor<4> {
        let examples = self.pixels.cut_at(numbers, shape);
        match masks {
            Some(masks) => with_masks(examples, masks),
            None => examples,
        }
    }

    fn draw(&self, count: usize, rng: &mut impl Rng) -> Drawn {
        let Frame { origin, shape, transpose } = self.frame(rng);
        let (mut places, mut genes, mut masks) = (Vec::with_capacity(count), Vec::with_capacity(count), Vec::new());
        let mut turned = shape;
        for _ in 0..count {
            let origin = origin.unwrap_or_else(|| self.windows.origin(rng));
            let turn = Turn::random(rng);
            let turn = Turn { transpose: transpose.unwrap_or(turn.transpose), ..turn };
            turned = if turn.transpose { (shape.1, shape.0) } else { shape };
            let gene = self.gene(rng);
            genes.push(gene);
            places.push(self.pixels.place(gene, origin, shape, turn));
            if let Some(thinning) = &self.thinning {
                masks.extend(thinning.window(origin, shape, turn, rng));
            }
        }
        Drawn { places, shape: turned, genes, masks }
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
        let (rows, cols) = self.pixels.image_shape();
        let ((top, height), (left, width)) = (phase(rows), phase(cols));
        let transpose = rng.random_range(0..2) == 1;
        Frame { origin: Some((top, left)), shape: (height, width), transpose: Some(transpose) }
    }
}

/// Examples `[b, ·, h, w]` with their masks `[b · h · w]` behind the other channels.
fn with_masks(examples: Tensor<4>, masks: Tensor<1>) -> Tensor<4> {
    let [count, _, rows, cols] = examples.dims();
    Tensor::cat(vec![examples, masks.reshape([count, 1, rows, cols])], 1)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::Raster;
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    #[test]
    fn every_phase_and_turn_of_the_whole_image_is_drawn() {
        let values = Raster::from_fn(5, 7, |row, col| (row * 100 + col) as f32);
        let image = MeasuredImage::new(&values.map(|_| true), &values.map(|_| false)).with(&values, 1.0);
        let sampler = Sampler::whole(image, Scale::new(2).unwrap(), &Device::flex());
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut corners = std::collections::BTreeSet::new();
        for _ in 0..400 {
            let (batch, _) = sampler.batch(2, &mut rng);
            let [b, c, h, w] = batch.dims();
            assert!(b == 2 && c == 3 && h % 2 == 0 && w % 2 == 0);
            let first: Vec<f32> = batch.into_data().try_into_vec().unwrap();
            corners.insert(first[0] as u32);
        }
        // Four corners of four phases: rows 0, 1, 3, 4 and columns 0, 1, 5, 6.
        let expected = [0, 1, 3, 4].iter().flat_map(|r| [0, 1, 5, 6].map(|c| r * 100 + c)).collect();
        assert_eq!(corners, expected);
    }
}
