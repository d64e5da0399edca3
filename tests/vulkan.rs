//! The ways that GPUs take (our kernels, and burn's operations by CubeCL, fused and tuned) on the first Vulkan adapter, which
//! may be software: the kernels beside the CPU's, the golden vectors of PyTorch, and the number of kernels of a step.
#![cfg(feature = "vulkan")]

mod common;
#[path = "common/golden.rs"]
mod golden;
#[path = "common/launches.rs"]
mod launches;

use burn::tensor::{Device, Tensor, TensorData};
use golden::Check;
use launches::Steps;
use s2s::config::Config;
use s2s::kernels::ops;
use s2s::network::{CdcinConfig, Guide, Input, InputConfig, Upsampling, flatten, gradient_of, trainable};
use s2s::training::{Adam, Batch, Distance, FitConfig, Objective};
use std::path::Path;

fn hold(checks: s2s::Result<Vec<Check>>) {
    for check in checks.unwrap() {
        assert!(check.holds(), "{check}");
    }
}

#[test]
fn forward_equals_pytorch() {
    let (Some(device), Some(path)) = (common::adapter(), common::shared("golden/cdcin_forward.safetensors")) else {
        return;
    };
    hold(golden::forward(&path, &device));
    hold(ops::without(|| golden::forward(&path, &device)));
}

#[test]
fn losses_gradients_and_adam_equal_pytorch() {
    let (Some(device), Some(path)) = (common::adapter(), common::shared("golden/cdcin_train.safetensors")) else {
        return;
    };
    let device = device.autodiff();
    hold(golden::training(&path, &device, usize::MAX));
    hold(golden::training(&path, &device, 1));
    hold(ops::without(|| golden::training(&path, &device, usize::MAX)));
}

/// Reproducible values in −1..1, different for every seed.
fn noise<const D: usize>(shape: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    };
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| next()).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Genes that a network knows which has embeddings.
const GENES: usize = 3;

/// The outputs of a network for images of these batches, heights and widths, and last the gradient of its weights.
fn outputs_and_gradient(config: &CdcinConfig, sizes: &[[usize; 3]], device: &Device) -> Vec<Vec<f32>> {
    let autodiff = device.clone().autodiff();
    let net = config.init(3, device).for_genes(&[None; GENES], 5, device);
    let weights = flatten(&net);
    // Position biases, FiLM, and what else starts at zero, have values too.
    let weights = weights.clone() + noise(weights.dims(), 1, device) * 0.05;
    let net = trainable(&net, &weights);
    let inputs = sizes.iter().enumerate().map(|(i, &[b, h, w])| {
        let image = |channels: usize, seed: u64| noise([b, channels, h, w], 10 * i as u64 + seed, &autodiff);
        let mask = image(1, 3).greater_elem(0.0).float();
        let guides = (config.input_channels > 1).then(|| image(config.input_channels - 1, 4));
        // Of one after the other, and of one that the network does not know.
        let genes = (0..b).map(|image| Some((i + image) % (GENES + 1)).filter(|gene| *gene < GENES));
        (Input { x0: image(1, 2), mask, guides }, genes.collect())
    });
    let outputs: Vec<Tensor<4>> = net.forward_each(inputs).flatten().collect();
    let weighted =
        |(i, output): (usize, &Tensor<4>)| (output.clone() * noise(output.dims(), 100 + i as u64, &autodiff)).sum();
    let loss = Tensor::cat(outputs.iter().enumerate().map(weighted).collect(), 0).sum();
    let gradient = gradient_of(&net, loss.backward());
    let values = |tensor: Tensor<1>| tensor.into_data().iter::<f32>().collect();
    outputs.into_iter().map(|output| values(output.inner().flatten(0, 3))).chain([values(gradient)]).collect()
}

/// Values and gradients of networks of several dimensions, for images of several odd sizes in one pass.
#[test]
fn kernels_equal_the_cpus_and_repeat_bit_for_bit() {
    let Some(device) = common::adapter() else { return };
    let small = CdcinConfig { cascades: 1, channels: 16, growth: 16, blocks: 1, layers: 2, ..CdcinConfig::default() };
    let odd = CdcinConfig { channels: 24, growth: 12, layers: 3, heads: 3, window: 4, ..small.clone() };
    let cases = [
        (CdcinConfig { cascades: 2, blocks: 2, input_channels: 3, ..small.clone() }, vec![[2, 16, 24], [1, 13, 9]]),
        (CdcinConfig { data_consistency: false, cascades: 2, ..odd.clone() }, vec![[3, 12, 20], [1, 5, 7], [1, 4, 4]]),
        (CdcinConfig { cascades: 1, blocks: 2, ..CdcinConfig::default() }, vec![[1, 24, 8], [3, 8, 8]]),
        (CdcinConfig { channels: 8, growth: 5, heads: 1, compress: 8, squeeze: 4, ..small }, vec![[1, 24, 40]]),
    ];
    for (config, sizes) in cases {
        assert_as_on_the_cpu(&config, &sizes, &device);
    }
}

