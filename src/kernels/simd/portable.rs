//! Vectors as arrays.

use super::{MOST_LANES, Simd};

/// Four lanes of plain Rust, for processors without an implementation of their own. Slow: burn's own operations
/// are faster there, see [`InstructionSet`](super::InstructionSet).
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Simd for Portable {
    type V = [f32; 4];
    const LANES: usize = 4;
    const MANY_REGISTERS: bool = false;
    const UNDERFLOWS: bool = false;

    #[inline(always)]
    fn splat(self, x: f32) -> [f32; 4] {
        [x; 4]
    }
    #[inline(always)]
    fn load(self, x: &[f32]) -> [f32; 4] {
        [x[0], x[1], x[2], x[3]]
    }
    #[inline(always)]
    fn load_part(self, x: &[f32]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| x.get(i).copied().unwrap_or(0.0),
        )
    }
    #[inline(always)]
    fn store(self, x: &mut [f32], v: [f32; 4]) {
        x[..4].copy_from_slice(&v);
    }
    #[inline(always)]
    fn store_part(self, x: &mut [f32], v: [f32; 4]) {
        x.iter_mut().zip(v).for_each(|(x, v)| *x = v);
    }
    #[inline(always)]
    fn add(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| a[i] + b[i],
        )
    }
    #[inline(always)]
    fn sub(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| a[i] - b[i],
        )
    }
    #[inline(always)]
    fn mul(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| a[i] * b[i],
        )
    }
    #[inline(always)]
    fn div(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| a[i] / b[i],
        )
    }
    #[inline(always)]
    fn fma(self, a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        // Without the instruction, `mul_add` would call a slow library function.
        if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
            std::array::from_fn(
                #[inline(always)]
                |i| a[i].mul_add(b[i], c[i]),
            )
        } else {
            std::array::from_fn(
                #[inline(always)]
                |i| a[i] * b[i] + c[i],
            )
        }
    }
    #[inline(always)]
    fn max(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| if a[i] > b[i] { a[i] } else { b[i] },
        )
    }
    #[inline(always)]
    fn min(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| if a[i] < b[i] { a[i] } else { b[i] },
        )
    }
    #[inline(always)]
    fn transpose(self, rows: &mut [[f32; 4]; MOST_LANES]) {
        let [a, b, c, d] = [rows[0], rows[1], rows[2], rows[3]];
        for (i, row) in rows.iter_mut().enumerate().take(Self::LANES) {
            *row = [a[i], b[i], c[i], d[i]];
        }
    }
    #[inline(always)]
    fn add_pairs(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        [a[0] + a[1], a[2] + a[3], b[0] + b[1], b[2] + b[3]]
    }
    #[inline(always)]
    fn keep_positive(self, gate: [f32; 4], v: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| if gate[i] > 0.0 { v[i] } else { 0.0 },
        )
    }
    #[inline(always)]
    fn round(self, x: [f32; 4]) -> [f32; 4] {
        // Where there is no instruction for it, `round_ties_even` calls a library function.
        const SHIFT: f32 = 12_582_912.0;
        std::array::from_fn(
            #[inline(always)]
            |i| (x[i] + SHIFT) - SHIFT,
        )
    }
    #[inline(always)]
    fn times_pow2(self, v: [f32; 4], n: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| f32::from_bits(v[i].to_bits().wrapping_add((n[i] as i32 as u32) << 23)),
        )
    }
}
