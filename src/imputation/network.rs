//! Prediction by a fitted network.

use super::finish;
use super::stitching::stitch;
use super::tiles::{Tile, tiles};
use crate::config::PredictConfig;
use crate::dataset::Dataset;
use crate::network::{Cdcin, CdcinConfig, Input};
use crate::section::{Lattice, Raster};
use crate::training::{FittedGene, MeasuredImage, Story};
use crate::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData, s};
use std::path::{Path, PathBuf};

/// A fitted gene, ready to predict.
pub struct NetworkImputer {
    net: Cdcin,
    gene: FittedGene,
    story: Story,
    path: PathBuf,
    device: Device,
}

impl NetworkImputer {
    /// Opens the weights that s2s-fit wrote to `path`, for `dataset`: one imputer for each gene that they were fitted to.
    ///
    /// [`Error::Data`] if they were trained on another dataset (a network only knows the section that it learned from), or
    /// the story they carry fits neither the section nor the network.
    pub fn open(path: &Path, dataset: &Dataset, device: &Device) -> Result<Vec<Self>> {
        let (net, story) = Story::open(path, device)?;
        if story.genes.is_empty() {
            return Err(Error::data(path, "knows natural images alone. Fit genes from it: s2s-fit --init"));
        }
        let names: Vec<&str> = story.genes.iter().map(|gene| gene.name.as_str()).collect();
        let names = names.join(", ");
        let expected = dataset.fingerprint();
        if story.dataset_fingerprint != expected {
            return Err(Error::data(
                path,
                format!(
                    "trained on another dataset (fingerprint {:.12}…) than {} ({:.12}…). Fit {names} on this dataset",
                    story.dataset_fingerprint,
                    dataset.folder().display(),
                    expected,
                ),
            ));
        }
        let imputer = |gene: &FittedGene| {
            dataset.manifest().gene(&gene.name).map_err(|e| Error::data(path, e))?;
            check(gene, &story, net.config(), dataset.lattice())
                .map_err(|what| Error::data(path, format!("{what}. Fit {names} again")))?;
            let (net, gene, story) = (net.clone(), gene.clone(), story.clone());
            Ok(NetworkImputer { net, gene, story, path: path.to_owned(), device: device.clone() })
        };
        story.genes.iter().map(imputer).collect()
    }

    /// The gene it was fitted to.
    pub fn gene(&self) -> &str {
        &self.gene.name
    }

    /// The file of its weights, and how they came to be.
    pub fn story(&self) -> (&Path, &Story) {
        (&self.path, &self.story)
    }

    /// The prediction of its gene for the whole section, [rows, cols]: NaN outside the tissue.
    ///
    /// [`Error::Data`] if the weights predict what is no number.
    pub fn impute(&self, dataset: &Dataset, config: &PredictConfig) -> Result<Raster<f32>> {
        let values = dataset.values(&self.gene.name)?;
        let tissue = dataset.measured_tissue();
        let nothing_held = tissue.map(|_| false);
        let divisor = self.gene.scale as f32;
        let image = MeasuredImage::new(&tissue, &nothing_held)
            .with(&values, divisor)
            .guided(dataset.components(self.story.input.components)?);
        let shape = dataset.tissue().shape();
        let dense = match self.story.window {
            None => {
                let whole = self.dense(image.window((0, 0), values.shape(), &self.device), config.turns);
                crop(whole, values.shape(), self.story.input.factor(), dataset)?
            }
            Some(window) => self.tiled(&image, window, shape, config)?,
        };
        let dense = dense.map(|value| value * divisor);
        // Clamping at 0 would turn NaN into a prediction that looks like one.
        let broken = dense.values().iter().filter(|value| !value.is_finite()).count();
        if broken > 0 {
            return Err(Error::data(
                &self.path,
                format!(
                    "predicts no finite number of {} for {broken} of {} bins, so its training diverged. Fit it again",
                    self.gene(),
                    dense.values().len()
                ),
            ));
        }
        let measured = dataset.measured_values(self.gene())?;
        Ok(finish(dense, &measured, dataset.sampling(), dataset.tissue()))
    }

    /// Window by window, `window` dense bins to a side.
    fn tiled(
        &self,
        image: &MeasuredImage,
        window: usize,
        shape: (usize, usize),
        config: &PredictConfig,
    ) -> Result<Raster<f32>> {
        let scale = self.story.input.factor();
        let side = window / scale;
        let (rows, cols) = image.tissue.shape();
        let all = tiles(rows, cols, side, config.overlap.div_ceil(scale).min(side - 1));
        let batches: Vec<&[Tile]> = all.chunks(config.batch).collect();
        stitch(shape, side, scale, &batches, |batch| {
            let windows = batch.iter().map(|tile| image.window((tile.row, tile.col), (side, side), &self.device));
            pixels(self.dense(Tensor::cat(windows.collect(), 0), config.turns))
        })
    }

