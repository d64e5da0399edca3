//! 𝒟 where the measured bins lie on no lattice: the sparser mask is drawn from them at their own rate.

use burn::tensor::{Tensor, TensorData};
use rand::{Rng, RngExt};

/// 1 for each of `pixels` pixels that stays, at random with the probability `rate`, else 0.
///
/// Drawn for all pixels, measured or not: which of the measured ones stay then depends on no other thing than the stream.
pub(super) fn kept(rate: f64, pixels: usize, rng: &mut impl Rng) -> Vec<f32> {
    (0..pixels).map(|_| f32::from(u8::from(rng.random_range(0.0..1.0) < rate))).collect()
}

/// Natural images `[count, 1, side, side]` with two channels behind each: 1 at the pixels that are measured of it, and at
/// those that stay of them.
pub(super) fn with_masks(images: Tensor<4>, rate: f64, rng: &mut impl Rng) -> Tensor<4> {
    let [count, _, rows, cols] = images.dims();
    let mut masks = Vec::with_capacity(2 * count * rows * cols);
    for _ in 0..count {
        let measured = kept(rate, rows * cols, rng);
        let stays = kept(rate, rows * cols, rng);
        masks.extend_from_slice(&measured);
        masks.extend(measured.iter().zip(stays).map(|(measured, stays)| measured * stays));
    }
    let masks = Tensor::from_data(TensorData::new(masks, [count, 2, rows, cols]), &images.device());
    Tensor::cat(vec![images, masks], 1)
}
