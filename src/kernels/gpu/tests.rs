//! Every part of a block, forward and backward, beside the same part of the CPU's kernels, on the first Vulkan adapter, which may
//! be software.

use super::forward::HybridTape;
use super::functions::EPSILON;
use super::losses::{TERMS, Terms};
use super::plan::{Dimensions, Pass, Plan};
use super::products::Products;
use super::step_input::{Column, StepInput, View};
use super::tables::UPLOADS;
use crate::compute::DeviceChoice;
use crate::kernels::attention::WindowAttention;
use crate::kernels::channel_attention::ChannelAttention;
use crate::kernels::conv::{Taps, convolve};
use crate::kernels::dense::DenseBlock;
use crate::kernels::functions::gelu_of;
use crate::kernels::hybrid::HybridBlock;
use crate::kernels::image::{Extent, Finish, Source};
use crate::kernels::mlp::Mlp;
use crate::kernels::norm::Norm;
use crate::kernels::tests::noise;
use burn::backend::DispatchDevice;
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeDevice;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use proptest::prelude::*;

/// The first adapter, if there is one.
pub(super) fn adapter() -> Option<CubeDevice> {
    match DeviceChoice::Vulkan(0).open().ok()?.as_dispatch() {
        DispatchDevice::Cube(device) => Some(device.clone()),
        _ => None,
    }
}

pub(super) fn upload(values: &[f32], device: &CubeDevice) -> CubeTensor {
    let client = device.client();
    let handle = client.create_from_slice(f32::as_bytes(values));
    CubeTensor::new_contiguous(client, device.clone(), Shape::from([values.len()]), handle, DType::F32)
}

pub(super) fn values(tensor: &CubeTensor) -> Vec<f32> {
    f32::from_bytes(&tensor.client.read_one_unchecked(tensor.handle.clone())).to_vec()
}

pub(super) fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= 1e-5 * scale, "{what}[{i}]: {found}, on the CPU {expected} (of {scale})");
    }
}

/// Those of a small network, whose windows are of 4.
pub(super) fn small_dimensions(products: Products) -> Dimensions {
    Dimensions {
        cascades: 1,
        blocks: 1,
        input_channels: 1,
        channels: 16,
        growth: 8,
        layers: 1,
        window: 4,
        heads: 2,
        alpha: 0.5,
        few: 4,
        squeezed: 2,
        hidden: 32,
        data_consistency: true,
        embedding: 0,
        genes: 0,
        products,
    }
}

/// The parameters of a block, weight and bias by weight and bias.
struct Parameters<'a>(&'a [f32]);

impl<'a> Parameters<'a> {
    fn take(&mut self, count: usize) -> &'a [f32] {
        let (first, rest) = self.0.split_at(count);
        self.0 = rest;
        first
    }

    fn pair(&mut self, inputs: usize, outputs: usize) -> (&'a [f32], &'a [f32]) {
        (self.take(inputs * outputs), self.take(outputs))
    }

    fn norm(&mut self, channels: usize) -> Norm<'a> {
        Norm { weight: self.take(channels), bias: self.take(channels) }
    }

    fn hybrid(&mut self, of: &Dimensions, extent: Extent, shift: usize) -> HybridBlock<'a> {
        let Dimensions { channels: c, heads, window, few, squeezed, hidden, alpha, .. } = *of;
        let (norm, norm2, qkv, proj) = (self.norm(c), self.norm(c), self.pair(c, 3 * c), self.pair(c, c));
        let position_bias = self.take((2 * window - 1).pow(2) * heads);
        HybridBlock {
            alpha,
            norm,
            attention: WindowAttention { extent, window, shift, heads, qkv, proj, position_bias },
            conv1: self.pair(9 * c, few),
            conv2: self.pair(9 * few, c),
            channels: ChannelAttention { squeeze: self.pair(c, squeezed), excite: self.pair(squeezed, c) },
            mlp: Mlp { norm: norm2, fc1: self.pair(c, hidden), fc2: self.pair(hidden, c) },
        }
    }
}

/// Mean and one over the standard deviation of every pixel.
fn moments(x: &[f32], channels: usize) -> Vec<f32> {
    let of = |pixel: &[f32]| {
        let mean = pixel.iter().sum::<f32>() / channels as f32;
        let spread = pixel.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / channels as f32;
        [mean, 1.0 / (spread + EPSILON).sqrt()]
    };
    x.chunks_exact(channels).flat_map(of).collect()
}

