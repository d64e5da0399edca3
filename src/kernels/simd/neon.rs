//! NEON vectors, which every 64-bit ARM processor has.

use std::arch::aarch64::*;

use super::{MOST_LANES, Simd};

/// The token; NEON is part of the architecture.
#[derive(Clone, Copy)]
pub(super) struct Neon;

impl Simd for Neon {
    type V = float32x4_t;
    const LANES: usize = 4;
    const MANY_REGISTERS: bool = true;
    const UNDERFLOWS: bool = false;

    super::intrinsics! {
        add(a, b) = vaddq_f32;
        sub(a, b) = vsubq_f32;
        mul(a, b) = vmulq_f32;
        div(a, b) = vdivq_f32;
        max(a, b) = vmaxq_f32;
        min(a, b) = vminq_f32;
        add_pairs(a, b) = vpaddq_f32;
    }

    #[inline(always)]
    fn splat(self, x: f32) -> float32x4_t {
        // SAFETY: NEON is part of the architecture.
        unsafe { vdupq_n_f32(x) }
    }
    #[inline(always)]
    fn fma(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: NEON is part of the architecture.
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    fn load(self, x: &[f32]) -> float32x4_t {
        // SAFETY: the slice holds 4 values (checked here); NEON is part of the architecture.
        unsafe { vld1q_f32(x[..4].as_ptr()) }
    }
    #[inline(always)]
    fn load_part(self, x: &[f32]) -> float32x4_t {
        if x.len() >= Self::LANES {
            return self.load(x);
        }
        let mut lanes = [0.0; 4];
        lanes[..x.len()].copy_from_slice(x);
        self.load(&lanes)
    }
    #[inline(always)]
    fn store(self, x: &mut [f32], v: float32x4_t) {
        // SAFETY: the slice holds 4 values (checked here); NEON is part of the architecture.
        unsafe { vst1q_f32(x[..4].as_mut_ptr(), v) }
    }
    #[inline(always)]
    fn store_part(self, x: &mut [f32], v: float32x4_t) {
        if x.len() >= Self::LANES {
            return self.store(x, v);
        }
        let mut lanes = [0.0; 4];
        self.store(&mut lanes, v);
        x.copy_from_slice(&lanes[..x.len()]);
    }
    #[inline(always)]
    fn transpose(self, rows: &mut [float32x4_t; MOST_LANES]) {
        // SAFETY: NEON is part of the architecture.
        unsafe {
            let [a, b, c, d] = [rows[0], rows[1], rows[2], rows[3]];
            let (even, odd) = (vzip1q_f32(a, c), vzip2q_f32(a, c));
            let (even2, odd2) = (vzip1q_f32(b, d), vzip2q_f32(b, d));
            rows[0] = vzip1q_f32(even, even2);
            rows[1] = vzip2q_f32(even, even2);
            rows[2] = vzip1q_f32(odd, odd2);
            rows[3] = vzip2q_f32(odd, odd2);
        }
    }
    #[inline(always)]
    fn keep_positive(self, gate: float32x4_t, v: float32x4_t) -> float32x4_t {
        // SAFETY: NEON is part of the architecture.
        unsafe { vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(v), vcgtzq_f32(gate))) }
    }
    #[inline(always)]
    fn round(self, x: float32x4_t) -> float32x4_t {
        // SAFETY: NEON is part of the architecture.
        unsafe { vrndnq_f32(x) }
    }
    #[inline(always)]
    fn times_pow2(self, v: float32x4_t, n: float32x4_t) -> float32x4_t {
        // SAFETY: NEON is part of the architecture.
        unsafe {
            let n = vshlq_n_s32::<23>(vcvtq_s32_f32(n));
            vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(v), n))
        }
    }
}
