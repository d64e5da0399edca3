//! bf16 by twos, and what is kept so, on the first Vulkan adapter, which may be software.

mod convolutions;
mod dense;
mod hybrid;
mod words;

use super::functions::EPSILON;
use super::products::Products;
use super::tests::upload;
use burn_cubecl::CubeDevice;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use half::bf16;

fn words(tensor: &CubeTensor) -> Vec<u32> {
    u32::from_bytes(&tensor.client.read_one_unchecked(tensor.handle.clone())).to_vec()
}

/// The numbers of a buffer of words.
pub(super) fn numbers(tensor: &CubeTensor) -> Vec<f32> {
    words(tensor).into_iter().flat_map(|word| [word << 16, word & 0xffff_0000]).map(f32::from_bits).collect()
}

pub(super) fn rounded(values: &[f32]) -> Vec<f32> {
    values.iter().map(|value| bf16::from_f32(*value).to_f32()).collect()
}

/// bf16 numbers beside those that they are the nearest to, up to what sums of f32 may be off.
pub(super) fn assert_rounded(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0f64, |most, value| most.max(value.abs()));
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let bar = expected.abs() / 256.0 + 1e-5 * scale;
        assert!((f64::from(*found) - expected).abs() <= bar, "{what}[{i}]: {found}, expected {expected}");
    }
}

/// What LayerNorm without scale and shift makes of pixels, and their moments.
pub(super) fn assert_normal(found: &[f32], moments: &[f32], pixels: &[f64], channels: usize) {
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

/// These numbers, which are bf16, as a network of such products has them in memory.
pub(super) fn by_twos(values: &[f32], products: Products, device: &CubeDevice) -> CubeTensor {
    let twos = values.chunks_exact(2).map(|two| f32::from_bits(two[0].to_bits() >> 16 | two[1].to_bits()));
    if products.halves { upload(&twos.collect::<Vec<_>>(), device) } else { upload(values, device) }
}