/// A hybrid block, part by part from what the part before it gave on the GPU, up to its MLP.
fn assert_parts(tape: &HybridTape, block: &HybridBlock, what: &str) {
    let (x, middle, compressed) = (values(&tape.x), values(&tape.middle), values(&tape.compressed));
    let (extent, c, few) = (block.attention.extent, block.conv2.1.len(), block.conv1.1.len());
    assert_close(&values(&tape.moments), &moments(&x, c), &format!("{what}: moments"));
    let mut normal = vec![0.0; x.len()];
    block.norm.apply(&x, &mut normal);
    let convolved = |source: &[f32], channels: usize, (weight, bias): (&[f32], &[f32])| {
        let mut out = vec![0.0; extent.pixels() * bias.len()];
        let finish = Finish { bias: Some(bias), ..Finish::default() };
        let source = Source { values: source, channels };
        convolve(extent, &[source], &Taps::forward(weight, bias.len(), 3), finish, &mut out);
        out
    };
    assert_close(&compressed, &convolved(&normal, c, block.conv1), &format!("{what}: first convolution"));
    let mut active = vec![0.0; compressed.len()];
    gelu_of(&compressed, &mut active);
    assert_close(&values(&tape.active), &active, &format!("{what}: GELU"));
    let expanded = convolved(&active, few, block.conv2);
    let gates = block.channels.gates(&expanded, extent.batch);
    let kept = values(&tape.gates);
    for (own, expected) in kept.chunks_exact(kept.len() / extent.batch).zip(&gates) {
        assert_close(&own[..c], &expected.gate, &format!("{what}: gates"));
    }
    let image = x.len() / extent.batch;
    let gated = |i: usize| x[i] + block.alpha * gates[i / image].gate[i % c] * expanded[i];
    let mut expected: Vec<f32> = (0..x.len()).map(gated).collect();
    let mut kept = vec![0.0; block.attention.windows() * block.attention.kept()];
    block.attention.forward(&normal, &mut expected, &mut kept);
    assert_close(&middle, &expected, &format!("{what}: attention"));
}

/// The output of a hybrid block's MLP, from its input on the GPU.
fn after_mlp(tape: &HybridTape, block: &HybridBlock) -> Vec<f32> {
    let middle = values(&tape.middle);
    let mut out = vec![0.0; middle.len()];
    block.mlp.forward(&middle, &mut out);
    out
}

/// One of two columns of `[pixels, 2·channels]`.
fn column(both: &[f32], channels: usize, which: usize) -> Vec<f32> {
    both.chunks_exact(2 * channels).flat_map(|both| both[which * channels..][..channels].to_vec()).collect()
}

/// `[pixels, 2·channels]` with these columns.
fn columns(first: &[f32], second: &[f32], channels: usize) -> Vec<f32> {
    first.chunks_exact(channels).zip(second.chunks_exact(channels)).flat_map(|(a, b)| [a, b].concat()).collect()
}

/// A block of these dimensions, for images of one size.
fn check(of: Dimensions, extent: Extent, seed: u64, device: &CubeDevice) {
    let Dimensions { channels: c, growth, layers, window, .. } = of;
    let plan = Plan { dimensions: of, images: vec![(extent.height, extent.width); extent.batch], genes: Vec::new() };
    let base = of.block(0);
    let fan_in = 9.0 * (c + layers * growth) as f32;
    let weights: Vec<f32> = noise(of.cascades * of.stage(), seed).iter().map(|x| x * 2.0 / fan_in.sqrt()).collect();
    let (x, grad) = (noise(extent.pixels() * c, seed + 1), noise(extent.pixels() * c, seed + 2));
    let mut parameters = Parameters(&weights[base..of.block(1)]);
    let layers: Vec<_> = (0..layers).map(|layer| parameters.pair(9 * (c + layer * growth), growth)).collect();
    let fusion = parameters.pair(c + layers.len() * growth, c);
    let dense = DenseBlock { extent, channels: c, layers: &layers, fusion };
    let regular = parameters.hybrid(&of, extent, 0);
    let shifted = parameters.hybrid(&of, extent, window / 2);

    let images = upload(&vec![0.0; 2 * extent.pixels()], device);
    let pass = Pass::new(&plan, images, upload(&weights, device));
    let features = upload(&columns(&x, &x, c), device);
    let tape = pass.block(base, 0, &features);
    let (fused, outputs) = dense.forward(&x);
    assert_close(&values(&tape.halves[0].x), &fused, "dense block");
    assert_parts(&tape.halves[0], &regular, "regular windows");
    assert_close(&values(&tape.halves[1].x), &after_mlp(&tape.halves[0], &regular), "first MLP");
    assert_parts(&tape.halves[1], &shifted, "shifted windows");
    let last = after_mlp(&tape.halves[1], &shifted);
    let expected: Vec<f32> = x.iter().zip(last).map(|(x, y)| x + y).collect();
    assert_close(&column(&values(&features), c, 1), &expected, "block");

    let gradient = upload(&vec![0.0; weights.len()], device);
    let above = upload(&grad, device);
    let found_input = pass.block_backward((0, 0), tape, &features, (&above, &above), &gradient);
    let (between, kept) = regular.forward(&fused);
    let (_, kept2) = shifted.forward(&between);
    let two = shifted.backward(&between, &kept2, &grad);
    let one = regular.backward(&fused, &kept, &two.input);
    let of_dense = dense.backward(&x, &outputs, &one.input);
    let input: Vec<f32> = of_dense.input.iter().zip(&grad).map(|(x, y)| x + y).collect();
    assert_close(&values(&found_input), &input, "gradient of the block's input");
    let mut expected: Vec<(&str, Vec<f32>)> = Vec::new();
    let mut push = |name, (weight, bias): (Vec<f32>, Vec<f32>)| expected.push((name, [weight, bias].concat()));
    of_dense.layers.into_iter().for_each(|layer| push("dense layer", layer));
    push("fusion", of_dense.fusion);
    for g in [one, two] {
        push("first norm", g.norm);
        push("second norm", g.mlp.norm);
        push("qkv", g.attention.qkv);
        push("proj", g.attention.proj);
        push("position bias", (g.attention.position_bias, Vec::new()));
        push("first convolution", g.conv1);
        push("second convolution", g.conv2);
        push("squeeze", g.channels.squeeze);
        push("excite", g.channels.excite);
        push("fc1", g.mlp.fc1);
        push("fc2", g.mlp.fc2);
    }
    let gradient = values(&gradient);
    let mut found = Parameters(&gradient[base..of.block(1)]);
    for (name, expected) in &expected {
        assert_close(found.take(expected.len()), expected, &format!("gradient of {name}"));
    }
    assert!(found.0.is_empty());
}

