//! All parameters of a network as one vector, in the order of its layers: what optimiser, averages and checkpoints
//! work on.
//!
//! A dozen operations on one long vector take the place of a dozen on each of hundreds of small tensors, which on a GPU
//! would be thousands of kernel launches a step.

use super::Cdcin;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Gradients, Tensor};

/// The parameters of `net` as one vector `[n]` without autodiff.
pub fn flatten(net: &Cdcin) -> Tensor<1> {
    struct Collect(Vec<Tensor<1>>);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push(param.val().inner().flatten(0, D - 1));
        }
    }
    let mut collect = Collect(Vec::new());
    net.visit(&mut collect);
    Tensor::cat(collect.0, 0)
}

/// The gradients of `net` in the order of [`flatten`], f32 whatever the network computes in; 0 for a parameter that has none.
pub fn flatten_gradients(net: &Cdcin, gradients: &Gradients) -> Tensor<1> {
    struct Collect<'a> {
        gradients: &'a Gradients,
        parts: Vec<Tensor<1>>,
    }
    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = param.val().grad(self.gradients);
            self.parts
                .push(gradient.unwrap_or_else(|| param.val().inner().zeros_like()).flatten(0, D - 1).cast(DType::F32));
        }
    }
    let mut collect = Collect { gradients, parts: Vec::new() };
    net.visit(&mut collect);
    Tensor::cat(collect.parts, 0)
}

/// `net` with the weights `flat`, for a step of training: their gradient is what [`gradient_of`] gives.
///
/// Where the whole cascade is one operation, the vector is all that it needs, and is not cut into the parameters of the layers,
/// which stay those of `net`.
pub fn trainable(net: &Cdcin, flat: &Tensor<1>) -> Cdcin {
    #[cfg(feature = "gpu")]
    if super::fused::computes(net, flat) {
        return Cdcin { flat: Some(flat.clone().autodiff().require_grad()), ..net.clone() };
    }
    unflatten(net, flat, true)
}

/// The gradient of the weights of a network in the order of [`flatten`], f32 whatever the network computes in.
pub fn gradient_of(net: &Cdcin, mut gradients: Gradients) -> Tensor<1> {
    match &net.flat {
        Some(flat) => flat.grad_remove(&mut gradients).unwrap_or_else(|| flat.clone().inner().zeros_like()),
        None => flatten_gradients(net, &gradients),
    }
}

/// `net` with the parameters of `flat`, a vector as [`flatten`] gives it; with `trained`, they ask for gradients.
pub fn unflatten(net: &Cdcin, flat: &Tensor<1>, trained: bool) -> Cdcin {
    struct Replace<'a> {
        flat: &'a Tensor<1>,
        next: usize,
        trained: bool,
    }
    impl ModuleMapper for Replace<'_> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let shape = param.val().dims();
            let count = shape.iter().product();
            let part = self.flat.clone().narrow(0, self.next, count).reshape(shape);
            self.next += count;
            Param::initialized(param.id, if self.trained { part.autodiff().require_grad() } else { part })
        }
    }
    Cdcin { flat: None, ..net.clone() }.map(&mut Replace { flat, next: 0, trained })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::CdcinConfig;
    use crate::network::weights::to_tensors;
    use burn::tensor::Device;

    #[test]
    fn a_network_of_its_own_vector_is_itself() {
        let config = CdcinConfig { cascades: 2, channels: 8, growth: 4, blocks: 1, ..CdcinConfig::default() };
        let net = config.init(3, &Device::flex());
        let flat = flatten(&net);
        assert_eq!(flat.dims(), [config.parameters()]);
        assert_eq!(to_tensors(&unflatten(&config.init(4, &Device::flex()), &flat, false)), to_tensors(&net));
    }
}
