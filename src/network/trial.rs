//! Whether a GPU can be trusted to round no more than it was told to: tried before a run.

use super::flat::{gradient_of, trainable};
use super::fused::{computes, without_halves};
use super::{Cdcin, Rounding};
use crate::kernels::ops;
use burn::tensor::{Int, Tensor};

/// How far a network may be off f32 after all its layers, in parts of the whole: factors have ten bits of TF32, seven of bf16.
const ROUNDING: f32 = 0.1;

/// The size of the difference in parts of that of the whole; infinite where a number is none.
fn apart(exact: &[f32], rounded: &[f32]) -> f32 {
    let (mut whole, mut off) = (f64::MIN_POSITIVE, 0.0);
    for (&exact, &rounded) in exact.iter().zip(rounded) {
        whole += f64::from(exact).powi(2);
        off += f64::from(exact - rounded).powi(2);
    }
    let part = (off / whole).sqrt() as f32;
    if part.is_finite() { part } else { f32::INFINITY }
}

impl Cdcin {
    /// Why such a rounding is not to be used with such weights, if so. A small image goes through the network with it and in f32, forward and
    /// backward: a GPU that gives anything else than what rounding explains is not trusted.
    pub(crate) fn without(&self, rounding: Rounding, weights: &Tensor<1>) -> Option<String> {
        if ops::on_cpu(&weights.device()) {
            return Some("a CPU computes in f32".to_owned());
        }
        if !computes(self, weights) {
            return Some("our kernels for GPUs do not compute this network".to_owned());
        }
        if let Some(why) = without_halves(&self.config).filter(|_| rounding == Rounding::Bf16) {
            return Some(why.to_owned());
        }
        let exact = self.probe(weights, Rounding::None);
        let rounded = self.probe(weights, rounding);
        let off = exact.iter().zip(&rounded).map(|(exact, rounded)| apart(exact, rounded));
        match off.fold(0.0, f32::max) {
            0.0 => Some("this GPU has no matrix units that multiply TF32".to_owned()),
            off if off <= ROUNDING => None,
            off => {
                Some(format!("this GPU is off f32 by {off:.3} of it, expected {ROUNDING} at most: please report it"))
            }
        }
    }

    /// The outputs of all stages for a small image, and the gradient of the weights.
    fn probe(&self, weights: &Tensor<1>, rounding: Rounding) -> [Vec<f32>; 2] {
        let (side, device) = (2 * self.config.window, weights.device());
        let waves = |shape: [usize; 2], step: f64| {
            let count = (shape[0] * shape[1]) as i64;
            (Tensor::<1, Int>::arange(0..count, &device).float() * step).sin().reshape(shape)
        };
        let images = waves([side * side, 1 + self.config.input_channels], 0.7);
        let count = weights.dims()[0];
        // Weights that start at 0 would hide what comes before them.
        let weights = weights.clone() + waves([1, count], 1.3).reshape([count]) * 0.05;
        let net = trainable(self, &weights).with_rounding(rounding);
        let outputs = net.cascade(Tensor::from_inner(images), vec![(side, side)], vec![None]);
        let gradient = gradient_of(&net, outputs.clone().powi_scalar(2).sum().backward());
        let values = |tensor: Tensor<1>| tensor.into_data().iter::<f32>().collect();
        let count = outputs.dims().iter().product::<usize>();
        [values(outputs.inner().reshape([count])), values(gradient)]
    }
}