/// Genes that scale and shift the features, and the gradients of their embeddings and of what these are multiplied with.
#[test]
fn embeddings_equal_the_cpus_and_repeat_bit_for_bit() {
    let Some(device) = common::adapter() else { return };
    let config = CdcinConfig { cascades: 2, channels: 16, growth: 8, blocks: 2, layers: 1, ..CdcinConfig::default() };
    let odd = CdcinConfig { channels: 12, heads: 3, compress: 4, squeeze: 4, window: 4, blocks: 1, ..config.clone() };
    let cases = [
        (CdcinConfig { gene_embedding: 8, input_channels: 3, ..config }, vec![[4, 16, 8], [1, 13, 9], [2, 8, 8]]),
        (CdcinConfig { gene_embedding: 3, ..odd }, vec![[5, 12, 20], [1, 4, 4]]),
    ];
    for (config, sizes) in cases {
        let gradient = assert_as_on_the_cpu(&config, &sizes, &device);
        let of_genes = gradient.len() - GENES * config.gene_embedding;
        assert!(gradient[of_genes..].iter().all(|value| *value != 0.0), "{config:?}");
        assert_eq!(of_genes, config.parameters());
    }
}

/// Holds a network to the CPU, and to the same bits in another run; gives the gradient of its weights.
fn assert_as_on_the_cpu(config: &CdcinConfig, sizes: &[[usize; 3]], device: &Device) -> Vec<f32> {
    let expected = outputs_and_gradient(config, sizes, &Device::flex());
    let mut found = outputs_and_gradient(config, sizes, device);
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found.len(), expected.len());
        let scale = expected.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
            let off = (found - expected).abs();
            assert!(off <= 1e-5 * scale, "{config:?}, {i}[{at}]: {found}, on the CPU {expected} of {scale}");
        }
    }
    assert!(found == outputs_and_gradient(config, sizes, device), "{config:?}: another run, other bits");
    found.pop().unwrap_or_default()
}

/// Losses and gradients of recipes that see a section in every way, from stacks whose memory is transposed.
#[test]
fn losses_and_their_gradients_equal_the_cpus_and_repeat_bit_for_bit() {
    let Some(device) = common::adapter() else { return };
    let plain = InputConfig::new(2, Upsampling::Nearest);
    let guides = vec![Guide::Tissue, Guide::Lattice];
    let guided = InputConfig { guides, components: 2, stains: 1, ..InputConfig::new(2, Upsampling::Bilinear) };
    let scattered = InputConfig {
        scattered: true,
        guides: vec![Guide::Lattice],
        components: 2,
        stains: 1,
        ..InputConfig::new(2, Upsampling::Bilinear)
    };
    let coarse = InputConfig { guides: vec![Guide::Lattice], ..InputConfig::new(3, Upsampling::Bilinear) };
    // Sides that are padded by mirroring, and so short ones that their last pixel is repeated.
    let cases = [
        (plain.clone(), Distance::L1, 3, [12, 20], 1, 12),
        (guided.clone(), Distance::L2, 1, [14, 8], 3, 20),
        (guided, Distance::Huber, 2, [4, 6], 1, 4),
        (coarse, Distance::L2, 1, [9, 12], 2, 9),
        (scattered, Distance::L2, 2, [20, 37], 3, 19),
    ];
    for (input, distance, section, [rows, cols], images, side) in cases {
        let channels = 3 + input.components + input.stains * input.factor().pow(2);
        let none = input.scattered;
        let config = CdcinConfig {
            input_channels: 1 + input.guides.len() + input.components + input.stains,
            ..CdcinConfig { cascades: 2, channels: 16, growth: 8, blocks: 1, layers: 1, ..CdcinConfig::default() }
        };
        let recipe = Objective { input, lambda: 10.0, distance };
        let of = |device: &Device| {
            let device = device.clone().autodiff();
            let stack = noise([section, channels, cols, rows], 1, &device).swap_dims(2, 3);
            let inside = stack.clone().narrow(1, 1, 2).greater_elem(-0.5).float();
            let guides = (channels > 3).then(|| stack.clone().narrow(1, 3, channels - 3));
            // So few that values spread over several pixels, and not everywhere.
            let few = |count: usize, rows: usize, cols: usize, seed: u64| {
                noise([count, 1, rows, cols], seed, &device).greater_elem(0.95).float()
            };
            let kept = none.then(|| few(section, rows, cols, 3));
            let parts = [stack.narrow(1, 0, 1), inside].into_iter().chain(guides).chain(kept).collect();
            let pictures = noise([images, 1, side, side], 2, &device).swap_dims(2, 3);
            let measured = noise([images, 1, side, side], 4, &device).greater_elem(0.3).float();
            let thinned = measured.clone() * few(images, side, side, 5);
            let masks = none.then_some([measured, thinned]).into_iter().flatten();
            let batch = Batch {
                section: Some(Tensor::cat(parts, 1)),
                genes: vec![0; section],
                images: Some(Tensor::cat(std::iter::once(pictures).chain(masks).collect(), 1)),
                dense: true,
            };
            let net = config.init(3, &device);
            let net = trainable(&net, &(flatten(&net) + noise([config.parameters()], 1, &device).inner() * 0.05));
            let (losses, gradient) = recipe.gradient(&net, &batch, 2);
            let losses = [losses.st_m, losses.st_h, losses.gni_m, losses.gni_h, Some(losses.total)];
            let values = |tensor: Tensor<1>| tensor.into_data().iter::<f32>().collect::<Vec<f32>>();
            (losses.map(|loss| values(loss.unwrap())[0]), values(gradient))
        };
        let ((losses, gradient), (expected_losses, expected)) = (of(&device), of(&Device::flex()));
        for (found, expected) in losses.iter().zip(&expected_losses) {
            assert!((found / expected - 1.0).abs() <= 1e-5, "{recipe:?}: {losses:?}, on the CPU {expected_losses:?}");
        }
        let scale = expected.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        for (at, (found, expected)) in gradient.iter().zip(&expected).enumerate() {
            let off = (found - expected).abs();
            assert!(off <= 1e-5 * scale, "{recipe:?}, gradient[{at}]: {found}, on the CPU {expected} of {scale}");
        }
        assert!((losses, gradient) == of(&device), "{recipe:?}: another run, other bits");
    }
}

