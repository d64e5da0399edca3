//! bf16 by twos, and what is kept so: a dense block, beside plain loops on numbers that were rounded at the same places, and the middle of a hybrid block. On
//! the first Vulkan adapter, which may be software.

use super::attention::attention;
use super::attention_gradient::attention_gradient;
use super::conv::Finish;
use super::forward::{Convolution, View};
use super::functions::EPSILON;
use super::gates::{self, gate_channels};
use super::mlp::mlp_gradient;
use super::plan::{Dimensions, Pass, Plan};
use super::products::Products;
use super::tests::{adapter, assert_close, upload, values};
use super::tiles::Size;
use super::words::{number, pair};
use crate::kernels::tests::noise;
use burn_cubecl::CubeDevice;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use half::bf16;
use proptest::prelude::*;

/// Two neighbouring values as a word, and what it has of each.
#[cube(launch)]
fn through_words(of: &[f32], words: &mut [u32], back: &mut [f32]) {
    let at = ABSOLUTE_POS;
    if at < of.len() {
        words[at / 2] = pair(of[at / 2 * 2], of[at / 2 * 2 + 1], false);
        back[at] = number(&*words, at, true);
    }
}

fn words(tensor: &CubeTensor) -> Vec<u32> {
    u32::from_bytes(&tensor.client.read_one_unchecked(tensor.handle.clone())).to_vec()
}

/// The numbers of a buffer of words.
fn numbers(tensor: &CubeTensor) -> Vec<f32> {
    words(tensor).into_iter().flat_map(|word| [word << 16, word & 0xffff_0000]).map(f32::from_bits).collect()
}

fn rounded(values: &[f32]) -> Vec<f32> {
    values.iter().map(|value| bf16::from_f32(*value).to_f32()).collect()
}

#[test]
fn words_are_the_nearest_bf16() {
    let Some(device) = adapter() else { return };
    let near = (0..1u32 << 10).map(|i| f32::from_bits(0x3f80_0000 + i * 0x1234 % 0x4_0000 + 0x7ff0 + i % 32));
    let ends = [0.0, -0.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE, f32::INFINITY, f32::NEG_INFINITY, 1.0];
    let none = [f32::NAN, -f32::NAN, f32::from_bits(0x7fff_ffff), f32::from_bits(0xff80_0001)];
    let given: Vec<f32> = near.chain(noise(1 << 10, 1)).chain(ends).chain(none).collect();
    let (of, out, back) = (upload(&given, &device), upload(&given, &device), upload(&given, &device));
    through_words::launch(
        &of.client,
        CubeCount::Static(given.len().div_ceil(64) as u32, 1, 1),
        CubeDim::new_1d(64),
        of.clone().into_buffer_arg(),
        out.clone().into_buffer_arg(),
        back.clone().into_buffer_arg(),
    );
    let (found, back) = (numbers(&out), values(&back));
    for (i, value) in given.iter().enumerate() {
        let expected = bf16::from_f32(*value).to_f32();
        for found in [found[i], back[i]] {
            let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
            assert!(same, "{value:e} ({:#x}): {found:e}, expected {expected:e}", value.to_bits());
        }
    }
}

/// A list of images, channels last.
#[derive(Clone)]
struct Image {
    values: Vec<f32>,
    channels: usize,
}

impl Image {
    /// So many of its channels.
    fn only(&self, first: usize, count: usize) -> Image {
        let values = self.values.chunks_exact(self.channels).flat_map(|pixel| pixel[first..first + count].to_vec());
        Image { values: values.collect(), channels: count }
    }
}

/// A convolution's weights, `[outputs, inputs, side²]`, rounded, and its biases.
struct Layer {
    weights: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
    side: usize,
}

impl Layer {
    fn take(parameters: &mut &[f32], inputs: usize, outputs: usize, side: usize) -> Self {
        let (weights, rest) = parameters.split_at(inputs * outputs * side * side);
        let (bias, rest) = rest.split_at(outputs);
        *parameters = rest;
        Layer { weights: rounded(weights), bias: bias.to_vec(), inputs, side }
    }

