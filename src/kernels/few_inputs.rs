//! Convolutions 3×3 of few inputs: each number of an image meets the weights of the three taps in a row while it is in a register.
//!
//! As a product of matrices ([`matmul`](super::matmul)) it would be read once for each tap; so the products wait for no reads.
#![allow(unsafe_code, reason = "the innermost loops read what was checked before them")]
#![allow(clippy::needless_range_loop, reason = "iterators over arrays of vectors take them through memory")]

use super::image::Finish;
use super::matmul::Packed;
use super::padded::{PaddedRows, SIDE};
use super::simd::Simd;

/// Whether this is faster than by tiles, as measured. Those are at their best where the inputs are whole vectors.
pub(super) fn suits<S: Simd>(inputs: usize, outputs: usize) -> bool {
    let most = if S::MANY_REGISTERS { 18 } else { 16 };
    inputs < S::LANES.max(8) && inputs * outputs.div_ceil(S::LANES) <= most
}

/// Packs `weight(input, tap)(output)`: rows of outputs `[row of taps, input, tap in the row]`.
pub(super) fn pack<R: Fn(usize) -> f32>(inputs: usize, outputs: usize, weight: impl Fn(usize, usize) -> R) -> Packed {
    Packed::new(SIDE * SIDE * inputs, outputs, |k| weight(k / SIDE % inputs, k / SIDE / inputs * SIDE + k % SIDE))
}

/// Writes one row of output.
#[inline(always)]
pub(super) fn convolve<S: Simd>(s: S, rows: &PaddedRows, weights: &Packed, finish: Finish, out: &mut [f32]) {
    let outputs = weights.width();
    for (column, vectors, block) in weights.column_blocks::<S>() {
        macro_rules! tiles {
            ($pixels:literal, $vectors:literal) => {
                tiles::<S, $pixels, $vectors>(s, rows, block, finish, (column, outputs), out)
            };
        }
        match (S::MANY_REGISTERS, vectors) {
            (true, 2) => tiles!(8, 2),
            (true, _) => tiles!(16, 1),
            (false, 2) => tiles!(4, 2),
            (false, _) => tiles!(8, 1),
        }
    }
}

/// Writes the outputs from `column` on, `V` vectors of the `outputs`, by tiles of `P` pixels.
#[inline(always)]
fn tiles<S: Simd, const P: usize, const V: usize>(
    s: S,
    rows: &PaddedRows,
    block: &[f32],
    finish: Finish,
    (column, outputs): (usize, usize),
    out: &mut [f32],
) {
    let mut start = [s.splat(0.0); V];
    if let Some(bias) = finish.bias {
        for v in 0..V {
            let o = column + v * S::LANES;
            start[v] = s.load_part(&bias[o..outputs.min(o + S::LANES)]);
        }
    }
    let finish = Finish { bias: None, ..finish };
    let width = out.len() / outputs;
    for x in (0..width).step_by(P) {
        let acc = tile::<S, P, V>(s, rows, x, block, start);
        for p in 0..P {
            if x + p < width {
                for v in 0..V {
                    finish.write(s, acc[p][v], column + v * S::LANES, outputs, (x + p) * outputs, out);
                }
            }
        }
    }
}

/// `V` vectors of outputs of `P` pixels from `x` on.
#[inline(always)]
fn tile<S: Simd, const P: usize, const V: usize>(
    s: S,
    rows: &PaddedRows,
    x: usize,
    block: &[f32],
    start: [S::V; V],
) -> [[S::V; V]; P] {
    let inputs = rows.channels();
    let mut acc = [start; P];
    for (tap, weights) in block.chunks_exact(inputs * SIDE * V * S::LANES).enumerate() {
        let pixels = &rows.row(tap)[x * inputs..][..(P + SIDE - 1) * inputs];
        for (input, weights) in weights.chunks_exact(SIDE * V * S::LANES).enumerate() {
            let mut w = [[s.splat(0.0); V]; SIDE];
            for dx in 0..SIDE {
                for v in 0..V {
                    w[dx][v] = s.load(&weights[(dx * V + v) * S::LANES..]);
                }
            }
            // SAFETY: `weights` was cut into as many chunks as there are inputs, and there are so many `pixels` of them.
            let value = |p: usize| s.splat(unsafe { *pixels.get_unchecked(p * inputs + input) });
            let (mut left, mut middle) = (value(0), value(1));
            for p in 0..P {
                let right = value(p + 2);
                for v in 0..V {
                    acc[p][v] = s.fma(left, w[0][v], acc[p][v]);
                    acc[p][v] = s.fma(middle, w[1][v], acc[p][v]);
                    acc[p][v] = s.fma(right, w[2][v], acc[p][v]);
                }
                (left, middle) = (middle, right);
            }
        }
    }
    acc
}
