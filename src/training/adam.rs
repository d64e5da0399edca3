//! Adam (Kingma & Ba 2015) on all parameters as one vector, with the clipping of gradients by their norm.

use super::config::FitConfig;
#[cfg(feature = "gpu")]
use crate::kernels::ops::{self, Copies, RATES};
use burn::tensor::Tensor;

/// Adam's moments; every vector has the length of [`crate::network::flatten`].
#[derive(Clone, Debug)]
pub struct Adam {
    /// The moving mean of the gradients.
    pub first: Tensor<1>,
    /// The moving mean of their squares.
    pub second: Tensor<1>,
}

impl Adam {
    /// Moments of zero for parameters like `weights`.
    pub fn new(weights: &Tensor<1>) -> Self {
        Adam { first: weights.zeros_like(), second: weights.zeros_like() }
    }

    /// The weights after step `made` (from 1) at learning rate `rate`, as PyTorch's Adam has them.
    pub fn step(
        &mut self,
        config: &FitConfig,
        weights: Tensor<1>,
        gradient: Tensor<1>,
        rate: f64,
        made: usize,
    ) -> Tensor<1> {
        let gradient = clip(gradient, config.clip);
        #[cfg(feature = "gpu")]
        if ops::cascade_available(&weights) {
            let rates = Tensor::from_floats(rates(config, rate, made, 0.0), &weights.device());
            return self.step_by(config, weights, gradient, rates, &Copies::default());
        }
        let [beta1, beta2] = config.betas;
        self.first = self.first.clone() * beta1 + gradient.clone() * (1.0 - beta1);
        self.second = self.second.clone() * beta2 + gradient.square() * (1.0 - beta2);
        let unbiased = |beta: f64| 1.0 - beta.powf(made as f64);
        let spread = self.second.clone().sqrt() / unbiased(beta2).sqrt() + config.epsilon;
        weights - self.first.clone() / spread * (rate / unbiased(beta1))
    }
}

#[cfg(feature = "gpu")]
impl Adam {
    /// [`Adam::step`] by the kernel that reads what differs from step to step from a buffer, with a gradient that was made shorter.
    pub(super) fn step_by(
        &mut self,
        config: &FitConfig,
        weights: Tensor<1>,
        gradient: Tensor<1>,
        rates: Tensor<1>,
        copies: &Copies,
    ) -> Tensor<1> {
        // The gradient stands in the place of the moments for as long: nobody else holds them then, and they stay where they are.
        let [first, second] =
            [&mut self.first, &mut self.second].map(|moment| std::mem::replace(moment, gradient.clone()));
        let [weights, first, second] =
            ops::adam_step([weights, first, second], gradient, rates, config.epsilon as f32, copies);
        (self.first, self.second) = (first, second);
        weights
    }
}

/// What the kernels are told of step `made` (from 1), whose average keeps the share `decay` of itself.
#[cfg(feature = "gpu")]
pub(super) fn rates(config: &FitConfig, rate: f64, made: usize, decay: f64) -> [f32; RATES] {
    let [beta1, beta2] = config.betas;
    let unbiased = |beta: f64| 1.0 - beta.powf(made as f64);
    let (length, spread) = (rate / unbiased(beta1), unbiased(beta2).sqrt());
    [beta1, 1.0 - beta1, beta2, 1.0 - beta2, length, spread, decay, 1.0 - decay].map(|number| number as f32)
}

/// The same of a step that leaves everything as it is.
#[cfg(feature = "gpu")]
pub(super) const IDLE: [f32; RATES] = [1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0];

/// `gradient`, made shorter where its Euclidean norm exceeds `most`; 0 leaves it as it is.
pub(super) fn clip(gradient: Tensor<1>, most: f64) -> Tensor<1> {
    if most == 0.0 {
        return gradient;
    }
    let norm = gradient.clone().square().sum().sqrt();
    gradient * ((norm + 1e-6).recip() * most).clamp_max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_long_gradient_keeps_its_direction_and_a_short_one_its_length() {
        let device = Device::flex();
        let clipped = clip(Tensor::from_floats([3.0, -4.0], &device), 1.0).try_into_vec_as::<f32>().unwrap();
        assert!((clipped[0] - 0.6).abs() < 1e-5 && (clipped[1] + 0.8).abs() < 1e-5, "{clipped:?}");
        let short = clip(Tensor::from_floats([0.3, -0.4], &device), 1.0).try_into_vec_as::<f32>().unwrap();
        assert_eq!(short, [0.3, -0.4]);
    }
}
