//! Words are made and taken apart as `half` does it.

use super::super::tests::{adapter, upload, values};
use super::super::words::{number, pair};
use super::numbers;
use crate::kernels::tests::noise;
use cubecl::prelude::*;
use half::bf16;

/// Two neighbouring values as a word, and what it has of each.
#[cube(launch)]
fn through_words(of: &[f32], words: &mut [u32], back: &mut [f32]) {
    let at = ABSOLUTE_POS;
    if at < of.len() {
        words[at / 2] = pair(of[at / 2 * 2], of[at / 2 * 2 + 1], false);
        back[at] = number(&*words, at, true);
    }
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
