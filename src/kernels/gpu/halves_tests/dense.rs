//! A dense block beside plain loops on numbers that were rounded at the same places.

use super::super::plan::{Dimensions, Pass, Plan};
use super::super::products::Products;
use super::super::tests::{adapter, assert_close, upload, values};
use super::super::tiles::Size;
use super::{assert_normal, assert_rounded, by_twos, numbers, rounded};
use crate::kernels::tests::noise;
use burn_cubecl::CubeDevice;
use proptest::prelude::*;

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
