//! bf16 numbers by twos: a word has two numbers that lie side by side, the first in its lower half. They are made and taken apart by operations on
//! whole numbers, which every device has, and are what matrix units multiply.

use cubecl::prelude::*;
use half::bf16;

/// The upper half of a word.
const UPPER: u32 = 0xffff_0000;

/// A value's nearest bf16, to even where two are as near, in the upper half of a word. GPUs with matrix units have an instruction for it; otherwise
/// it is computed from the value's bits.
#[cube]
fn nearest(value: f32, #[comptime] matrices: bool) -> u32 {
    if comptime!(matrices) {
        u32::cast_from(u16::reinterpret(bf16::cast_from(value))) << 16u32
    } else {
        let bits = u32::reinterpret(value);
        let near = bits + 0x7fffu32 + ((bits >> 16u32) & 1u32);
        // What is no number would be rounded to one.
        let none = (bits & 0x7fff_ffffu32) > 0x7f80_0000u32;
        select(none, bits | 0x0040_0000u32, near) & UPPER
    }
}

/// A value's nearest bf16.
#[cube]
pub(super) fn nearest_bf16(value: f32, #[comptime] matrices: bool) -> f32 {
    f32::reinterpret(nearest(value, matrices))
}

/// The word of the nearest bf16 numbers of two values.
#[cube]
pub(super) fn pair(first: f32, second: f32, #[comptime] matrices: bool) -> u32 {
    nearest(second, matrices) | (nearest(first, matrices) >> 16u32)
}

/// The word of two values that are bf16 numbers, and as a factor of matrix units.
#[cube]
pub(super) fn joined(first: f32, second: f32) -> f32 {
    f32::reinterpret((u32::reinterpret(second) & UPPER) | (u32::reinterpret(first) >> 16u32))
}

/// The number `at` of a buffer of f32 numbers, or of bf16 by twos.
#[cube]
pub(super) fn number<N: CubePrimitive>(of: &[N], at: usize, #[comptime] halves: bool) -> f32 {
    if comptime!(halves) {
        let word = u32::reinterpret(of[at / 2]);
        f32::reinterpret(select(at % 2 == 1, word & UPPER, word << 16u32))
    } else {
        f32::reinterpret(of[at])
    }
}