    /// What is multiplied in an image of this size: output pixel, input pixel, tap.
    fn meetings(&self, (height, width): Size) -> Vec<(usize, usize, usize)> {
        let (side, reach) = (self.side, self.side / 2);
        let mut all = Vec::new();
        for pixel in 0..height * width {
            for tap in 0..side * side {
                let (row, col) = (pixel / width + tap / side, pixel % width + tap % side);
                if row >= reach && row < height + reach && col >= reach && col < width + reach {
                    all.push((pixel, (row - reach) * width + col - reach, tap));
                }
            }
        }
        all
    }

    fn weight(&self, output: usize, input: usize, tap: usize) -> f64 {
        f64::from(self.weights[(output * self.inputs + input) * self.side * self.side + tap])
    }

    fn forward(&self, x: &Image, size: Size) -> Vec<f64> {
        let outputs = self.bias.len();
        let mut out: Vec<f64> = (0..size.0 * size.1).flat_map(|_| self.bias.iter().map(|b| f64::from(*b))).collect();
        for (to, from, tap) in self.meetings(size) {
            for (o, i) in (0..outputs).flat_map(|o| (0..self.inputs).map(move |i| (o, i))) {
                out[to * outputs + o] += self.weight(o, i, tap) * f64::from(x.values[from * x.channels + i]);
            }
        }
        out
    }

    /// Adds the gradient of some inputs.
    fn back(&self, grad: &Image, first: usize, sums: &mut [f64], size: Size) {
        let count = sums.len() / (size.0 * size.1);
        for (from, to, tap) in self.meetings(size) {
            for (o, i) in (0..grad.channels).flat_map(|o| (0..count).map(move |i| (o, i))) {
                sums[to * count + i] +=
                    self.weight(o, first + i, tap) * f64::from(grad.values[from * grad.channels + o]);
            }
        }
    }

    /// The gradients of weights and biases.
    fn gradients(&self, x: &Image, grad: &Image, size: Size) -> Vec<f32> {
        let (square, outputs) = (self.side * self.side, grad.channels);
        let mut sums = vec![0.0; outputs * (self.inputs * square + 1)];
        for (to, from, tap) in self.meetings(size) {
            for (o, i) in (0..outputs).flat_map(|o| (0..self.inputs).map(move |i| (o, i))) {
                let product = f64::from(grad.values[to * outputs + o]) * f64::from(x.values[from * x.channels + i]);
                sums[(o * self.inputs + i) * square + tap] += product;
            }
        }
        for (at, value) in grad.values.iter().enumerate() {
            sums[outputs * self.inputs * square + at % outputs] += f64::from(*value);
        }
        sums.into_iter().map(|sum| sum as f32).collect()
    }
}

/// bf16 numbers beside those that they are the nearest to, up to what sums of f32 may be off.
fn assert_rounded(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0f64, |most, value| most.max(value.abs()));
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let bar = expected.abs() / 256.0 + 1e-5 * scale;
        assert!((f64::from(*found) - expected).abs() <= bar, "{what}[{i}]: {found}, expected {expected}");
    }
}

/// What LayerNorm without scale and shift makes of pixels, and their moments.
fn assert_normal(found: &[f32], moments: &[f32], pixels: &[f64], channels: usize) {
    for ((found, moments), pixel) in
        found.chunks_exact(channels).zip(moments.chunks_exact(2)).zip(pixels.chunks_exact(channels))
    {
        let mean = pixel.iter().sum::<f64>() / channels as f64;
        let spread = pixel.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / channels as f64;
        let scale = 1.0 / (spread + f64::from(EPSILON)).sqrt();
        assert!((f64::from(moments[0]) - mean).abs() <= 1e-5 && (f64::from(moments[1]) / scale - 1.0).abs() <= 1e-4);
        let expected: Vec<f64> = pixel.iter().map(|x| (x - mean) * scale).collect();
        assert_rounded(found, &expected, "normalised fusion");
    }
}

