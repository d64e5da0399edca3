//! Products on matrix units: 32 units together, a plane, add `[M, K]·[K, N]` to `[M, N]` sums; each unit has some of the factors and sums.
//! A factor is a word: a number rounded to TF32, or two of bf16 that lie side by side along the depth, which is then twice as deep. Sums are f32.

use cubecl::cmma::{MatrixIdent, MmaDefinition};
use cubecl::ir::FloatKind;
use cubecl::ir::features::MmaConfig;
use cubecl::prelude::*;
use half::bf16;

/// What matrix units multiply, a number to a word.
type Factor = tf32;

/// Rows, columns, and depth of a product, in words.
pub(super) const M: usize = 16;
pub(super) const N: usize = 8;
pub(super) const K: usize = 8;
/// Units that share a product.
pub(super) const PLANE: usize = 32;
/// Sums of a unit.
pub(super) const OWN: usize = M * N / PLANE;
/// Of them, how many lie side by side.
pub(super) const PAIR: usize = 2;
/// Factors of a unit.
pub(super) const LEFT: usize = M * K / PLANE;
pub(super) const RIGHT: usize = K * N / PLANE;

/// Whether a device has the matrix units for both.
pub(super) fn available(device: &DeviceProperties) -> bool {
    let needed = |kind: FloatKind, k: usize| {
        let (a_type, cd_type) = (ElemType::Float(kind), ElemType::Float(FloatKind::F32));
        MmaConfig { a_type, b_type: a_type, cd_type, m: M as u32, n: N as u32, k: k as u32 }
    };
    let known = &device.features.matmul.mma;
    known.contains(&needed(FloatKind::TF32, K)) && known.contains(&needed(FloatKind::BF16, 2 * K))
}

/// The smallest odd multiple of `of` that is not below `count`: at such a distance eights of numbers, or fours, of a row and the next ones
/// lie in different banks of memory.
pub(super) const fn odd(count: usize, of: usize) -> usize {
    let multiple = count.div_ceil(of);
    (multiple + (multiple + 1) % 2) * of
}

/// A value as a factor of TF32.
#[cube]
pub(super) fn rounded(value: f32) -> f32 {
    f32::cast_from(Factor::cast_from(value))
}

/// A unit's number in its plane. `UNIT_POS_PLANE` is a remainder too, but of what CUDA's compiler does not know to be 32: places would then be
/// computed, and kept, one by one.
#[cube]
pub(super) fn lane() -> u32 {
    UNIT_POS % comptime!(PLANE as u32)
}

/// Row and column of a unit's factor of this number of the left.
#[cube]
pub(super) fn left_place(#[comptime] number: usize) -> (usize, usize) {
    let product = MmaDefinition::<Factor, Factor, f32>::new(M, N, K);
    let (row, col) = product.position_of_nth(lane(), comptime!(number as u32).runtime(), MatrixIdent::A);
    (row as usize, col as usize)
}

/// The same of the right.
#[cube]
pub(super) fn right_place(#[comptime] number: usize) -> (usize, usize) {
    let product = MmaDefinition::<Factor, Factor, f32>::new(M, N, K);
    let (row, col) = product.position_of_nth(lane(), comptime!(number as u32).runtime(), MatrixIdent::B);
    (row as usize, col as usize)
}

/// The same of the sums.
#[cube]
pub(super) fn sum_place(#[comptime] number: usize) -> (usize, usize) {
    let product = MmaDefinition::<Factor, Factor, f32>::new(M, N, K);
    let (row, col) = product.position_of_nth(lane(), comptime!(number as u32).runtime(), MatrixIdent::Accumulator);
    (row as usize, col as usize)
}

/// Adds the product of a unit's factors `a` from `left` on and `b` from `right` on, of TF32, to its `sums` from `first` on.
#[cube]
pub(super) fn multiply(
    a: &Array<f32>,
    b: &Array<f32>,
    sums: &mut Array<f32>,
    #[comptime] left: usize,
    #[comptime] right: usize,
    #[comptime] first: usize,
) {
    multiply_words::<Factor>(a, b, sums, left, right, first, K);
}

/// The same of words of two bf16.
#[cube]
pub(super) fn multiply_pairs(
    a: &Array<f32>,
    b: &Array<f32>,
    sums: &mut Array<f32>,
    #[comptime] left: usize,
    #[comptime] right: usize,
    #[comptime] first: usize,
) {
    multiply_words::<bf16>(a, b, sums, left, right, first, comptime!(2 * K));
}

/// The same of words of numbers of this type.
#[cube]
fn multiply_words<F: Scalar>(
    a: &Array<f32>,
    b: &Array<f32>,
    sums: &mut Array<f32>,
    #[comptime] left: usize,
    #[comptime] right: usize,
    #[comptime] first: usize,
    #[comptime] depth: usize,
) {
    let product = MmaDefinition::<F, F, f32>::new(M, N, depth);
    let size!(NA) = product.vector_size(MatrixIdent::A);
    let size!(NB) = product.vector_size(MatrixIdent::B);
    let size!(NC) = product.vector_size(MatrixIdent::Accumulator);
    let mut of_left = Array::<Vector<F, NA>>::new(LEFT);
    #[unroll]
    for i in 0..LEFT {
        of_left[i] = Vector::<F, NA>::reinterpret(a[comptime!(left + i)]);
    }
    let mut of_right = Array::<Vector<F, NB>>::new(RIGHT);
    #[unroll]
    for i in 0..RIGHT {
        of_right[i] = Vector::<F, NB>::reinterpret(b[comptime!(right + i)]);
    }
    let mut own = Array::<Vector<f32, NC>>::new(comptime!(OWN / PAIR));
    #[unroll]
    for i in 0..comptime!(OWN / PAIR) {
        let mut pair = Vector::<f32, NC>::new(f32::new(0.0));
        #[unroll]
        for j in 0..PAIR {
            pair.insert(j, sums[comptime!(first + i * PAIR + j)]);
        }
        own[i] = pair;
    }
    product.execute_inplace(&of_left, &of_right, &mut own);
    #[unroll]
    for i in 0..comptime!(OWN / PAIR) {
        #[unroll]
        for j in 0..PAIR {
            sums[comptime!(first + i * PAIR + j)] = own[i].extract(j);
        }
    }
}
