//! Time of the network's parts and of its training step on the CPU kernels, beside burn's plain operations.
//!
//!     cargo bench --bench kernels -- [batch height width]      (default 4 32 32; RAYON_NUM_THREADS sets the threads)
//!
//! Medians in ms; GFLOP/s count the multiplications and additions of matrix products alone.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use s2s::kernels::{InstructionSet, ops};
use s2s::network::{Cdcin, CdcinConfig, Conv, ConvConfig, Draw};
use s2s::section::median;
use std::time::Instant;

/// The median of a few runs in ms.
fn time(mut run: impl FnMut()) -> f64 {
    run();
    let times = (0..5).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64() * 1e3
    });
    median(times).unwrap_or(f64::NAN)
}

/// Prints forward, and forward + backward, with the kernels and without; `flops` of one forward pass.
fn report(name: &str, flops: f64, forward: impl Fn(), step: impl Fn()) {
    let row = |pass: &str, flops: f64, run: &dyn Fn()| {
        let (ours, plain) = (time(run), time(|| ops::without(run)));
        let rate = flops / ours / 1e6;
        println!("{name:<22} {pass:<8} {ours:9.2} ms {rate:6.0} GFLOP/s   burn {plain:9.2} ms   {:5.1}×", plain / ours);
    };
    row("forward", flops, &forward);
    row("training", 3.0 * flops, &step);
}

fn noise(shape: [usize; 4], device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..shape.iter().product()).map(|i| ((i * 7919) % 1009) as f32 / 1009.0 - 0.5).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    let [b, h, w] = <[usize; 3]>::try_from(sizes).unwrap_or([4, 32, 32]);
    println!("{b} × {h} × {w}, {} threads, {:?}", rayon::current_num_threads(), InstructionSet::available()[0]);
    let pixels = (b * h * w) as f64;
    let device = Device::flex().autodiff();
    let plain = Device::flex();
    let draw = &mut Draw::new(1);

    for (inputs, outputs) in [(32, 32), (128, 32)] {
        let conv: Conv = ConvConfig::square(inputs, outputs).init(draw, &device);
        let fixed = conv.valid();
        let flops = 2.0 * pixels * (9 * inputs * outputs) as f64;
        let (x, fixed_x) = (noise([b, h, w, inputs], &device).require_grad(), noise([b, h, w, inputs], &plain));
        let name = format!("conv3×3 {inputs}→{outputs}");
        report(
            &name,
            flops,
            || drop(fixed.forward(fixed_x.clone())),
            || drop(conv.forward(x.clone()).sum().backward()),
        );
    }

    let config = CdcinConfig { cascades: 1, blocks: 1, ..CdcinConfig::default() };
    // Per pixel, besides a product with every weight: scores and weighted values, 64 tokens each, in two blocks.
    let attention = |blocks: usize| (blocks * 2 * 2 * 64 * 32) as f64;
    let flops = |net: &CdcinConfig| 2.0 * pixels * (net.parameters() as f64 + attention(net.cascades * net.blocks));
    network("stage of one block", &config, flops(&config), noise([b, 1, h, w], &device));
    let config = CdcinConfig::default();
    network("the whole network", &config, flops(&config), noise([b, 1, h, w], &device));
}

fn network(name: &str, config: &CdcinConfig, flops: f64, x: Tensor<4>) {
    let net = config.init(1, &x.device());
    let fixed = net.valid();
    let run = |net: &Cdcin, x: Tensor<4>| net.forward(x.clone(), x, None).into_iter().map(|y| y.abs().mean());
    let forward = || drop(run(&fixed, x.clone().inner()).collect::<Vec<_>>());
    report(name, flops, forward, || drop(run(&net, x.clone()).reduce(|a, b| a + b).map(|loss| loss.backward())));
}
