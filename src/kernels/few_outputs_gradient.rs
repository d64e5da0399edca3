//! Gradients of the weights of convolutions 3×3 of few outputs: sums of outer products of what a row of taps reads, side by side in vectors,
//! and the gradients of the outputs.
#![allow(unsafe_code, reason = "the innermost loops read what was checked before them")]
#![allow(clippy::needless_range_loop, reason = "iterators over arrays of vectors take them through memory")]

use super::image::Source;
use super::padded::{PaddedRows, SIDE};
use super::row_sums::RowSums;
use super::simd::{Simd, Work};

/// Whether this is the fastest way, as measured: of whole vectors of outputs, a vector rather holds those, where there are few registers.
pub(super) fn suits<S: Simd>(outputs: usize) -> bool {
    outputs <= 8 && (S::MANY_REGISTERS || outputs < S::LANES)
}

/// Adds, for some rows, sums `[row of taps, output, tap in the row, input]`.
pub(super) struct OutputSums<'a>(pub(super) RowSums<'a>);

impl Work for OutputSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let RowSums { extent, sources, grad, rows, sum } = self.0;
        let mut padded = PaddedRows::new(extent, sources);
        for row in rows {
            padded.move_to(s, row);
            add_row(s, &padded, grad.part(row * extent.width..(row + 1) * extent.width), sum);
        }
    }
}

/// Adds the sums of one row of gradients.
#[inline(always)]
fn add_row<S: Simd>(s: S, rows: &PaddedRows, grads: Source, sum: &mut [f32]) {
    // Vectors of as many sums as registers hold.
    macro_rules! outputs {
        ($outputs:literal, $many:literal, $few:literal) => {
            if S::MANY_REGISTERS {
                add_vectors::<S, $outputs, $many>(s, rows, grads.values, sum)
            } else {
                add_vectors::<S, $outputs, $few>(s, rows, grads.values, sum)
            }
        };
    }
    match grads.channels {
        1 => outputs!(1, 3, 3),
        2 => outputs!(2, 3, 3),
        3 => outputs!(3, 3, 3),
        4 => outputs!(4, 3, 2),
        5 => outputs!(5, 3, 2),
        6 => outputs!(6, 3, 2),
        7 => outputs!(7, 3, 1),
        // Only where there are many registers.
        8 => add_vectors::<S, 8, 3>(s, rows, grads.values, sum),
        outputs => unreachable!("{outputs} outputs are not few"),
    }
}

/// `V` vectors at a time, at the end fewer.
#[inline(always)]
fn add_vectors<S: Simd, const M: usize, const V: usize>(s: S, rows: &PaddedRows, grads: &[f32], sum: &mut [f32]) {
    let window = SIDE * rows.channels();
    for first in (0..window).step_by(V * S::LANES) {
        let vectors = (window - first).div_ceil(S::LANES);
        macro_rules! tiles {
            ($vectors:literal) => {
                if M == 1 {
                    // All rows of taps at once: so few sums would wait for each other.
                    add_tile::<S, M, $vectors, SIDE>(s, rows, 0, first, grads, sum);
                } else {
                    for tap in 0..SIDE {
                        add_tile::<S, M, $vectors, 1>(s, rows, tap, first, grads, sum);
                    }
                }
            };
        }
        match vectors.min(V) {
            1 => tiles!(1),
            2 if V >= 2 => tiles!(2),
            _ if V >= 3 => tiles!(3),
            _ => unreachable!("V is 1, 2 or 3"),
        }
    }
}

/// Adds the sums of `M` outputs, in `V` vectors from number `first` of the windows on, of `R` rows of taps from `tap` on.
#[inline(always)]
fn add_tile<S: Simd, const M: usize, const V: usize, const R: usize>(
    s: S,
    rows: &PaddedRows,
    tap: usize,
    first: usize,
    grads: &[f32],
    sum: &mut [f32],
) {
    let (step, window) = (rows.channels(), SIDE * rows.channels());
    let mut read = [&[][..]; R];
    for r in 0..R {
        read[r] = &rows.row(tap + r)[first..][..(grads.len() / M - 1) * step + V * S::LANES];
    }
    let mut acc = [[[s.splat(0.0); V]; M]; R];
    for (pixel, grads) in grads.chunks_exact(M).enumerate() {
        for r in 0..R {
            let mut values = [s.splat(0.0); V];
            for v in 0..V {
                // SAFETY: the last pixel's vectors end where the slice does.
                values[v] = s.load(unsafe {
                    read[r].get_unchecked(pixel * step + v * S::LANES..pixel * step + (v + 1) * S::LANES)
                });
            }
            for m in 0..M {
                let grad = s.splat(grads[m]);
                for v in 0..V {
                    acc[r][m][v] = s.fma(grad, values[v], acc[r][m][v]);
                }
            }
        }
    }
    for (r, acc) in acc.into_iter().enumerate() {
        for (m, acc) in acc.into_iter().enumerate() {
            let sum = &mut sum[((tap + r) * M + m) * window..][..window];
            for (v, acc) in acc.into_iter().enumerate() {
                let first = first + v * S::LANES;
                let sum = &mut sum[first..window.min(first + S::LANES)];
                s.store_part(sum, s.add(acc, s.load_part(sum)));
            }
        }
    }
}
