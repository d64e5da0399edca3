//! Runs of the programs on the first Vulkan adapter, which may be software: a gene, a panel and bf16 beside what the CPU and f32 give, and what an
//! adapter cannot do.
#![cfg(feature = "vulkan")]

mod common;
#[path = "common/fitting.rs"]
mod fitting;
#[path = "common/section.rs"]
mod section;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use fitting::{WAVE, command, fit, said, weights};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use s2s::dataset::{Dataset, Mode};
use s2s::network::weights::read_tensors;
use s2s::section::Raster;
use s2s::store::Store;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The total loss of every step.
fn losses(folder: &Path, name: &str) -> Vec<f64> {
    let file = std::fs::File::open(folder.join(name)).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batches = reader.map(Result::unwrap);
    let total = |batch: arrow_array::RecordBatch| {
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
    if common::adapter().is_none() {
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

/// Every example of a step with the embedding of its gene.
#[test]
fn a_panel_with_embeddings_learns_as_on_the_cpu() {
    if common::adapter().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    section::dataset(folder, 48, 40, Mode::Impute);
    let panel = ["--dataset", "sample.s2s", "--genes", "all", "--joint", "--config", "tiny.yaml", "--seed", "7"];
    let wide = ["--set", "network.gene_embedding=3", "--set", "fit.learning_rate=0.03", "--threads", "1"];
    let [cpu, vulkan] = [("cpu", "cpu"), ("vulkan:0", "vulkan")].map(|(device, output)| {
        let done = fit(folder, &[&panel[..], &wide, &["--device", device, "--output", output]].concat());
        assert!(done.status.success() && !said(&done).contains("not in our kernels"), "{}", said(&done));
        let learned = read_tensors(&folder.join(output).join("joint.safetensors")).unwrap().0;
        let learned = learned.into_iter().filter(|tensor| tensor.name.contains("film") || tensor.name == "genes.table");
        (losses(&folder.join(output), "joint.fit.parquet"), learned.collect::<Vec<_>>())
    });
    assert_eq!((cpu.0.len(), vulkan.0.len()), (4, 4));
    for (cpu, vulkan) in cpu.0.iter().zip(&vulkan.0) {
        assert!((vulkan / cpu - 1.0).abs() <= 1e-3, "loss {vulkan}, on the CPU {cpu}");
    }
    // Two stages of a block, each with three sites.
    assert_eq!((cpu.1.len(), vulkan.1.len()), (7, 7));
    for tensor in &vulkan.1 {
        assert!(tensor.values.iter().any(|value| *value != 0.0), "{} learned nothing", tensor.name);
    }
}

#[test]
fn what_an_adapter_cannot_do_is_told_before_anything_is_computed() {
    let Some(device) = common::adapter() else { return };
    let folder = tempfile::tempdir().unwrap();
    section::dataset(folder.path(), 48, 40, Mode::Impute);
    let run = |arguments: &[&str]| fit(folder.path(), &[&WAVE[..], arguments].concat());
    let absent = run(&["--device", "vulkan:4000"]);
    assert!(absent.status.code() == Some(2) && said(&absent).contains("found vulkan:0"), "{}", said(&absent));
    let plain = run(&["--device", "vulkan:0", "--set", "fit.precision=tf32", "--steps", "1"]);
    assert!(plain.status.success() && said(&plain).contains("no matrix units"), "{}", said(&plain));
    if !s2s::compute::computes_in(&device, burn::tensor::DType::BF16) {
        // What our kernels do not compute is left to burn's operations.
        let others = ["--set", "fit.precision=bf16", "--set", "network.attention=false"];
        let imprecise = run(&[&["--device", "vulkan:0"], &others[..]].concat());
        assert!(
            imprecise.status.code() == Some(2) && said(&imprecise).contains("fit.precision"),
            "{}",
            said(&imprecise)
        );
    }
}

/// Losses are those of f32 up to the rounding, another run has the same bits, and so has one that was killed and resumed; several passes have
/// the same losses up to rounding.
#[test]
fn bf16_learns_nearly_as_f32_does() {
    if common::adapter().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    section::dataset(folder, 48, 40, Mode::Impute);
    let common = ["--device", "vulkan:0", "--max-steps", "9", "--checkpoint-minutes", "0", "--set", "fit.holdout=0.2"];
    let common = [&WAVE[..], &common, &["--set", "fit.evaluate_every=3"]].concat();
    let run = |name: &str, more: &[&str]| {
        let output = format!("{name}.safetensors");
        let done = fit(folder, &[&common[..], &["--output", &output], more].concat());
        assert!(done.status.success(), "{}", said(&done));
        (losses(folder, &format!("{name}.fit.parquet")), weights(folder, &output), said(&done))
    };
    let bf16 = ["--set", "fit.precision=bf16"];
    let ((exact, ..), (found, learned, told)) = (run("f32", &[]), run("bf16", &bf16));
    assert!(!told.contains("not used") && !told.contains("not in our kernels"), "{told}");
    assert_eq!((exact.len(), found.len()), (9, 9));
    let apart = |some: &[f64], others: &[f64]| {
        some.iter().zip(others).map(|(one, other)| (one / other - 1.0).abs()).fold(0.0, f64::max)
    };
    let off = apart(&found, &exact);
    assert!(off > 0.0 && off <= 1e-2, "{found:?}, in f32 {exact:?}");
    assert!(run("again", &bf16).1 == learned, "another run, other bits");
    let (passes, ..) = run("passes", &[&bf16[..], &["--set", "fit.micro_batch=1"]].concat());
    assert!(apart(&passes, &found) <= 1e-3, "{passes:?}, in one pass {found:?}");

    let killed = [&common[..], &["--output", "killed.safetensors"], &bf16].concat();
    let mut running = command(folder, &killed).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !folder.join("killed.ckpt").exists() {
        assert!(start.elapsed() < Duration::from_secs(300), "no checkpoint was written");
        std::thread::sleep(Duration::from_millis(2));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    let (.., told) = run("killed", &bf16);
    assert!(told.contains("resumed after step"), "{told}");
    assert!(weights(folder, "killed.safetensors") == learned, "a resumed run has other bits");
}

/// Channels that do not go by twos are computed in f32, as the log says.
#[test]
fn bf16_of_odd_channels_is_told_and_gives_what_f32_gives() {
    if common::adapter().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    section::dataset(folder.path(), 48, 40, Mode::Impute);
    let [(plain, f32), (told, bf16)] = ["f32", "bf16"].map(|precision| {
        let output = format!("{precision}.safetensors");
        let precision = format!("fit.precision={precision}");
        let odd = ["--device", "vulkan:0", "--max-steps", "1", "--set", "network.growth=5", "--set", &precision];
        let done = fit(folder.path(), &[&WAVE[..], &odd, &["--output", &output]].concat());
        assert!(done.status.success(), "{}", said(&done));
        (said(&done), weights(folder.path(), &output))
    });
    assert!(told.contains("fit.precision: bf16 is not used: network.channels, network.growth"), "{told}");
    assert!(!plain.contains("bf16") && bf16 == f32, "{plain}");
}
