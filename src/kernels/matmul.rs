//! The two matrix products that every kernel is made of, on tiles that stay in registers.
//!
//! [`multiply`]: rows of pixels times a packed weight matrix (convolutions, linear layers, attention).
//! [`accumulate_outer`]: sums over pixels of outer products (the gradients of weights).
#![allow(unsafe_code, reason = "the innermost loops read what was checked before them")]
#![allow(clippy::needless_range_loop, reason = "iterators over arrays of vectors take them through memory")]

use super::aligned::Aligned;
use super::simd::{self, Simd, Work};

/// Rows of a register tile: eight accumulators of two vectors each where registers abound.
const ROWS_MANY: usize = 8;
const ROWS_FEW: usize = 4;

/// A matrix `[depth, width]` stored as blocks of columns, two vectors wide, in the order in which
/// [`multiply`] reads it; the last block is one vector wide when that suffices, padded with zeros.
pub(crate) struct Packed {
    values: Aligned,
    depth: usize,
    width: usize,
    lanes: usize,
}

impl Packed {
    /// Packs the matrix whose element in row k and column n is `row(k)(n)`.
    pub(crate) fn new<R: Fn(usize) -> f32>(depth: usize, width: usize, row: impl Fn(usize) -> R) -> Self {
        struct Fill<F>(usize, usize, F);
        impl<R: Fn(usize) -> f32, F: Fn(usize) -> R> Work for Fill<F> {
            type Output = Packed;
            #[inline(always)]
            fn run<S: Simd>(self, _: S) -> Packed {
                let Self(depth, width, row) = self;
                let values = Aligned::zeros(depth * width.next_multiple_of(S::LANES));
                let mut packed = Packed { values, depth, width, lanes: S::LANES };
                for (first, block) in packed.blocks() {
                    let block_width = block.len() / depth;
                    for (k, values) in block.chunks_exact_mut(block_width).enumerate() {
                        let element = row(k);
                        for (n, value) in values.iter_mut().enumerate().take(width - first) {
                            *value = element(first + n);
                        }
                    }
                }
                packed
            }
        }
        simd::run(Fill(depth, width, row))
    }

    /// Packs the transpose of a `[width, depth]` matrix: the weights of a linear layer.
    pub(crate) fn transposed(matrix: &[f32], width: usize) -> Self {
        let depth = matrix.len() / width;
        Self::new(depth, width, |k| move |n| matrix[n * depth + k])
    }

    /// Packs a `[depth, width]` matrix.
    pub(crate) fn plain(matrix: &[f32], width: usize) -> Self {
        Self::new(matrix.len() / width, width, |k| move |n| matrix[k * width + n])
    }

    /// Columns of the matrix.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The blocks, each with its first column and how many vectors wide it is.
    #[inline(always)]
    pub(crate) fn column_blocks<S: Simd>(&self) -> impl Iterator<Item = (usize, usize, &[f32])> {
        assert_eq!(S::LANES, self.lanes, "the instruction set for which the matrix was packed");
        let firsts = (0..self.width).step_by(2 * S::LANES);
        let blocks = self.values.chunks(self.depth * 2 * S::LANES);
        firsts.zip(blocks).map(|(first, block)| (first, vectors::<S>(self.width - first), block))
    }

    /// The blocks, each with its first column.
    fn blocks(&mut self) -> impl Iterator<Item = (usize, &mut [f32])> {
        let firsts = (0..self.width).step_by(2 * self.lanes);
        // All blocks but the last are two vectors wide, hence chunks of one size.
        firsts.zip(self.values.chunks_mut(self.depth * 2 * self.lanes))
    }
}

/// How many vectors wide the next block is, when `left` columns are left.
#[inline(always)]
fn vectors<S: Simd>(left: usize) -> usize {
    if left > S::LANES { 2 } else { 1 }
}

/// The rows that [`multiply`] multiplies, in pieces: so the nine taps of a convolution need not lie side by side.
pub(crate) trait Pieces<'a> {
    /// Piece j of row i.
    fn piece(&self, j: usize, i: usize) -> &'a [f32];

    /// Piece j of `count` rows from `first` on, where they all lie in one slice at equal distances: the slice, and the distance.
    #[inline(always)]
    fn pieces(&self, _j: usize, _first: usize, _count: usize) -> Option<(&'a [f32], usize)> {
        None
    }
}

impl<'a, F: Fn(usize, usize) -> &'a [f32]> Pieces<'a> for F {
    #[inline(always)]
    fn piece(&self, j: usize, i: usize) -> &'a [f32] {
        self(j, i)
    }
}

