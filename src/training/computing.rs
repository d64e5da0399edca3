//! How the network is computed while it learns.

use super::config::Precision;
use crate::network::{Cdcin, Rounding, trainable};
use burn::tensor::{DType, Tensor};

/// In what a recipe's precision has the network computed on the device at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Computing {
    /// What burn's operations compute in; kernels take f32.
    dtype: DType,
    /// What the kernels of a GPU round.
    rounding: Rounding,
}

impl Computing {
    /// Says why, if it is not what was asked for.
    pub(super) fn of(precision: Precision, net: &Cdcin, weights: &Tensor<1>) -> Self {
        let plain = Computing { dtype: DType::F32, rounding: Rounding::None };
        let rounding = match precision {
            Precision::F32 => return plain,
            Precision::Tf32 => Rounding::Tf32,
            Precision::Bf16 if by_kernels(net, weights) => Rounding::Bf16,
            Precision::Bf16 => return Computing { dtype: DType::BF16, ..plain },
        };
        match without(rounding, net, weights) {
            Some(why) => {
                let asked = if rounding == Rounding::Tf32 { "tf32" } else { "bf16" };
                tracing::warn!("fit.precision: {asked} is not used: {why}; computing in f32");
                plain
            }
            None => Computing { rounding, ..plain },
        }
    }

    /// The weights as the network takes them.
    #[cfg(feature = "gpu")]
    pub(super) fn weights(self, weights: &Tensor<1>) -> Tensor<1> {
        weights.clone().cast(self.dtype)
    }

    /// The network with these weights, of which it has gradients.
    pub(super) fn trainable(self, net: &Cdcin, weights: &Tensor<1>) -> Cdcin {
        trainable(net, &weights.clone().cast(self.dtype)).with_rounding(self.rounding)
    }
}

/// Whether our kernels compute such a network on a GPU.
fn by_kernels(net: &Cdcin, weights: &Tensor<1>) -> bool {
    #[cfg(feature = "gpu")]
    let known = net.is_one_operation(weights);
    #[cfg(not(feature = "gpu"))]
    let known = {
        let _ = (net, weights);
        false
    };
    known
}

/// Why a GPU does not round like this, if so.
fn without(rounding: Rounding, net: &Cdcin, weights: &Tensor<1>) -> Option<String> {
    #[cfg(feature = "gpu")]
    let lacking = net.without(rounding, weights);
    #[cfg(not(feature = "gpu"))]
    let lacking = {
        let _ = (rounding, net, weights);
        Some("this build has no kernels for GPUs".to_owned())
    };
    lacking
}
