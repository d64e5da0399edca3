//! What is learned from: the measured bins of a section as an image of their own.
//!
//! Only the measured image X_m is ever held here, so that no flip or turn can move the lattice onto a bin that was
//! never measured (§8.1 of the method).

use crate::section::Raster;
use burn::tensor::{Device, Tensor, TensorData};

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
        let pixels: Vec<f32> =
            channels.flat_map(|channel| channel.window(origin, (height, width)).into_values()).collect();
        Tensor::from_data(TensorData::new(pixels, [1, 3 + self.components.len(), height, width]), device)
    }

    /// What all genes share: tissue, where the losses look, and the components.
    pub(super) fn shared(&self) -> impl Iterator<Item = &Raster<f32>> {
        [&self.tissue, &self.learned].into_iter().chain(&self.components)
    }
}