    /// The dense prediction [b, 1, S·m, S·n] of measured windows [b, 3, m, n]; with `turns`, the mean over their eight flips
    /// and quarter turns.
    fn dense(&self, windows: Tensor<4>, turns: bool) -> Tensor<4> {
        let scale = self.story.input.factor();
        let plain = self.forward(windows.clone());
        if !turns {
            return plain;
        }
        let (mut sum, mut count) = (plain.clone(), plain.ones_like());
        for turn in 1..8 {
            let (transpose, down, across) = (turn & 1 > 0, turn & 2 > 0, turn & 4 > 0);
            let flipped = flip(windows.clone(), down, across);
            let turned = if transpose { flipped.swap_dims(2, 3) } else { flipped };
            let dense = self.forward(turned);
            let dense = flip(if transpose { dense.swap_dims(2, 3) } else { dense }, down, across);
            let (part, cover) = realign(dense, scale, down, across);
            sum = sum + part;
            count = count + cover;
        }
        sum / count
    }

    fn forward(&self, windows: Tensor<4>) -> Tensor<4> {
        let Input { x0, mask, guides } = self.story.input.of_stack(&windows);
        let start = x0.clone();
        self.net.forward(x0, mask, guides).pop().unwrap_or(start)
    }
}

/// Whether the story of a network fits the network and the section; otherwise what it says and what was expected.
fn check(gene: &FittedGene, story: &Story, config: &CdcinConfig, lattice: Lattice) -> std::result::Result<(), String> {
    let (scale, expected) = (story.input.scale, lattice.scale.get());
    if scale != expected {
        return Err(format!("scale {scale}, expected {expected}, as the section is measured"));
    }
    if let Some(window) = story.window.filter(|window| *window < scale) {
        return Err(format!("window {window}, expected a side of at least {scale} bins"));
    }
    if !(gene.scale.is_finite() && gene.scale > 0.0) {
        return Err(format!("scale {} of gene {}, expected a positive number", gene.scale, gene.name));
    }
    let (guides, channels) = (story.input.guides.len() + story.input.components, config.input_channels);
    if guides + 1 != channels {
        return Err(format!("{guides} guides, expected {} for a network of {channels} input channels", channels - 1));
    }
    Ok(())
}

/// Upside down, mirrored, or both.
fn flip(x: Tensor<4>, down: bool, across: bool) -> Tensor<4> {
    let x = if down { x.flip([2]) } else { x };
    if across { x.flip([3]) } else { x }
}

/// Moves a prediction that was flipped back onto the lattice it came from.
///
/// In a flipped image the measured bin sits at the other end of its S×S block: flipped back, everything lies S − 1 bins too
/// far, and the last S − 1 bins have no prediction. Returns the prediction, 0 there, and 1 where there is one.
fn realign(dense: Tensor<4>, scale: usize, down: bool, across: bool) -> (Tensor<4>, Tensor<4>) {
    let [b, c, h, w] = dense.dims();
    let shift = |flipped: bool| if flipped { scale - 1 } else { 0 };
    let (y, x) = (shift(down), shift(across));
    let kept = dense.slice(s![.., .., y as isize.., x as isize..]);
    let cover = kept.ones_like();
    let empty = Tensor::zeros([b, c, h, w], &kept.device());
    let place = |part: Tensor<4>| empty.clone().slice_assign([0..b, 0..c, 0..h - y, 0..w - x], part);
    (place(kept), place(cover))
}

fn pixels(dense: Tensor<4>) -> Result<Vec<f32>> {
    let data: TensorData = dense.into_data();
    data.try_into_vec_as::<f32>().map_err(|e| Error::Bug(format!("prediction: {e:?}")))
}

/// The whole-section prediction, cut to the section's grid.
fn crop(dense: Tensor<4>, (rows, cols): (usize, usize), s: usize, dataset: &Dataset) -> Result<Raster<f32>> {
    let whole = Raster::from_vec(rows * s, cols * s, pixels(dense)?)
        .ok_or_else(|| Error::Bug("the network's output is not S times its input".to_owned()))?;
    let (rows, cols) = dataset.tissue().shape();
    Ok(Raster::from_fn(rows, cols, |row, col| whole[(row, col)]))
}
