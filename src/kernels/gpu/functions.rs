//! GELU by the error function, its slope, and the moments of LayerNorm.

use super::words::pair;
use cubecl::prelude::*;

pub(super) const EPSILON: f32 = 1e-5;

/// The error function, by the rational approximation that XLA and Eigen use.
#[cube]
fn erf(x: f32) -> f32 {
    let x = clamp(x, f32::new(-3.743_921), f32::new(3.743_921));
    let z = x * x;
    let above = (((f32::new(2.290_506_6e-4) * z + 3.408_291e-3) * z + 5.095_569_5e-2) * z + 1.852_083_2e-1) * z
        + std::f32::consts::FRAC_2_SQRT_PI;
    let below = (((((f32::new(-1.179_160_3e-7) * z + 2.354_796_6e-5) * z + 1.017_962_5e-3) * z + 1.407_047e-2) * z
        + 1.109_850_5e-1)
        * z
        + 4.974_692_5e-1)
        * z
        + 1.0;
    x * above / below
}

/// Φ(x), the normal distribution function.
#[cube]
fn normal(x: f32) -> f32 {
    (erf(x * std::f32::consts::FRAC_1_SQRT_2) + 1.0) * 0.5
}

/// x·Φ(x): GELU in its exact form.
#[cube]
pub(super) fn gelu(x: f32) -> f32 {
    x * normal(x)
}

/// The slope of GELU, Φ(x) + x·φ(x).
#[cube]
pub(super) fn gelu_slope(x: f32) -> f32 {
    normal(x) + x * (x * x * f32::new(-0.5)).exp() * f32::new(0.398_942_3)
}

/// The mean of `count` numbers from `first` on, and one over their standard deviation, into two numbers of `moments` from
/// `to` on.
#[cube]
pub(super) fn moments(x: &[f32], first: usize, moments: &mut [f32], to: usize, #[comptime] count: usize) {
    let share = comptime!(1.0 / count as f32);
    let mut mean = f32::new(0.0);
    for i in 0..count {
        mean += x[first + i];
    }
    mean *= share;
    let mut spread = f32::new(0.0);
    for i in 0..count {
        let off = x[first + i] - mean;
        spread += off * off;
    }
    moments[to] = mean;
    moments[to + 1] = f32::new(1.0) / (spread * share + EPSILON).sqrt();
}

/// What a LayerNorm without scale and shift makes of the channels from `first` on of a pixel, whose moments are known, as bf16 by twos.
#[cube]
pub(super) fn put_normal(
    x: &[f32],
    first: usize,
    moments: &[f32],
    pixel: usize,
    to: &mut [u32],
    #[comptime] channels: usize,
    #[comptime] matrices: bool,
) {
    let (mean, scale) = (moments[2 * pixel], moments[2 * pixel + 1]);
    for two in 0..comptime!(channels / 2) {
        let (one, other) = (x[first + 2 * two] - mean, x[first + 2 * two + 1] - mean);
        to[pixel * comptime!(channels / 2) + two] = pair(one * scale, other * scale, matrices);
    }
}
