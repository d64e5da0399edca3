//! How well a network does on measured bins that it was not trained on.

use crate::network::{Cdcin, Input, InputConfig, subsample};
use crate::section::Raster;
use burn::tensor::{Device, Tensor, TensorData};

/// Held-out measured bins of one gene, to be predicted from the sparser lattice (sparser → sparse).
pub struct HeldOut {
    input: InputConfig,
    /// One view per phase of the sparser lattice: values, tissue, and 1 at the bins that count; `[1, 3, m, n]`.
    views: Vec<Tensor<4>>,
}

/// Mean absolute error over the held-out bins that are not on the sparser lattice themselves, in the units of the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldOutError {
    /// Of the network.
    pub network: f64,
    /// Of the upsampled input that it starts from.
    pub start: f64,
}

impl HeldOut {
    /// The held-out bins of an image of scaled `values`; `None` if there are none.
    pub fn new(
        input: &InputConfig,
        values: &Raster<f32>,
        tissue: &Raster<bool>,
        held: &Raster<bool>,
        device: &Device,
    ) -> Option<Self> {
        let s = input.scale;
        let (rows, cols) = (values.rows(), values.cols());
        let any = held.values().iter().any(|held| *held);
        let phases = (0..s).flat_map(|top| (0..s).map(move |left| (top, left)));
        let view = |(top, left): (usize, usize)| {
            let (h, w) = ((rows - top) / s * s, (cols - left) / s * s);
            let at = |i: usize| (top + i / w, left + i % w);
            let flag = |flag: bool| f32::from(u8::from(flag));
            let counts = |i: usize| flag(held[at(i)] && !((i / w).is_multiple_of(s) && (i % w).is_multiple_of(s)));
            let pixels = (0..h * w).map(|i| values[at(i)]);
            let pixels = pixels.chain((0..h * w).map(|i| flag(tissue[at(i)]))).chain((0..h * w).map(counts));
            Tensor::from_data(TensorData::new(pixels.collect(), [1, 3, h, w]), device)
        };
        any.then(|| HeldOut { input: input.clone(), views: phases.map(view).collect() })
    }

    /// The error of `net` on the held-out bins.
    pub fn error(&self, net: &Cdcin) -> HeldOutError {
        let (mut network, mut start, mut count) = (0.0, 0.0, 0.0);
        for view in &self.views {
            let channel = |index: usize| view.clone().narrow(1, index, 1);
            let (values, counted) = (channel(0), channel(2));
            let sparser = |x: Tensor<4>| subsample(x, self.input.scale);
            let Input { x0, mask, guides } = self.input.build(sparser(values.clone()), sparser(channel(1)));
            let sum = |prediction: Tensor<4>| {
                f64::from(((prediction - values.clone()).abs() * counted.clone()).sum().into_scalar::<f32>())
            };
            start += sum(x0.clone());
            let last = net.forward(x0, mask, guides).pop();
            network += last.map_or(0.0, sum);
            count += f64::from(counted.clone().sum().into_scalar::<f32>());
        }
        HeldOutError { network: network / count, start: start / count }
    }
}
