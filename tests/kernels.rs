//! The network on the CPU kernels against the same network composed of burn's operations.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use s2s::kernels::ops;
use s2s::network::{Cdcin, CdcinConfig};

/// Small, and of sizes that fill no vector: 12 channels, 5 of growth, two guides.
fn config() -> CdcinConfig {
    CdcinConfig {
        cascades: 2,
        channels: 12,
        growth: 5,
        blocks: 2,
        layers: 3,
        window: 4,
        heads: 3,
        alpha: 0.3,
        mlp_ratio: 2,
        compress: 3,
        squeeze: 4,
        input_channels: 3,
        ..CdcinConfig::default()
    }
}

fn image(channels: usize, device: &Device) -> Tensor<4> {
    let (b, h, w) = (2, 14, 19);
    let values: Vec<f32> = (0..b * channels * h * w).map(|i| ((i * 7919) % 1009) as f32 / 1009.0).collect();
    Tensor::from_data(TensorData::new(values, [b, channels, h, w]), device)
}

fn outputs(net: &Cdcin, device: &Device) -> Vec<Tensor<4>> {
    let mask = image(1, device).greater_elem(0.5).float();
    net.forward(image(1, device), mask, Some(image(2, device)))
}

fn largest_difference(a: Vec<f32>, b: Vec<f32>) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().unwrap()
}

#[test]
fn inference_equals_plain_burn() {
    let device = Device::flex();
    let net = config().init(3, &device);
    let fused = outputs(&net, &device);
    let plain = ops::without(|| outputs(&net, &device));
    for (fused, plain) in fused.into_iter().zip(plain) {
        assert!(largest_difference(values(fused), values(plain)) <= 1e-5);
    }
}

#[test]
fn gradients_equal_plain_burn() {
    let device = Device::flex().autodiff();
    let net = config().init(3, &device);
    let loss = || {
        let outputs = outputs(&net, &device).into_iter().map(|y| (y - 0.3).abs().mean());
        outputs.reduce(|a, b| a + b).unwrap().backward()
    };
    let (fused, plain) = (loss(), ops::without(loss));
    struct Compare<'a, G>(&'a G, &'a G, usize);
    impl burn::module::ModuleVisitor for Compare<'_, burn::tensor::Gradients> {
        fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
            let [fused, plain] = [self.0, self.1].map(|grads| values(param.val().grad(grads).unwrap()));
            let scale = plain.iter().fold(1e-3f32, |most, x| most.max(x.abs()));
            let difference = largest_difference(fused, plain);
            assert!(difference <= 1e-4 * scale, "off by {difference}, scale {scale}");
            self.2 += 1;
        }
    }
    let mut compare = Compare(&fused, &plain, 0);
    net.visit(&mut compare);
    // Per stage 10 outside of blocks; per block 8 for the dense block and 21 for each of two attention blocks.
    assert_eq!(compare.2, 2 * (10 + 2 * (8 + 2 * 21)));
}

/// Weights that need no gradient, an input that does, and the other way round.
#[test]
fn either_side_may_be_a_constant() {
    let device = Device::flex().autodiff();
    let weight = Tensor::<4>::full([4, 3, 3, 3], 0.5, &device);
    let bias = Tensor::<1>::zeros([4], &device);
    let x = Tensor::<4>::ones([1, 5, 5, 3], &device);
    let y = ops::convolution(vec![x.clone().require_grad()], (weight.clone(), bias.clone()));
    assert_eq!(values(y)[0], 0.5 * 3.0 * 4.0);
    let bias = bias.require_grad();
    let grads = ops::convolution(vec![x], (weight, bias.clone())).sum().backward();
    assert_eq!(values(bias.grad(&grads).unwrap()), [25.0; 4]);
}
