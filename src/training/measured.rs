//! What is learned from: the measured bins of a section as an image of their own.
//!
//! Only the measured image X_m is ever held here, so that no flip or turn can move the lattice onto a bin that was
//! never measured (§8.1 of the method).

use crate::dataset::Dataset;
use crate::section::{Raster, Sampling, SparseRaster};
use crate::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData};

/// The measured bins of a section as an image of their own, for one gene or several.
#[derive(Clone, Debug)]
pub struct MeasuredImage {
    /// For each gene its values divided by its scale, 0 outside the tissue.
    pub genes: Vec<SparseRaster>,
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

    /// Whether a bin is held out.
    pub(super) fn is_held_out(&self, bin: (usize, usize)) -> bool {
        self.tissue[bin] > 0.0 && self.learned[bin] == 0.0
    }

    /// The bins held out.
    pub(super) fn held_out(&self) -> Raster<bool> {
        Raster::from_fn(self.tissue.rows(), self.tissue.cols(), |row, col| self.is_held_out((row, col)))
    }

    /// The same with these images as guides.
    pub fn guided(self, components: Vec<Raster<f32>>) -> Self {
        MeasuredImage { components, ..self }
    }

    /// The same with the first `count` guides of `dataset`, centred and scaled by its measured tissue bins, behind the components: as many channels
    /// of each as [`InputConfig::stains`](crate::network::InputConfig::stains) says, those of the measured bins first. 0 where a guide has no value.
    pub fn stained(mut self, dataset: &Dataset, count: usize) -> Result<Self> {
        let maps = if count > 0 { dataset.guide_maps()? } else { Vec::new() };
        if maps.len() < count {
            return Err(Error::data(
                dataset.folder(),
                format!(
                    "{} guides, expected the {count} of fit.stains. Give s2s-prep --image or --section",
                    maps.len()
                ),
            ));
        }
        let (sampling, tissue) = (dataset.sampling(), dataset.tissue());
        let standard: Vec<Raster<f32>> = maps[..count].iter().map(|map| standardised(map, sampling, tissue)).collect();
        let (s, (rows, cols)) = (sampling.lattice().map_or(1, |lattice| lattice.scale.get()), self.tissue.shape());
        for (down, right) in (0..s * s).map(|place| (place / s, place % s)) {
            self.components.extend(standard.iter().map(|map| {
                let at = |row: usize, col: usize| {
                    ((row * s + down).min(map.rows() - 1), (col * s + right).min(map.cols() - 1))
                };
                Raster::from_fn(rows, cols, |row, col| map[at(row, col)])
            }));
        }
        Ok(self)
    }

    /// The same with zeros in place of what [`stained`](MeasuredImage::stained) put behind so many `components`.
    pub fn without_stains(mut self, components: usize) -> Self {
        self.components.iter_mut().skip(components).for_each(|stain| *stain = stain.map(|_| 0.0));
        self
    }

    /// The same with a further gene of these `values`, divided by `scale`.
    pub fn with(mut self, values: &Raster<f32>, scale: f32) -> Self {
        self.genes.push(SparseRaster::from(&values.map(|value| value / scale)));
        self
    }

    /// The window of `shape` at `origin`, as a tensor [1, 3 + components, h, w], of a gene of these `values`; beyond the edge the image is mirrored.
    pub fn window(
        &self,
        values: &Raster<f32>,
        origin: (usize, usize),
        (height, width): (usize, usize),
        device: &Device,
    ) -> Tensor<4> {
        let channels = [values].into_iter().chain(self.shared());
        let pixels: Vec<f32> =
            channels.flat_map(|channel| channel.window(origin, (height, width)).into_values()).collect();
        Tensor::from_data(TensorData::new(pixels, [1, 3 + self.components.len(), height, width]), device)
    }

    /// What all genes share: tissue, where the losses look, and the components.
    pub(super) fn shared(&self) -> impl Iterator<Item = &Raster<f32>> {
        [&self.tissue, &self.learned].into_iter().chain(&self.components)
    }
}

/// A guide with mean 0 and variance 1 over the measured tissue bins.
fn standardised(map: &Raster<f32>, sampling: &Sampling, tissue: &Raster<bool>) -> Raster<f32> {
    let bins = map.values().iter().zip(sampling.measured().values()).zip(tissue.values());
    let known = bins.filter(|((value, measured), inside)| **measured && **inside && value.is_finite());
    let known: Vec<f64> = known.map(|((value, _), _)| f64::from(*value)).collect();
    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
    let variance = known.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / known.len().max(1) as f64;
    let scale = if variance > 0.0 { variance.sqrt().recip() } else { 0.0 };
    map.map(|value| if value.is_finite() { ((f64::from(*value) - mean) * scale) as f32 } else { 0.0 })
}
