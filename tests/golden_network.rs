//! CDCIN and its losses against an independent PyTorch statement of them, by the CPU kernels and by burn's plain operations,
//! which are what runs on a GPU.

mod common;
#[path = "common/golden.rs"]
mod golden;

use burn::tensor::Device;
use golden::Check;
use s2s::kernels::ops;

/// Both ways through the network: inside of [`ops::without`] any call of a kernel panics.
fn hold(checks: impl Fn() -> s2s::Result<Vec<Check>>) {
    for (way, checks) in [("kernels", checks()), ("plain", ops::without(&checks))] {
        let checks = checks.unwrap();
        assert!(!checks.is_empty());
        for check in checks {
            assert!(check.holds(), "{way}: {check}");
        }
    }
}

#[test]
fn forward_equals_pytorch() {
    let Some(path) = common::shared("golden/cdcin_forward.safetensors") else { return };
    hold(|| golden::forward(&path, &Device::flex()));
}

#[test]
fn losses_gradients_and_adam_equal_pytorch() {
    let Some(path) = common::shared("golden/cdcin_train.safetensors") else { return };
    hold(|| golden::training(&path, &Device::flex().autodiff(), usize::MAX));
}

#[test]
fn so_they_do_in_several_passes_a_step() {
    let Some(path) = common::shared("golden/cdcin_train.safetensors") else { return };
    for check in ops::without(|| golden::training(&path, &Device::flex().autodiff(), 1)).unwrap() {
        assert!(check.holds(), "{check}");
    }
}
