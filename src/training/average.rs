//! An exponential moving average of the weights: what is kept of a run, less noisy than its last step.

use crate::network::Cdcin;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// The moving average of a network's weights.
pub struct Average {
    net: Cdcin,
    decay: f64,
    steps: usize,
}

impl Average {
    /// Starts at the weights of `net`; a `decay` of 0 follows it without averaging.
    pub fn new(net: &Cdcin, decay: f64) -> Self {
        Average { net: net.valid(), decay, steps: 0 }
    }

    /// Moves towards the weights of `net`: average ← d·average + (1 − d)·weights.
    ///
    /// d grows to `decay` over the first steps, so that the random start is forgotten early.
    pub fn update(&mut self, net: &Cdcin) {
        let decay = self.decay.min((self.steps + 1) as f64 / (self.steps + 10) as f64);
        self.steps += 1;
        let mut weights = Collect(GradientsParams::new());
        net.valid().visit(&mut weights);
        let average = self.net.clone();
        self.net = average.map(&mut Lerp { towards: weights.0, share: 1.0 - decay });
    }

    /// The averaged network.
    pub fn net(&self) -> &Cdcin {
        &self.net
    }
}

/// Collects every parameter by its id.
struct Collect(GradientsParams);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.register(param.id, param.val());
    }
}

/// Moves every parameter by `share` of the way towards its namesake.
struct Lerp {
    towards: GradientsParams,
    share: f64,
}

impl ModuleMapper for Lerp {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(target) = self.towards.remove::<D>(param.id) else { return param };
        let (share, keep) = (self.share, 1.0 - self.share);
        param.map(|value| value.mul_scalar(keep) + target.mul_scalar(share))
    }
}
