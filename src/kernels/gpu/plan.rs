//! What a pass computes: the network's dimensions, where its parameters lie, the images that go through it, and their tables on
//! the device.

use super::cubes::SHARED;
use super::dense::Dense;
use super::layout::{Film, Hybrid};
use super::products::Products;
use super::tables::{kept, uploaded};
use super::tiles::{Size, TILE, count, extents, tiles};
use burn::tensor::{DType, Shape};
use burn_cubecl::tensor::CubeTensor;

/// The dimensions of a network whose kernels run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Dimensions {
    pub(crate) cascades: usize,
    pub(crate) blocks: usize,
    pub(crate) input_channels: usize,
    pub(crate) channels: usize,
    pub(crate) growth: usize,
    pub(crate) layers: usize,
    pub(crate) window: usize,
    pub(crate) heads: usize,
    pub(crate) alpha: f32,
    pub(crate) few: usize,
    pub(crate) squeezed: usize,
    pub(crate) hidden: usize,
    pub(crate) data_consistency: bool,
    /// Numbers of a gene's embedding, and genes that have one.
    pub(crate) embedding: usize,
    pub(crate) genes: usize,
    /// How the network multiplies, if the device can.
    pub(crate) products: Products,
}

impl Dimensions {
    /// Whether the kernels can compute such a network.
    pub(crate) fn fit(&self) -> bool {
        let (c, n, d) = (self.channels, self.window * self.window, self.channels / self.heads);
        // What attention_gradient and `dense_end` keep in shared memory.
        let attention = 4 * n * (2 * c + 5 * d + 2);
        let convolutions = 4 * self.dense().end_len();
        attention <= SHARED && convolutions <= SHARED && n <= 256 && c <= 256 && self.hidden <= 1024
    }

    /// Whether bf16 numbers of all channels go by twos.
    pub(crate) fn even(&self) -> bool {
        [self.channels, self.growth, self.few].iter().all(|channels| channels.is_multiple_of(2))
    }

    pub(super) fn dense(&self) -> Dense {
        let Dimensions { blocks, channels, growth, layers, products, .. } = *self;
        Dense { channels, growth, layers, source: (blocks + 1) * channels, products }
    }

    pub(super) fn hybrid(&self) -> Hybrid {
        let Dimensions { channels, heads, window, few, squeezed, hidden, products, .. } = *self;
        let hybrid = Hybrid { channels, heads, window, few, squeezed, hidden, products };
        if hybrid.in_rows() { hybrid } else { Hybrid { products: Products { matrices: false, ..products }, ..hybrid } }
    }

    /// Where the second convolution of a stage begins in its parameters.
    pub(super) fn shallow2(&self) -> usize {
        (9 * self.input_channels + 1) * self.channels
    }

    /// Where a block begins.
    pub(super) fn block(&self, number: usize) -> usize {
        let each = self.dense().parameters() + 2 * self.hybrid().parameters();
        self.shallow2() + (9 * self.channels + 1) * self.channels + number * each
    }

    /// Where the 1×1 fusion of all blocks begins.
    pub(super) fn global_fusion1(&self) -> usize {
        self.block(self.blocks)
    }

    /// Where the convolution behind it begins.
    pub(super) fn global_fusion2(&self) -> usize {
        self.global_fusion1() + (self.blocks * self.channels + 1) * self.channels
    }

    /// Where the last convolution begins.
    pub(super) fn reconstruct(&self) -> usize {
        self.global_fusion2() + (9 * self.channels + 1) * self.channels
    }

    /// Where the weights begin by which embeddings scale and shift features.
    pub(super) fn films(&self) -> usize {
        self.reconstruct() + 9 * self.channels + 1
    }

    pub(super) fn film(&self) -> Film {
        let Dimensions { cascades, blocks, channels, embedding, .. } = *self;
        Film { channels, cascades, sites: blocks + 2, embedding, stage: self.stage(), first: self.films() }
    }

    /// Parameters of a stage.
    pub(super) fn stage(&self) -> usize {
        self.films() + (self.blocks + 2) * 2 * self.channels * self.embedding
    }

    /// Where the table of embeddings begins.
    pub(super) fn table(&self) -> usize {
        self.cascades * self.stage()
    }

    /// Parameters of the network.
    pub(super) fn parameters(&self) -> usize {
        self.table() + self.genes * self.embedding
    }
}