/// Multiplies `rows` rows by `weights` and hands every vector of the product to `emit(row, column,
/// vector)`; near the right end a vector may reach beyond the width of the matrix.
///
/// Of piece j `pieces[j]` values are used.
#[inline(always)]
pub(crate) fn multiply<'a, S: Simd>(
    s: S,
    rows: usize,
    pieces: &[usize],
    piece: impl Pieces<'a>,
    weights: &Packed,
    mut emit: impl FnMut(usize, usize, S::V),
) {
    assert_eq!(pieces.iter().sum::<usize>(), weights.depth, "the depth of the packed matrix");
    for (column, vectors, block) in weights.column_blocks::<S>() {
        macro_rules! tiles {
            ($rows:expr, $vectors:literal) => {
                for first in (0..rows).step_by($rows) {
                    let acc = tile::<S, { $rows }, $vectors>(s, first, rows, pieces, &piece, block);
                    for p in 0..$rows {
                        if first + p < rows {
                            for v in 0..$vectors {
                                emit(first + p, column + v * S::LANES, acc[p][v]);
                            }
                        }
                    }
                }
            };
        }
        match (S::MANY_REGISTERS, vectors) {
            (true, 2) => tiles!(ROWS_MANY, 2),
            (true, _) => tiles!(ROWS_MANY, 1),
            (false, 2) => tiles!(ROWS_FEW, 2),
            (false, _) => tiles!(ROWS_FEW, 1),
        }
    }
}

/// `P` rows from `first` on (the last one again where there are fewer) times one block of columns.
#[inline(always)]
fn tile<'a, S: Simd, const P: usize, const V: usize>(
    s: S,
    first: usize,
    rows: usize,
    pieces: &[usize],
    piece: &impl Pieces<'a>,
    block: &[f32],
) -> [[S::V; V]; P] {
    let mut acc = [[s.splat(0.0); V]; P];
    let mut block = block;
    for (j, &depth) in pieces.iter().enumerate() {
        let mut values: [&[f32]; P] = [&[]; P];
        match if first + P <= rows { piece.pieces(j, first, P) } else { None } {
            // One look at where all rows lie, which of a few channels costs as much as their products.
            Some((slice, stride)) => {
                let slice = &slice[..(P - 1) * stride + depth];
                for (p, values) in values.iter_mut().enumerate() {
                    // SAFETY: the last of the rows ends where the slice does.
                    *values = unsafe { slice.get_unchecked(p * stride..p * stride + depth) };
                }
            }
            None => {
                for (p, values) in values.iter_mut().enumerate() {
                    *values = &piece.piece(j, (first + p).min(rows - 1))[..depth];
                }
            }
        }
        let (weights, rest) = block.split_at(depth * V * S::LANES);
        block = rest;
        for (k, weights) in weights.chunks_exact(V * S::LANES).enumerate() {
            let mut w = [s.splat(0.0); V];
            for v in 0..V {
                w[v] = s.load(&weights[v * S::LANES..]);
            }
            for p in 0..P {
                // SAFETY: `weights` was cut into `depth` chunks, so k < depth = values[p].len().
                let x = s.splat(unsafe { *values[p].get_unchecked(k) });
                for v in 0..V {
                    acc[p][v] = s.fma(x, w[v], acc[p][v]);
                }
            }
        }
    }
    acc
}

/// Multiplies the first `count` of [`DENSE_ROWS`] rows, which lie one behind the other, by `weights`; the products go to rows of `out`
/// that are padded to whole vectors. What further rows of `out` hold afterwards means nothing. Beside [`multiply`] because these products are
/// short, of a few inputs: to find out where each row lies took a sixth of them.
#[inline(always)]
pub(crate) fn multiply_dense<S: Simd>(s: S, count: usize, rows: &[f32], weights: &Packed, out: &mut [f32]) {
    assert_eq!(rows.len(), DENSE_ROWS * weights.depth, "the rows, of the depth of the packed matrix");
    for (column, vectors, block) in weights.column_blocks::<S>() {
        let few = count <= DENSE_ROWS / 2;
        match (vectors, S::MANY_REGISTERS && !few) {
            (2, true) => dense_tile::<S, DENSE_ROWS, 2>(s, 0, rows, block, column, out),
            (2, false) => {
                dense_tile::<S, { DENSE_ROWS / 2 }, 2>(s, 0, rows, block, column, out);
                if !few {
                    dense_tile::<S, { DENSE_ROWS / 2 }, 2>(s, DENSE_ROWS / 2, rows, block, column, out);
                }
            }
            _ if few => dense_tile::<S, { DENSE_ROWS / 2 }, 1>(s, 0, rows, block, column, out),
            _ => dense_tile::<S, DENSE_ROWS, 1>(s, 0, rows, block, column, out),
        }
    }
}

/// Rows that [`multiply_dense`] multiplies.
pub(crate) const DENSE_ROWS: usize = 8;