/// Steps of Adam by gradients of every size, with clipping and without, and weights that somebody else still holds.
#[test]
fn adam_equals_the_cpus() {
    let Some(device) = common::adapter() else { return };
    for clip in [0.0, 0.5] {
        let config = FitConfig { clip, ..FitConfig::default() };
        let of = |device: &Device| {
            let mut weights = noise([1001], 1, device);
            let (mut adam, start) = (Adam::new(&weights), weights.clone());
            for made in 1..=5 {
                let gradient = noise([1001], 10 + made as u64, device).powi_scalar(5) * 0.1;
                weights = adam.step(&config, weights, gradient, 1e-2 / made as f64, made);
            }
            [start, weights, adam.first, adam.second].map(|vector| vector.into_data().iter::<f32>().collect::<Vec<_>>())
        };
        for (found, expected) in of(&device).iter().zip(&of(&Device::flex())) {
            let most = expected.iter().fold(0.0f32, |most, value| most.max(value.abs()));
            assert!(
                found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() <= 1e-6 * most),
                "{clip}"
            );
        }
    }
}

/// Every launch costs a GPU's host time, whatever its size: of our kernels (the network's, one that makes its input, three of the losses, one of
/// Adam), and of all with burn's operations that take the losses apart.
#[test]
fn a_training_step_launches_few_kernels() {
    let Some(device) = common::adapter() else { return };
    let config = |recipe: &str| Config::load(Some(Path::new(&format!("configs/{recipe}.yaml"))), &[]).unwrap();
    let (paper, quick) = (config("paper"), config("quick"));
    // That of a panel has images, and embeddings of its genes.
    let panel = quick.clone().guided(2);
    let cases = [
        ("paper", paper, 751 + 5, false),
        ("quick", quick.clone(), 86 + 5, false),
        ("a panel's", panel, 86 + 17 + 5, false),
        // Two more fill what lies between measured bins.
        ("quick, without a lattice", quick, 86 + 2 + 5, true),
    ];
    for (recipe, config, ours, scattered) in cases {
        let most = ours + 10;
        let steps = Steps { patch: 16, examples: 1, warmup: 1, scattered };
        let (launched, losses) = steps.count(&config, &device).unwrap();
        let count = |of: &dyn Fn(&str) -> bool| -> usize {
            launched.iter().flatten().filter(|(name, _)| of(name)).map(|(_, times)| times).sum()
        };
        assert_eq!(count(&|name| name.contains("kernels::gpu")), ours, "{recipe}");
        assert!(count(&|_| true) <= most, "{recipe}: {} kernels, expected {most} at most", count(&|_| true));
        assert!(losses.iter().all(|loss| loss.is_finite()), "{recipe}: {losses:?}");
    }
}
