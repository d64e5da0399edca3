//! The middle of a hybrid block, the MLP, the channel attention and window attention: what is kept rounded, and what comes of it.

use super::super::attention::attention;
use super::super::attention_gradient::attention_gradient;
use super::super::gates::{self, gate_channels};
use super::super::mlp::mlp_gradient;
use super::super::plan::{Pass, Plan};
use super::super::products::Products;
use super::super::tests::{adapter, small_dimensions, upload, values};
use super::{assert_normal, by_twos, numbers, rounded};
use crate::kernels::tests::noise;
use cubecl::prelude::*;

/// What the MLP's backward pass reads is what it read forward, rounded; all else that attention gives is the same.
#[test]
fn the_middle_of_a_hybrid_block_is_kept_rounded() {
    let Some(device) = adapter() else { return };
    let size = (8, 12);
    let pixels = size.0 * size.1;
    let given = |numbers: usize, seed: u64| upload(&noise(numbers, seed), &device);
    let of = |products: Products| {
        let dimensions = small_dimensions(products);
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
        let dimensions = small_dimensions(products);
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
        let dimensions = small_dimensions(products);
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
        let dimensions = small_dimensions(products);
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
