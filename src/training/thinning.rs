//! 𝒟 where the measured bins lie on no lattice: the sparser mask is drawn from them at their own rate.

use rand::{Rng, RngExt};

/// 1 for each of `pixels` pixels that stays, at random with the probability `rate`, else 0.
///
/// Drawn for all pixels, measured or not: which of the measured ones stay then depends on no other thing than the stream.
pub(super) fn kept(rate: f64, pixels: usize, rng: &mut impl Rng) -> Vec<f32> {
    (0..pixels).map(|_| f32::from(u8::from(rng.random_range(0.0..1.0) < rate))).collect()
}

/// Natural images `[count, 1, side, side]`, each with two channels behind it: 1 at the pixels that are measured of it, and
/// at those that stay of them.
pub(super) fn with_masks(images: &[f32], side: usize, rate: f64, rng: &mut impl Rng) -> Vec<f32> {
    let mut stack = Vec::with_capacity(3 * images.len());
    for image in images.chunks(side * side) {
        let measured = kept(rate, image.len(), rng);
        let stays = kept(rate, image.len(), rng);
        stack.extend_from_slice(image);
        stack.extend_from_slice(&measured);
        stack.extend(measured.iter().zip(stays).map(|(measured, stays)| measured * stays));
    }
    stack
}
