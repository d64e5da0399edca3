//! Whether the network takes the path of the kernels or the plain one.

use crate::kernels::simd::InstructionSet;
use burn::backend::DispatchDevice;
use burn::tensor::{DType, Device, Tensor};
use std::cell::Cell;

thread_local! {
    static TURNED_OFF: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f` with [`available`] false on this thread: how tests and benchmarks reach the network's plain path, burn's
/// operations alone, on the CPU and on GPUs. A kernel that is called all the same panics.
pub fn without<R>(f: impl FnOnce() -> R) -> R {
    /// Turns the kernels on again, also when `f` panics.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            TURNED_OFF.set(self.0);
        }
    }
    let _restore = Restore(TURNED_OFF.replace(true));
    f()
}

/// Whether kernels are turned off on this thread.
pub(super) fn turned_off() -> bool {
    TURNED_OFF.get()
}

/// Whether the kernels are the fast way for `x`: f32 on burn's flex backend, and a processor whose vectors they know.
pub fn available(x: &Tensor<4>) -> bool {
    if turned_off() || InstructionSet::best() == InstructionSet::Portable {
        return false;
    }
    on_cpu(&x.device()) && x.dtype() == DType::F32
}

/// Whether the whole cascade is one operation on tensors like `x`: f32 on a GPU.
#[cfg(feature = "gpu")]
pub(crate) fn cascade_available<const D: usize>(x: &Tensor<D>) -> bool {
    cascade_on(&x.device()) && x.dtype() == DType::F32
}

/// Whether the whole cascade is one operation on f32 tensors of `device`: on a GPU.
#[cfg(feature = "gpu")]
pub(crate) fn cascade_on(device: &Device) -> bool {
    !turned_off() && !on_cpu(device)
}

/// Whether tensors of `device` lie on burn's flex backend.
pub(crate) fn on_cpu(device: &Device) -> bool {
    matches!(device.clone().without_autodiff().as_dispatch(), DispatchDevice::Flex(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_for_the_cpu_alone() {
        assert!(on_cpu(&Device::flex()) && on_cpu(&Device::flex().autodiff()));
        #[cfg(feature = "cuda")]
        assert!(!on_cpu(&Device::cuda(0)));
        let x = Tensor::zeros([1, 1, 1, 1], &Device::flex());
        assert!(!without(|| available(&x)));
    }
}
