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
        let pixels: Vec<f32> = channels.flat_map(|channel| mirrored(channel, origin, (height, width))).collect();
        Tensor::from_data(TensorData::new(pixels, [1, 3 + self.components.len(), height, width]), device)
    }

    /// What all genes share: tissue, where the losses look, and the components.
    pub(super) fn shared(&self) -> impl Iterator<Item = &Raster<f32>> {
        [&self.tissue, &self.learned].into_iter().chain(&self.components)
    }
}

/// The window of `shape` at `origin`, row by row; beyond the edge the image is mirrored.
pub(super) fn mirrored(image: &Raster<f32>, origin: (usize, usize), shape: (usize, usize)) -> Vec<f32> {
    let at = |row: usize, col: usize| (reflect(origin.0 + row, image.rows()), reflect(origin.1 + col, image.cols()));
    (0..shape.0 * shape.1).map(|i| image[at(i / shape.1, i % shape.1)]).collect()
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

    #[test]
    fn beyond_the_edge_a_window_is_reflected() {
        let values = Raster::from_fn(3, 4, |row, col| (row * 100 + col) as f32);
        let image = MeasuredImage::new(&values.map(|_| true), &values.map(|_| false)).with(&values, 1.0);
        let pixels: Vec<f32> = image.window((0, 0), (8, 8), &Device::flex()).into_data().try_into_vec().unwrap();
        assert_eq!(pixels[..8], [0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0, 1.0]);
        assert_eq!(pixels[3 * 8], 100.0);
    }
}