/// `P` rows from `first` on times one block of columns, the one from `column` on.
#[inline(always)]
fn dense_tile<S: Simd, const P: usize, const V: usize>(
    s: S,
    first: usize,
    rows: &[f32],
    block: &[f32],
    column: usize,
    out: &mut [f32],
) {
    let (depth, wide) = (rows.len() / DENSE_ROWS, out.len() / DENSE_ROWS);
    let rows = &rows[first * depth..(first + P) * depth];
    let mut acc = [[s.splat(0.0); V]; P];
    for (k, weights) in block.chunks_exact(V * S::LANES).enumerate() {
        let mut w = [s.splat(0.0); V];
        for v in 0..V {
            w[v] = s.load(&weights[v * S::LANES..]);
        }
        for p in 0..P {
            // SAFETY: the block has `depth` chunks, so k < depth, and there are P rows of that length.
            let x = s.splat(unsafe { *rows.get_unchecked(p * depth + k) });
            for v in 0..V {
                acc[p][v] = s.fma(x, w[v], acc[p][v]);
            }
        }
    }
    for p in 0..P {
        for v in 0..V {
            s.store(&mut out[(first + p) * wide + column + v * S::LANES..], acc[p][v]);
        }
    }
}

/// Pixels for [`accumulate_outer`]: as many rows of `stride` values as `values` holds, of which
/// the first `width` are used.
#[derive(Clone, Copy)]
pub(crate) struct Pixels<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) stride: usize,
    pub(crate) width: usize,
}

impl<'a> Pixels<'a> {
    /// Rows that lie one behind the other.
    #[inline(always)]
    pub(crate) fn dense(values: &'a [f32], width: usize) -> Self {
        Self { values, stride: width, width }
    }

    /// How many whole rows there are.
    #[inline(always)]
    fn count(&self) -> usize {
        assert!(self.width <= self.stride, "pixels do not overlap");
        if self.values.len() < self.width { 0 } else { (self.values.len() - self.width) / self.stride + 1 }
    }
}

/// `sum[m, n] += Σ a[pixel, m] · b[pixel, n]`, over the pixels of all `pieces` pairs
/// `piece(j) = (a, b)`; all pairs have the same widths.
#[inline(always)]
pub(crate) fn accumulate_outer<'a, S: Simd>(
    s: S,
    pieces: usize,
    piece: impl Fn(usize) -> (Pixels<'a>, Pixels<'a>),
    sum: &mut [f32],
) {
    if pieces == 0 {
        return;
    }
    let (m, n) = (piece(0).0.width, piece(0).1.width);
    assert_eq!(sum.len(), m * n, "the shape of the sum of outer products");
    for column in (0..n).step_by(2 * S::LANES) {
        let mut row = 0;
        while row < m {
            macro_rules! block {
                ($rows:literal) => {{
                    match n - column {
                        left if left >= 2 * S::LANES => {
                            outer_block::<S, $rows, 2, false>(s, pieces, &piece, row, column, n, sum)
                        }
                        left if left > S::LANES => {
                            outer_block::<S, $rows, 2, true>(s, pieces, &piece, row, column, n, sum)
                        }
                        left if left == S::LANES => {
                            outer_block::<S, $rows, 1, false>(s, pieces, &piece, row, column, n, sum)
                        }
                        _ => outer_block::<S, $rows, 1, true>(s, pieces, &piece, row, column, n, sum),
                    }
                    row += $rows;
                }};
            }
            match m - row {
                left if left >= 16 && n - column <= S::LANES && S::MANY_REGISTERS => block!(16),
                left if left >= ROWS_MANY && S::MANY_REGISTERS => block!(8),
                left if left >= ROWS_FEW => block!(4),
                _ => block!(1),
            }
        }
    }
}

#[inline(always)]
fn outer_block<'a, S: Simd, const M: usize, const V: usize, const PART: bool>(
    s: S,
    pieces: usize,
    piece: &impl Fn(usize) -> (Pixels<'a>, Pixels<'a>),
    row: usize,
    column: usize,
    n: usize,
    sum: &mut [f32],
) {
    let mut acc = [[s.splat(0.0); V]; M];
    for j in 0..pieces {
        let (a, b) = piece(j);
        let columns = if PART { b.width - column } else { V * S::LANES };
        for pixel in 0..a.count().min(b.count()) {
            // SAFETY: `count` saw that all pixels lie in the values; row + M and column + columns are within their widths.
            let (a, b) = unsafe {
                let (first, second) = (pixel * a.stride + row, pixel * b.stride + column);
                (a.values.get_unchecked(first..first + M), b.values.get_unchecked(second..second + columns))
            };
            let mut y = [s.splat(0.0); V];
            for v in 0..V {
                let b = &b[v * S::LANES..];
                y[v] = if PART { s.load_part(b) } else { s.load(b) };
            }
            for i in 0..M {
                let x = s.splat(a[i]);
                for v in 0..V {
                    acc[i][v] = s.fma(x, y[v], acc[i][v]);
                }
            }
        }
    }
    for (acc, sum) in acc.into_iter().zip(sum[row * n..].chunks_mut(n)) {
        for (v, acc) in acc.into_iter().enumerate() {
            let first = column + v * S::LANES;
            let sum = &mut sum[first..n.min(first + S::LANES)];
            s.store_part(sum, s.add(acc, s.load_part(sum)));
        }
    }
}