/// What follows from the sizes of a step's images is uploaded by the first such step alone: tiles, windows and extents of the images, how
/// they lie in their stacks, the columns of the input, and where losses end.
#[test]
fn a_step_with_the_sizes_of_another_uploads_nothing() {
    let Some(device) = adapter() else { return };
    let dimensions = small_dimensions(Products::F32);
    let uploads = |rows: usize| {
        let before = UPLOADS.get();
        let step_input = StepInput {
            views: [(false, 1), (true, 2)].map(|(natural, apart)| View { natural, example: 0, apart }).to_vec(),
            columns: vec![Column::Nearest(0), Column::Lattice],
            scale: 2,
            window: 4,
            stacks: [[3, rows, 6], [1, 2 * rows, 12]],
        };
        let [section, natural] = [18, 24].map(|channels| upload(&noise(channels * rows, 1), &device));
        let (inputs, targets) = step_input.made(section, natural);
        let plan = Plan { dimensions, images: step_input.sizes(), genes: vec![None; 2] };
        let pixels = plan.pixels();
        let weights = upload(&noise(dimensions.parameters(), 2), &device);
        Pass::new(&plan, inputs, weights);
        let outputs = upload(&noise(pixels, 3), &device);
        let outputs = CubeTensor::new_contiguous(
            outputs.client,
            device.clone(),
            Shape::from([1, pixels]),
            outputs.handle,
            DType::F32,
        );
        let terms =
            Terms { ends: [pixels / 2, pixels / 2, pixels, pixels], edge: 0.5, straight: 1.0, weights: [1.0; TERMS] };
        let losses = terms.losses(outputs.clone(), targets.clone());
        terms.gradient(outputs, targets, losses.clone(), losses, 0);
        UPLOADS.get() - before
    };
    assert_eq!([10, 14, 10, 14].map(uploads), [6, 5, 0, 0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_equal_the_cpus(
        channels in prop::sample::select(vec![16usize, 24, 32]),
        growth in prop::sample::select(vec![5usize, 8, 16]),
        layers in 1..4usize,
        heads in prop::sample::select(vec![2usize, 4]),
        batch in prop::sample::select(vec![1usize, 3]),
        sides in (0..2usize, 0..2usize).prop_map(|(h, w)| (8 + 16 * h, 8 + 16 * w)),
        window in prop::sample::select(vec![4usize, 8]),
        seed in 0..1000u64,
    ) {
        let Some(device) = adapter() else { return Ok(()) };
        let of = Dimensions {
            cascades: 1, blocks: 1, input_channels: 1, channels, growth, layers, window, heads, alpha: 0.5,
            few: channels / 4, squeezed: channels / 8, hidden: 2 * channels, data_consistency: true, embedding: 0, genes: 0,
            products: Products::F32,
        };
        prop_assume!(of.fit());
        check(of, Extent { batch, height: sides.0, width: sides.1 }, seed, &device);
    }
}