/// A pass of some images through a network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) dimensions: Dimensions,
    /// Of the images, whose pixels lie one image behind the other; multiples of the window's side.
    pub(crate) images: Vec<Size>,
    /// Of each image the gene; `None` for one that the network does not know.
    pub(crate) genes: Vec<Option<usize>>,
}

/// The numbers of these genes, as kernels take them of a network that knows so many: that number where it does not know one.
pub(crate) fn gene_numbers(genes: &[Option<usize>], known: usize) -> impl Iterator<Item = usize> {
    genes.iter().map(move |gene| gene.unwrap_or(known))
}

impl Plan {
    /// Pixels of all images.
    pub(crate) fn pixels(&self) -> usize {
        self.images.iter().map(|(height, width)| height * width).sum()
    }
}

/// A table on the device, and how many entries it has.
pub(super) struct Table {
    pub(super) buffer: CubeTensor,
    pub(super) count: usize,
}

/// The embeddings of a pass.
pub(super) struct Films {
    /// Of each image the gene; how many there are for one that the network does not know.
    pub(super) genes: Table,
    /// `[images, embedding]`
    pub(super) embedded: CubeTensor,
    /// `[images, cascades, sites, 2, channels]`: scales and shifts; in the backward pass their gradients take their place.
    pub(super) affine: CubeTensor,
}

/// What the kernels of a pass read besides activations.
pub(super) struct Pass {
    pub(super) plan: Dimensions,
    pub(super) weights: CubeTensor,
    /// `[pixels, 1 + input_channels]`: measurement, mask, guides.
    pub(super) images: CubeTensor,
    pub(super) pixels: usize,
    pub(super) tiles: Table,
    pub(super) windows: Table,
    pub(super) extents: Table,
    pub(super) films: Option<Films>,
}

impl Pass {
    /// A pass of images of the plan's genes.
    pub(super) fn new(plan: &Plan, images: CubeTensor, weights: CubeTensor) -> Self {
        let known = plan.dimensions.genes;
        let numbers = || gene_numbers(&plan.genes, known).map(|gene| gene as u32).collect::<Vec<u32>>();
        let genes = (known > 0).then(|| uploaded(&images, &numbers()));
        Pass::with(plan, images, weights, genes)
    }

    /// A pass of images of the genes whose [`gene_numbers`] are in this buffer.
    pub(super) fn of_genes(plan: &Plan, images: CubeTensor, weights: CubeTensor, genes: CubeTensor) -> Self {
        Pass::with(plan, images, weights, Some(genes).filter(|_| plan.dimensions.genes > 0))
    }

    fn with(plan: &Plan, images: CubeTensor, weights: CubeTensor, genes: Option<CubeTensor>) -> Self {
        let of = &plan.images;
        let (tiled, windowed) = (tiles(of, TILE), tiles(of, plan.dimensions.window));
        let (tile_count, window_count) = (count(&tiled), count(&windowed));
        let table = |values: Vec<u32>, count: usize| Table { buffer: kept(&images, values), count };
        let products = plan.dimensions.products.on(images.client.properties());
        let pass = Pass {
            plan: Dimensions { products, ..plan.dimensions },
            tiles: table(tiled, tile_count),
            windows: table(windowed, window_count),
            extents: table(extents(of), of.len()),
            pixels: plan.pixels(),
            films: None,
            weights,
            images,
        };
        let genes = genes.map(|buffer| Table { buffer, count: of.len() });
        Pass { films: genes.map(|genes| pass.films(genes)), ..pass }
    }

    /// A new buffer of so many numbers.
    pub(super) fn empty(&self, numbers: usize) -> CubeTensor {
        let handle = self.weights.client.empty(numbers * size_of::<f32>());
        let (client, device) = (self.weights.client.clone(), self.weights.device.clone());
        CubeTensor::new_contiguous(client, device, Shape::from([numbers]), handle, DType::F32)
    }

    /// A new buffer of so many words.
    pub(super) fn words(&self, count: usize) -> CubeTensor {
        let CubeTensor { client, device, handle, .. } = self.empty(count);
        CubeTensor::new_contiguous(client, device, Shape::from([count]), handle, DType::U32)
    }

    /// A new buffer of so many numbers for each pixel.
    pub(super) fn image(&self, channels: usize) -> CubeTensor {
        self.empty(self.pixels * channels)
    }
}
