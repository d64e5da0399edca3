//! How well a network does on measured bins that it was not trained on.

use super::config::Distance;
use super::losses::Objective;
use super::measured::MeasuredImage;
use super::thinning::Thinning;
use crate::network::{Cdcin, Input, InputConfig};
use crate::section::Raster;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// At most so many views are looked at: every one costs a pass through the network.
const MOST_VIEWS: usize = 16;

/// The (gene, phase) pairs that a look takes: all of a few genes, or evenly spaced genes on phases in turn.
pub(super) fn views(genes: usize, phases: usize) -> Vec<(usize, usize)> {
    if genes * phases <= MOST_VIEWS.max(phases) {
        return (0..genes * phases).map(|i| (i / phases, i % phases)).collect();
    }
    (0..MOST_VIEWS).map(|i| (i * genes / MOST_VIEWS, i % phases)).collect()
}

/// Held-out measured bins, to be predicted from the sparser lattice (sparser → sparse).
pub(super) struct HeldOut {
    input: InputConfig,
    distance: Distance,
    /// Genes on phases of the sparser lattice: values, tissue, 1 at the bins that count, and the
    /// components; `[1, ·, m, n]`; and which gene it is.
    views: Vec<(usize, Tensor<4>)>,
}

/// Mean error over the held-out bins that are not on the sparser lattice themselves, by the distance that the recipe
/// learns by: the step that is kept is then the best at what the network was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOutError {
    /// Of the network.
    pub network: f64,
    /// Of the upsampled input that it starts from.
    pub start: f64,
}

impl HeldOut {
    /// The bins of `image` that are tissue but not learned; `None` if there are none. Where the measured bins lie on no
    /// lattice, `thinning` says which of them are dropped.
    pub(super) fn new(
        objective: &Objective,
        image: &MeasuredImage,
        thinning: Option<&Thinning>,
        device: &Device,
    ) -> Option<Self> {
        let input = objective.input.clone();
        let any = image.held_out().values().contains(&true);
        let s = input.scale;
        let masks = thinning.map(|thinning| thinning.looks(&image.held_out()));
        let phases = masks.as_ref().map_or(s * s, Vec::len);
        let view = |gene: usize, phase: usize| match &masks {
            None => phase_view(image, &image.genes[gene].raster(), s, (phase / s, phase % s), device),
            Some(masks) => thinned_view(image, &image.genes[gene].raster(), &masks[phase], device),
        };
        let views = views(image.genes.len(), phases).into_iter().map(|(gene, phase)| (gene, view(gene, phase)));
        any.then(|| HeldOut { input, distance: objective.distance, views: views.collect() })
    }

    /// The error of `net` on the held-out bins.
    pub(super) fn error(&self, net: &Cdcin) -> HeldOutError {
        let mut sums = Vec::new();
        for (gene, view) in &self.views {
            let channel = |index: usize| view.clone().narrow(1, index, 1);
            let (values, counted) = (channel(0), channel(2));
            let Input { x0, mask, guides } = self.input.of_stack(&self.input.sparser(view), self.input.stains_at(view));
            let sum = |prediction: Tensor<4>| (self.distance.each(prediction - values.clone()) * counted.clone()).sum();
            let start = sum(x0.clone());
            let network =
                net.forward_of(x0, mask, guides, &[Some(*gene)]).pop().map_or_else(|| start.zeros_like(), sum);
            sums.extend([network, start, counted.clone().sum()]);
        }
        // Asked once for all views: every question waits for the device.
        let sums: Vec<f32> = Tensor::cat(sums, 0).into_data().iter::<f32>().collect();
        let total = |which: usize| sums.iter().skip(which).step_by(3).map(|sum| f64::from(*sum)).sum::<f64>();
        let [network, start, count] = [0, 1, 2].map(total);
        // Every held-out bin may lie on the sparser lattices of its phases: nothing to count is no error.
        let count = f64::max(count, 1.0);
        HeldOutError { network: network / count, start: start / count }
    }
}

/// A gene from one phase of the sparser lattice.
pub(super) fn phase_view(
    image: &MeasuredImage,
    values: &Raster<f32>,
    s: usize,
    (top, left): (usize, usize),
    device: &Device,
) -> Tensor<4> {
    let (rows, cols) = image.tissue.shape();
    let (h, w) = ((rows - top) / s * s, (cols - left) / s * s);
    let at = |i: usize| (top + i / w, left + i % w);
    let on_lattice = |i: usize| (i / w).is_multiple_of(s) && (i % w).is_multiple_of(s);
    let counts = |i: usize| f32::from(u8::from(image.is_held_out(at(i)) && !on_lattice(i)));
    let pixels = (0..h * w).map(|i| values[at(i)]);
    let pixels = pixels.chain((0..h * w).map(|i| image.tissue[at(i)])).chain((0..h * w).map(counts));
    let guides = image.components.iter().flat_map(|component| (0..h * w).map(|i| component[at(i)]));
    let pixels: Vec<f32> = pixels.chain(guides).collect();
    Tensor::from_data(TensorData::new(pixels, [1, 3 + image.components.len(), h, w]), device)
}

/// A gene from the bins that stay of a sparser mask, where the measured bins lie on no lattice.
pub(super) fn thinned_view(
    image: &MeasuredImage,
    values: &Raster<f32>,
    stays: &Raster<bool>,
    device: &Device,
) -> Tensor<4> {
    let (rows, cols) = image.tissue.shape();
    let counts = Raster::from_fn(rows, cols, |row, col| {
        f32::from(u8::from(image.is_held_out((row, col)) && !stays[(row, col)]))
    });
    let kept = stays.map(|stays| f32::from(u8::from(*stays)));
    let channels = [values, &image.tissue, &counts].into_iter().chain(&image.components).chain([&kept]);
    let pixels: Vec<f32> = channels.flat_map(|channel| channel.values().iter().copied()).collect();
    Tensor::from_data(TensorData::new(pixels, [1, 4 + image.components.len(), rows, cols]), device)
}

#[cfg(test)]
mod tests {
    use super::views;
    use std::collections::BTreeSet;

    #[test]
    fn one_gene_is_seen_on_every_phase_and_a_panel_on_all_phases_in_turn() {
        assert_eq!(views(1, 4), [(0, 0), (0, 1), (0, 2), (0, 3)]);
        assert_eq!(views(1, 25).len(), 25);
        let panel = views(200, 4);
        assert_eq!(panel.len(), 16);
        assert_eq!(panel.iter().map(|view| view.0).collect::<BTreeSet<_>>().len(), 16);
        assert_eq!(panel.iter().map(|view| view.1).collect::<BTreeSet<_>>().len(), 4);
    }
}
