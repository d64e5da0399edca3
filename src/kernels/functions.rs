//! Exponential, softmax and GELU on vectors, accurate to a few units in the last place.

use std::f32::consts::LN_2;

use rayon::prelude::*;

use super::simd::{self, Simd, Work};

const FRAC_1_SQRT_2: f32 = std::f32::consts::FRAC_1_SQRT_2;
/// 1/√(2π), the height of the normal density.
const NORMAL_PEAK: f32 = 0.398_942_3;

/// `a[0]·xⁿ + a[1]·xⁿ⁻¹ + …`
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, x: S::V, a: [f32; N]) -> S::V {
    let mut sum = s.splat(a[0]);
    for &a in &a[1..] {
        sum = s.fma(sum, x, s.splat(a));
    }
    sum
}

/// eˣ for x in −87.3..=88.3; beyond that the value at the bound. The polynomial for the rest of x beyond a multiple of ln 2 has the smallest
/// relative error, 3·10⁻⁹, of its degree.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::V) -> S::V {
    let x = s.min(s.max(x, s.splat(-87.3)), s.splat(88.3));
    let n = s.round(s.mul(x, s.splat(std::f32::consts::LOG2_E)));
    // ln 2 in two parts, the first of few bits, so that n·ln 2 loses nothing.
    let r = s.fma(n, s.splat(-0.693_359_4), x);
    let r = s.fma(n, s.splat(2.121_944_4e-4), r);
    let p = polynomial(s, r, [1.381_454e-3, 8.368_745e-3, 4.166_839e-2, 0.166_665_21, 0.499_999_94, 1.0, 1.0]);
    s.times_pow2(p, n)
}

/// 2ˣ for x up to 0, and exactly 0 from −150 down: where that were no normal number, products with it would take processors a hundred times as
/// long. The polynomial for the rest of x beyond an integer has the smallest relative error, 1.1·10⁻⁷, of those of its degree that are exact at 0 with
/// their slope: a unit in the last place.
#[inline(always)]
pub(crate) fn pow2_of_score<S: Simd>(s: S, x: S::V) -> S::V {
    /// From here down, those that cannot go further give 0.
    const LEAST: f32 = -126.0;
    let x = if S::UNDERFLOWS { x } else { s.max(x, s.splat(LEAST)) };
    let n = s.round(x);
    let p = polynomial(s, s.sub(x, n), [1.330_060_6e-3, 9.669_691e-3, 5.550_558e-2, 0.240_222_82, LN_2, 1.0]);
    let power = s.times_pow2(p, n);
    if S::UNDERFLOWS { power } else { s.sub(power, s.splat(LEAST.exp2())) }
}

/// The error function, by the rational approximation that XLA and Eigen use.
#[inline(always)]
fn erf<S: Simd>(s: S, x: S::V) -> S::V {
    let x = s.min(s.max(x, s.splat(-3.743_921)), s.splat(3.743_921));
    let square = s.mul(x, x);
    let slope = std::f32::consts::FRAC_2_SQRT_PI;
    let above = polynomial(s, square, [2.290_506_6e-4, 3.408_291e-3, 5.095_569_5e-2, 1.852_083_2e-1, slope]);
    let below = polynomial(
        s,
        square,
        [-1.179_160_3e-7, 2.354_796_6e-5, 1.017_962_5e-3, 1.407_047e-2, 1.109_850_5e-1, 4.974_692_5e-1, 1.0],
    );
    s.div(s.mul(x, above), below)
}

/// Φ(x), the normal distribution function.
#[inline(always)]
fn normal<S: Simd>(s: S, x: S::V) -> S::V {
    let half = s.splat(0.5);
    s.fma(half, erf(s, s.mul(x, s.splat(FRAC_1_SQRT_2))), half)
}

/// x·Φ(x): GELU in its exact form.
#[inline(always)]
pub(crate) fn gelu<S: Simd>(s: S, x: S::V) -> S::V {
    s.mul(x, normal(s, x))
}

/// GELU and its derivative Φ(x) + x·φ(x).
#[inline(always)]
pub(crate) fn gelu_with_slope<S: Simd>(s: S, x: S::V) -> (S::V, S::V) {
    let below = normal(s, x);
    let density = s.mul(exp(s, s.mul(s.mul(x, x), s.splat(-0.5))), s.splat(NORMAL_PEAK));
    (s.mul(x, below), s.fma(x, density, below))
}

/// Values that one task maps.
const TASK: usize = 1 << 14;

/// Writes GELU of every value of `x` to `out`.
pub(crate) fn gelu_of(x: &[f32], out: &mut [f32]) {
    struct Map<'a>(&'a [f32], &'a mut [f32]);
    impl Work for Map<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            for (x, out) in self.0.chunks(S::LANES).zip(self.1.chunks_mut(S::LANES)) {
                s.store_part(out, gelu(s, s.load_part(x)));
            }
        }
    }
    let tasks = out.par_chunks_mut(TASK).zip(x.par_chunks(TASK));
    tasks.for_each(|(out, x)| simd::run(Map(x, out)));
}

/// Multiplies the gradient `grad` of GELU(x) by the slope at x.
pub(crate) fn gelu_gradient(x: &[f32], grad: &mut [f32]) {
    struct Map<'a>(&'a [f32], &'a mut [f32]);
    impl Work for Map<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            for (x, grad) in self.0.chunks(S::LANES).zip(self.1.chunks_mut(S::LANES)) {
                let (_, slope) = gelu_with_slope(s, s.load_part(x));
                s.store_part(grad, s.mul(slope, s.load_part(grad)));
            }
        }
    }
    let tasks = grad.par_chunks_mut(TASK).zip(x.par_chunks(TASK));
    tasks.for_each(|(grad, x)| simd::run(Map(x, grad)));
}
