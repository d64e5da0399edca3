//! The section as a network is shown it: the same for all genes that share the network.

use super::config::PredictConfig;
use super::tiles::{Tile, tiles};
use crate::Result;
use crate::dataset::Dataset;
use crate::network::{Cdcin, Ensemble, InputConfig, KeptGuides};
use crate::section::Raster;
use crate::training::{MeasuredImage, ModelMetadata};
use burn::tensor::{Device, Tensor};

/// Tissue, components and stains in the windows that a network is shown, and what guides it there.
pub(super) struct Scene<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) config: &'a PredictConfig,
    image: MeasuredImage,
    input: InputConfig,
    /// Windows that go through the network together, and in measured bins their height and width.
    batches: Vec<Vec<Tile>>,
    shape: (usize, usize),
    /// In each batch.
    guides: KeptGuides,
    device: Device,
}

impl<'a> Scene<'a> {
    /// For the network with this `metadata` and so many of its genes.
    pub(super) fn new(
        dataset: &'a Dataset,
        config: &'a PredictConfig,
        metadata: &ModelMetadata,
        genes: usize,
        device: &Device,
    ) -> Result<Self> {
        let input = metadata.input.clone();
        let tissue = dataset.measured_tissue();
        let nothing_held = tissue.map(|_| false);
        let image = MeasuredImage::new(&tissue, &nothing_held)
            .guided(dataset.components(input.components)?)
            .stained(dataset, input.stains)?;
        let image = if config.network_guides { image } else { image.without_stains(input.components) };
        let (rows, cols) = image.tissue.shape();
        let (batches, shape) = match metadata.window {
            None => (vec![vec![Tile { row: 0, col: 0 }]], (rows, cols)),
            Some(window) => {
                let scale = input.factor();
                let side = window / scale;
                let all = tiles(rows, cols, side, config.overlap.div_ceil(scale).min(side - 1));
                (all.chunks(config.batch).map(<[Tile]>::to_vec).collect(), (side, side))
            }
        };
        let guides = KeptGuides::new(batches.len(), genes);
        Ok(Scene { dataset, config, image, input, batches, shape, guides, device: device.clone() })
    }

    /// The windows, as they go through the network together.
    pub(super) fn batches(&self) -> &[Vec<Tile>] {
        &self.batches
    }

    /// What `net` predicts of a gene with these measured `values` in the windows of a batch.
    pub(super) fn predict(&self, net: &Cdcin, values: &Raster<f32>, batch: usize) -> Ensemble {
        let window = |tile: &Tile| self.image.window(values, (tile.row, tile.col), self.shape, &self.device);
        let windows = Tensor::cat(self.batches[batch].iter().map(window).collect(), 0);
        let stains = self.input.stains_between(&windows);
        self.guides.predict(batch, net, &self.input, &windows, stains, self.config.turns)
    }
}