fn singles(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

/// A dense block of these dimensions, part by part from what the part before it gave on the GPU.
fn check(of: Dimensions, size: Size, seed: u64, device: &CubeDevice) {
    let Dimensions { channels: c, growth, layers, .. } = of;
    let plan = Plan { dimensions: of, images: vec![size], genes: Vec::new() };
    let (pixels, base) = (plan.pixels(), of.block(0));
    let weights: Vec<f32> = noise(of.parameters(), seed).iter().map(|weight| weight * 0.3).collect();
    let mut parameters = &weights[base..];
    let seen = |layer: usize| c + layer * growth;
    let each: Vec<_> = (0..layers).map(|layer| Layer::take(&mut parameters, seen(layer), growth, 3)).collect();
    let fusion = Layer::take(&mut parameters, seen(layers), c, 1);

    let pass = Pass::new(&plan, upload(&vec![0.0; 2 * pixels], device), upload(&weights, device));
    let x = Image { values: noise(pixels * c, seed + 1), channels: c };
    let features: Vec<f32> = x.values.chunks_exact(c).flat_map(|pixel| [pixel, pixel].concat()).collect();
    let features = upload(&features, device);
    let tape = pass.block(base, 0, &features);
    let kept = Image { values: numbers(&tape.grown), channels: seen(layers) };
    assert_eq!(kept.only(0, c).values, rounded(&x.values));
    for (layer, own) in each.iter().enumerate() {
        let expected: Vec<f64> = own.forward(&kept, size).into_iter().map(|sum| sum.max(0.0)).collect();
        assert_rounded(&kept.only(seen(layer), growth).values, &expected, "layer");
    }
    assert_normal(&numbers(&tape.halves[0].x), &values(&tape.halves[0].moments), &fusion.forward(&kept, size), c);

    let of_fusion = Image { values: rounded(&noise(pixels * c, seed + 2)), channels: c };
    let fused = by_twos(&of_fusion.values, of.products, device);
    let found = pass.dense_gradients(base, &fused, &tape.masks);
    let grads = Image { values: numbers(&found), channels: layers * growth };
    let of_layer = |layer: usize| grads.only(layer * growth, growth);
    let back = |first: usize, count: usize, readers: std::ops::Range<usize>| {
        let mut sums = vec![0.0; pixels * count];
        fusion.back(&of_fusion, first, &mut sums, size);
        readers.for_each(|reader| each[reader].back(&of_layer(reader), first, &mut sums, size));
        sums
    };
    for layer in 0..layers {
        let sums = back(seen(layer), growth, layer + 1..layers);
        let given = kept.only(seen(layer), growth).values;
        let expected: Vec<f64> = sums.iter().zip(given).map(|(sum, x)| if x > 0.0 { *sum } else { 0.0 }).collect();
        assert_rounded(&of_layer(layer).values, &expected, "gradient of a layer");
    }

    let rows = pass.tiles.count.min(3);
    let length = pass.plan.dense().parameters();
    let partial = pass.empty(rows * length);
    pass.dense_weights((&features, 0), tape.grown, (&fused, &found), (&partial, rows));
    let past = upload(&x.values, device);
    let input = pass.dense_input((base, 0), (fused.clone(), found), &past, &fused, None);
    let expected: Vec<f64> = back(0, c, 0..layers).iter().zip(&x.values).map(|(sum, x)| sum + f64::from(*x)).collect();
    assert_close(&values(&input), &singles(&expected), "gradient of the input");
    let partial = values(&partial);
    let mut sums = (0..length).map(|at| (0..rows).map(|row| partial[row * length + at]).sum::<f32>());
    let mut assert_weights = |own: &Layer, grad: &Image, what: &str| {
        let expected = own.gradients(&kept, grad, size);
        assert_close(&sums.by_ref().take(expected.len()).collect::<Vec<_>>(), &expected, what);
    };
    each.iter().enumerate().for_each(|(layer, own)| assert_weights(own, &of_layer(layer), "gradient of weights"));
    assert_weights(&fusion, &of_fusion, "gradient of the fusion's weights");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn dense_blocks_of_bf16_are_those_of_rounded_numbers(
        channels in prop::sample::select(vec![6usize, 16, 20]),
        growth in prop::sample::select(vec![2usize, 10, 16]),
        layers in 1..4usize,
        sides in (1..6usize, 1..4usize),
        seed in 0..1000u64,
    ) {
        let Some(device) = adapter() else { return Ok(()) };
        let of = Dimensions {
            cascades: 1, blocks: 1, input_channels: 1, channels, growth, layers, window: 4, heads: 2, alpha: 0.5,
            few: 2, squeezed: 2, hidden: 2 * channels, data_consistency: true, embedding: 0, genes: 0,
            products: Products::BF16,
        };
        check(of, (4 * sides.0, 4 * sides.1), seed, &device);
    }
}

/// Dimensions whose hybrid blocks have windows of 4.
fn hybrid_dimensions(products: Products) -> Dimensions {
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

/// These numbers, which are bf16, as a network of such products has them in memory.
fn by_twos(values: &[f32], products: Products, device: &CubeDevice) -> CubeTensor {
    let twos = values.chunks_exact(2).map(|two| f32::from_bits(two[0].to_bits() >> 16 | two[1].to_bits()));
    if products.halves { upload(&twos.collect::<Vec<_>>(), device) } else { upload(values, device) }
}

/// What the MLP's backward pass reads is what it read forward, rounded; all else that attention gives is the same.
#[test]
fn the_middle_of_a_hybrid_block_is_kept_rounded() {
    let Some(device) = adapter() else { return };
    let size = (8, 12);
    let pixels = size.0 * size.1;
    let given = |numbers: usize, seed: u64| upload(&noise(numbers, seed), &device);
    let of = |products: Products| {
        let dimensions = hybrid_dimensions(products);
        let plan = Plan { dimensions, images: vec![size], genes: Vec::new() };
        let weights = upload(&noise(dimensions.parameters(), 1), &device);
        let pass = Pass::new(&plan, given(2 * pixels, 2), weights);
        let hybrid = pass.plan.hybrid();
        let active = by_twos(&rounded(&noise(pixels * 4, 4)), products, &device);
        let (x, gates) = (given(pixels * 16, 3), given(hybrid.gates(), 5));
        let (logs, middle) = (pass.image(2), pass.words(pixels * hybrid.middle()));
        let (out, moments, normal) = (pass.image(16), pass.image(2), pass.words(pixels * 8));
        attention::launch(
            &pass.weights.client,
            CubeCount::Static(pass.windows.count as u32, 1, 1),
            CubeDim::new_1d(hybrid.attention_units()),
            x.into_buffer_arg(),
            active.into_buffer_arg(),
            gates.into_buffer_arg(),
            pass.weights.clone().into_buffer_arg(),
            pass.windows.buffer.clone().into_buffer_arg(),
            logs.clone().into_buffer_arg(),
            middle.clone().into_buffer_arg(),
            out.clone().into_buffer_arg(),
            moments.clone().into_buffer_arg(),
            normal.clone().into_buffer_arg(),
            dimensions.block(0),
            2usize,
            0usize,
            0usize,
            hybrid.scale(),
            0.5f32,
            hybrid,
            false,
        );
        ([logs, out, moments].map(|buffer| values(&buffer)), middle, normal)
    };
    let ((exact, middle, _), (found, halves, normal)) = (of(Products::F32), of(Products::BF16));
    assert!(exact == found && exact.iter().flatten().all(|value| value.is_finite()));
    assert_eq!(numbers(&halves), rounded(&values(&middle)));
    let [_, out, moments] = found;
    let out: Vec<f64> = out.into_iter().map(f64::from).collect();
    assert_normal(&numbers(&normal), &moments, &out, 16);
}

/// The gradients of the MLP from rounded numbers are the same, whether they lie by twos or not.
#[test]
fn the_mlp_reads_what_was_kept() {
    let Some(device) = adapter() else { return };
    let pixels = 8 * 12;
    let middle = rounded(&noise(pixels * 16, 6));
    let of = |products: Products| {
        let dimensions = hybrid_dimensions(products);
        let plan = Plan { dimensions, images: vec![(8, 12)], genes: Vec::new() };
        let weights = upload(&noise(dimensions.parameters(), 1), &device);
        let pass = Pass::new(&plan, upload(&noise(2 * pixels, 2), &device), weights);
        let hybrid = pass.plan.hybrid();
        let (out, partial) = (pass.image(16), upload(&vec![0.0; 2 * hybrid.parameters()], &device));
        let twos = pass.words(pixels * 8);
        mlp_gradient::launch(
            &pass.weights.client,
            CubeCount::Static(2, 1, 1),
            CubeDim::new_1d(hybrid.gradient_units()),
            by_twos(&middle, products, &device).into_buffer_arg(),
            upload(&noise(pixels * 16, 7), &device).into_buffer_arg(),
            pass.weights.clone().into_buffer_arg(),
            out.clone().into_buffer_arg(),
            twos.clone().into_buffer_arg(),
            partial.clone().into_buffer_arg(),
            dimensions.block(0),
            0usize,
            hybrid.parameters(),
            pixels,
            hybrid,
        );
        ([out, partial].map(|buffer| values(&buffer)), twos)
    };
    let ((exact, _), (found, twos)) = (of(Products::F32), of(Products::BF16));
    assert!(exact == found && exact.iter().flatten().any(|value| *value != 0.0));
    assert_eq!(numbers(&twos), rounded(&found[0]));
}

/// The few channels of the channel attention are kept rounded, before and after GELU, and its gates are those of what was kept.
#[test]
fn the_few_channels_are_kept_rounded() {
    let Some(device) = adapter() else { return };
    let (size, few) = ((8, 12), 4);
    let pixels = size.0 * size.1;
    let compressed = rounded(&noise(pixels * few, 8));
    let of = |products: Products| {
        let dimensions = hybrid_dimensions(products);
        let plan = Plan { dimensions, images: vec![size], genes: Vec::new() };
        let weights = upload(&noise(dimensions.parameters(), 1), &device);
        let pass = Pass::new(&plan, upload(&noise(2 * pixels, 2), &device), weights);
        let hybrid = pass.plan.hybrid();
        let (active, gates) = (pass.words(pixels * hybrid.narrow()), pass.empty(hybrid.gates()));
        gate_channels::launch(
            &pass.weights.client,
            CubeCount::Static(1, 1, 1),
            CubeDim::new_1d(gates::UNITS),
            by_twos(&compressed, products, &device).into_buffer_arg(),
            pass.weights.clone().into_buffer_arg(),
            pass.extents.buffer.clone().into_buffer_arg(),
            active.clone().into_buffer_arg(),
            gates.clone().into_buffer_arg(),
            0usize,
            hybrid,
        );
        (active, values(&gates))
    };
    let ((exact, gates_exact), (active, gates)) = (of(Products::F32), of(Products::BF16));
    assert_eq!(numbers(&active), rounded(&values(&exact)));
    for (found, expected) in gates.iter().zip(&gates_exact) {
        assert!((found - expected).abs() <= 2e-2 * expected.abs().max(1.0), "{found}, of f32 {expected}");
    }
}

/// A convolution reads and writes the same, by twos or not.
#[test]
fn convolutions_write_by_twos_what_they_would_write() {
    let Some(device) = adapter() else { return };
    let (size, few) = ((8, 12), 6);
    let pixels = size.0 * size.1;
    let dimensions = hybrid_dimensions(Products::BF16);
    let plan = Plan { dimensions, images: vec![size], genes: Vec::new() };
    let weights = upload(&noise(dimensions.parameters(), 1), &device);
    let pass = Pass::new(&plan, upload(&noise(2 * pixels, 2), &device), weights);
    let (source, other) = (upload(&noise(pixels * 3, 9), &device), rounded(&noise(pixels * few, 10)));
    let of = |halves: bool, finish: Finish| {
        let other = by_twos(&other, Products { halves, ..Products::F32 }, &device);
        let out = pass.words(if halves { pixels * few / 2 } else { pixels * few });
        let put = Some(View::by_twos(&other, few, halves));
        let convolution = Convolution { finish, other: put, ..Convolution::forward(0, 3, 3, few) };
        pass.convolve(&convolution, View::new(&source, 3), View::by_twos(&out, few, halves));
        out
    };
    for finish in [Finish::Plain, Finish::Add, Finish::Slope] {
        assert_eq!(numbers(&of(true, finish)), rounded(&values(&of(false, finish))), "{finish:?}");
    }
}

/// The gradient of window attention from normal pixels and their moments is that from the pixels, by twos or not.
#[test]
fn attention_goes_back_from_normal_pixels() {
    let Some(device) = adapter() else { return };
    let (size, c) = ((8, 12), 16);
    let pixels = size.0 * size.1;
    // What a norm leaves is not changed by a norm, up to rounding: so both read the same numbers.
    let normal: Vec<f32> = noise(pixels * c, 11).chunks_exact(c).flat_map(normalised).collect();
    let scales = noise(2 * pixels, 12);
    let of = |products: Products, out_halves: bool| {
        let dimensions = hybrid_dimensions(products);
        let plan = Plan { dimensions, images: vec![size], genes: Vec::new() };
        let weights = upload(&noise(dimensions.parameters(), 1), &device);
        let pass = Pass::new(&plan, upload(&noise(2 * pixels, 2), &device), weights);
        let hybrid = pass.plan.hybrid();
        let partial = upload(&vec![0.0; 2 * hybrid.parameters()], &device);
        let out = pass.words(if out_halves { pixels * c / 2 } else { pixels * c });
        let given = |numbers: usize, seed: u64| upload(&noise(numbers, seed), &device);
        let narrow = by_twos(&rounded(&noise(pixels * 4, 13)), products, &device);
        attention_gradient::launch(
            &pass.weights.client,
            CubeCount::Static(2, 1, 1),
            CubeDim::new_1d(hybrid.attention_units()),
            by_twos(&rounded(&normal), products, &device).into_buffer_arg(),
            upload(&scales, &device).into_buffer_arg(),
            given(pixels * 2, 14).into_buffer_arg(),
            given(pixels * c, 15).into_buffer_arg(),
            narrow.into_buffer_arg(),
            pass.weights.clone().into_buffer_arg(),
            pass.windows.buffer.clone().into_buffer_arg(),
            pass.empty(2 * hybrid.tokens() * c).into_buffer_arg(),
            out.clone().into_buffer_arg(),
            partial.clone().into_buffer_arg(),
            dimensions.block(0),
            0usize,
            hybrid.parameters(),
            pass.windows.count,
            2usize,
            hybrid.scale(),
            hybrid,
            out_halves,
        );
        (out, values(&partial))
    };
    let ((exact, of_weights), (found, partial)) = (of(Products::F32, false), of(Products::BF16, false));
    let scale = of_weights.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    for (found, expected) in partial.iter().zip(&of_weights) {
        assert!((found - expected).abs() <= 1e-2 * scale, "{found}, expected {expected} of {scale}");
    }
    // Where the norm divided by something else, that alone is another factor.
    let above = noise(pixels * c, 15);
    let (exact, found) = (values(&exact), values(&found));
    let scale = exact.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    for (at, (found, expected)) in found.iter().zip(&exact).enumerate() {
        let expected = above[at] + (expected - above[at]) * scales[2 * (at / c) + 1];
        assert!((found - expected).abs() <= 1e-2 * scale, "[{at}]: {found}, expected {expected} of {scale}");
    }
    assert_eq!(numbers(&of(Products::BF16, true).0), rounded(&found));
}

/// A pixel less its mean, of one standard deviation.
fn normalised(pixel: &[f32]) -> Vec<f32> {
    let mean = pixel.iter().sum::<f32>() / pixel.len() as f32;
    let spread = pixel.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / pixel.len() as f32;
    pixel.iter().map(|x| (x - mean) / spread.sqrt()).collect()
}
