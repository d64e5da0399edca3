//! The way that GPUs take (burn's operations by CubeCL, fused and tuned) on the first Vulkan adapter, which may be software:
//! the golden vectors of PyTorch, and a fit and its prediction beside the CPU's.
#![cfg(feature = "vulkan")]

mod common;
#[path = "common/fitting.rs"]
mod fitting;
#[path = "common/golden.rs"]
mod golden;
#[path = "common/section.rs"]
mod section;

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use burn::tensor::Device;
use fitting::{WAVE, fit, said};
use golden::Check;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use s2s::compute::DeviceChoice;
use s2s::dataset::{Dataset, Mode};
use s2s::section::Raster;
use s2s::store::Store;
use std::path::Path;
use std::process::Command;

/// The first adapter; `None`, with the reason, where there is none.
fn adapter() -> Option<Device> {
    DeviceChoice::Vulkan(0).open().map_err(|error| common::say(&format!("skipped: {error}"))).ok()
}

fn hold(checks: s2s::Result<Vec<Check>>) {
    for check in checks.unwrap() {
        assert!(check.holds(), "{check}");
    }
}

#[test]
fn forward_equals_pytorch() {
    let (Some(device), Some(path)) = (adapter(), common::shared("golden/cdcin_forward.safetensors")) else { return };
    hold(golden::forward(&path, &device));
}

#[test]
fn losses_gradients_and_adam_equal_pytorch() {
    let (Some(device), Some(path)) = (adapter(), common::shared("golden/cdcin_train.safetensors")) else { return };
    hold(golden::training(&path, &device.clone().autodiff(), usize::MAX));
    hold(golden::training(&path, &device.autodiff(), 1));
}

/// The total loss of every step.
fn losses(folder: &Path, name: &str) -> Vec<f64> {
    let file = std::fs::File::open(folder.join(name)).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batches = reader.map(Result::unwrap);
    let total = |batch: arrow::record_batch::RecordBatch| {
        batch.column_by_name("total").unwrap().as_primitive::<Float64Type>().values().to_vec()
    };
    batches.flat_map(total).collect()
}

/// WAVE as `model` imputes it on `device`.
fn predicted(folder: &Path, model: &str, device: &str) -> Raster<f32> {
    let output = format!("{device}.zarr").replace(':', "");
    let arguments = ["--dataset", "sample.s2s", "--config", "tiny.yaml", "--device", device, "--model", model];
    let done = Command::new(env!("CARGO_BIN_EXE_s2s-predict"))
        .current_dir(folder)
        .args(arguments)
        .args(["--output", &output])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", said(&done));
    Store::open(&folder.join(output)).unwrap().gene("WAVE").unwrap()
}

#[test]
fn a_fit_learns_and_a_network_predicts_as_on_the_cpu() {
    if adapter().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let dataset = Dataset::open(&section::dataset(folder, 48, 40, Mode::Impute)).unwrap();
    for (device, output) in [("cpu", "cpu.safetensors"), ("vulkan:0", "vulkan.safetensors")] {
        let done = fit(folder, &[&WAVE[..], &["--device", device, "--output", output]].concat());
        assert!(done.status.success(), "{}", said(&done));
    }
    let (cpu, vulkan) = (losses(folder, "cpu.fit.parquet"), losses(folder, "vulkan.fit.parquet"));
    assert_eq!((cpu.len(), vulkan.len()), (4, 4));
    for (cpu, vulkan) in cpu.iter().zip(&vulkan) {
        assert!((vulkan / cpu - 1.0).abs() <= 1e-3, "loss {vulkan}, on the CPU {cpu}");
    }
    let [cpu, vulkan] = ["cpu", "vulkan:0"].map(|device| predicted(folder, "vulkan.safetensors", device));
    let measured = dataset.values("WAVE").unwrap();
    for row in 0..cpu.rows() {
        for col in 0..cpu.cols() {
            let (cpu, vulkan) = (cpu[(row, col)], vulkan[(row, col)]);
            if !dataset.tissue()[(row, col)] {
                assert!(vulkan.is_nan());
            } else if dataset.lattice().measures(row, col) {
                assert_eq!(vulkan, measured[(row / 2, col / 2)]);
            } else {
                assert!(
                    (vulkan - cpu).abs() <= 1e-4 * cpu.abs().max(1.0),
                    "({row}, {col}): {vulkan}, on the CPU {cpu}"
                );
            }
        }
    }
}

#[test]
fn what_an_adapter_cannot_do_is_told_before_anything_is_computed() {
    let Some(device) = adapter() else { return };
    let folder = tempfile::tempdir().unwrap();
    section::dataset(folder.path(), 48, 40, Mode::Impute);
    let run = |arguments: &[&str]| fit(folder.path(), &[&WAVE[..], arguments].concat());
    let absent = run(&["--device", "vulkan:4000"]);
    assert!(absent.status.code() == Some(2) && said(&absent).contains("found vulkan:0"), "{}", said(&absent));
    if !s2s::compute::computes_in(&device, burn::tensor::DType::BF16) {
        let imprecise = run(&["--device", "vulkan:0", "--set", "fit.precision=bf16"]);
        assert!(
            imprecise.status.code() == Some(2) && said(&imprecise).contains("fit.precision"),
            "{}",
            said(&imprecise)
        );
    }
}
