//! The second half of a transformer block, `x + fc2(GELU(fc1(LayerNorm(x))))`, in tiles of pixels
//! that stay in the first-level cache; the backward pass computes the hidden layer again instead
//! of reading it from memory.

use rayon::prelude::*;

use super::functions::{gelu, gelu_with_slope};
use super::matmul::{Packed, Pixels, accumulate_outer, multiply};
use super::norm::Norm;
use super::simd::{self, Simd, Work};
use super::threads::accumulate;

/// Pixels of a tile.
const TILE: usize = 32;
/// Tiles of a task.
const TILES: usize = 8;

/// Parameters of the block, in PyTorch layouts.
#[derive(Clone, Copy)]
pub(crate) struct Mlp<'a> {
    /// The LayerNorm before it.
    pub(crate) norm: Norm<'a>,
    /// `[hidden, channels]` and `[hidden]`.
    pub(crate) fc1: (&'a [f32], &'a [f32]),
    /// `[channels, hidden]` and `[channels]`.
    pub(crate) fc2: (&'a [f32], &'a [f32]),
}

/// Gradients, in the order and shapes of the parameters.
pub(crate) struct MlpGradients {
    pub(crate) norm: (Vec<f32>, Vec<f32>),
    pub(crate) fc1: (Vec<f32>, Vec<f32>),
    pub(crate) fc2: (Vec<f32>, Vec<f32>),
}

impl Mlp<'_> {
    fn channels(&self) -> usize {
        self.fc2.1.len()
    }

    fn hidden(&self) -> usize {
        self.fc1.1.len()
    }

    /// The output `[pixels, channels]`.
    pub(crate) fn forward(&self, x: &[f32], out: &mut [f32]) {
        let fc1 = Packed::transposed(self.fc1.0, self.hidden());
        let fc2 = Packed::transposed(self.fc2.0, self.channels());
        let task = TILES * TILE * self.channels();
        out.par_chunks_mut(task).zip(x.par_chunks(task)).for_each(|(out, x)| {
            simd::run(Forward { mlp: self, fc1: &fc1, fc2: &fc2, x, out });
        });
    }

    /// Given the input and the gradient of the output, writes the gradient of the input to `out`.
    pub(crate) fn backward(&self, x: &[f32], grad: &[f32], out: &mut [f32]) -> MlpGradients {
        let (c, h) = (self.channels(), self.hidden());
        let packed = BackwardWeights {
            fc1: Packed::transposed(self.fc1.0, h),
            fc1_back: Packed::plain(self.fc1.0, c),
            fc2_back: Packed::plain(self.fc2.0, h),
        };
        let task = TILES * TILE * c;
        let tasks: Vec<_> = out.chunks_mut(task).zip(x.chunks(task).zip(grad.chunks(task))).collect();
        let sums = accumulate(tasks, 2 * c * h + h + 3 * c, |(out, (x, grad)), sums| {
            simd::run(Backward { mlp: self, packed: &packed, x, grad, out, sums });
        });
        let (fc1, rest) = sums.split_at(c * h);
        let (fc2, rest) = rest.split_at(h * c);
        let (fc1_bias, rest) = rest.split_at(h);
        let (fc2_bias, norm) = rest.split_at(c);
        MlpGradients {
            norm: (norm[..c].to_vec(), norm[c..].to_vec()),
            fc1: (transpose(fc1, h), fc1_bias.to_vec()),
            fc2: (transpose(fc2, c), fc2_bias.to_vec()),
        }
    }
}

/// A matrix of `columns` columns, transposed.
pub(super) fn transpose(matrix: &[f32], columns: usize) -> Vec<f32> {
    let column = |j: usize| matrix[j..].iter().step_by(columns).copied();
    (0..columns).flat_map(column).collect()
}

/// Adds the rows of `values` to `sum`.
#[inline(always)]
pub(super) fn add_rows<S: Simd>(s: S, values: &[f32], sum: &mut [f32]) {
    let width = sum.len();
    for (first, sum) in (0..width).step_by(S::LANES).zip(sum.chunks_mut(S::LANES)) {
        let mut lanes = s.load_part(sum);
        for row in values.chunks_exact(width) {
            lanes = s.add(lanes, s.load_part(&row[first..first + sum.len()]));
        }
        s.store_part(sum, lanes);
    }
}

struct Forward<'a> {
    mlp: &'a Mlp<'a>,
    fc1: &'a Packed,
    fc2: &'a Packed,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl Work for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { mlp, fc1, fc2, x, out } = self;
        let (c, h) = (mlp.channels(), mlp.hidden());
        let mut normal = vec![0.0; TILE * c];
        let mut hidden = vec![0.0; TILE * h];
        for (x, out) in x.chunks(TILE * c).zip(out.chunks_mut(TILE * c)) {
            let pixels = x.len() / c;
            mlp.norm.forward(s, x, &mut normal[..x.len()]);
            multiply(
                s,
                pixels,
                &[c],
                #[inline(always)]
                |_, i| &normal[i * c..][..c],
                fc1,
                #[inline(always)]
                |i, o, v| {
                    let lanes = o..h.min(o + S::LANES);
                    let v = gelu(s, s.add(v, s.load_part(&mlp.fc1.1[lanes.clone()])));
                    s.store_part(&mut hidden[i * h..][lanes], v);
                },
            );
            multiply(
                s,
                pixels,
                &[h],
                #[inline(always)]
                |_, i| &hidden[i * h..][..h],
                fc2,
                #[inline(always)]
                |i, o, v| {
                    let lanes = o..c.min(o + S::LANES);
                    let v = s.add(v, s.load_part(&mlp.fc2.1[lanes.clone()]));
                    let v = s.add(v, s.load_part(&x[i * c..][lanes.clone()]));
                    s.store_part(&mut out[i * c..][lanes], v);
                },
            );
        }
    }
}

/// Weights packed for the backward pass: for the hidden layer once more, and for its gradients.
struct BackwardWeights {
    fc1: Packed,
    fc1_back: Packed,
    fc2_back: Packed,
}

struct Backward<'a> {
    mlp: &'a Mlp<'a>,
    packed: &'a BackwardWeights,
    x: &'a [f32],
    grad: &'a [f32],
    out: &'a mut [f32],
    /// Gradients of fc1 and fc2 (both transposed), their biases, the norm's weight and bias.
    sums: &'a mut [f32],
}

impl Work for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { mlp, packed, x, grad, out, sums } = self;
        let (c, h) = (mlp.channels(), mlp.hidden());
        let (fc1, sums) = sums.split_at_mut(c * h);
        let (fc2, sums) = sums.split_at_mut(h * c);
        let (fc1_bias, sums) = sums.split_at_mut(h);
        let (fc2_bias, norm) = sums.split_at_mut(c);
        let mut normal = vec![0.0; TILE * c];
        // GELU of the hidden layer, and its slope, which becomes the gradient.
        let (mut hidden, mut slope) = (vec![0.0; TILE * h], vec![0.0; TILE * h]);
        for (out, (x, grad)) in out.chunks_mut(TILE * c).zip(x.chunks(TILE * c).zip(grad.chunks(TILE * c))) {
            let pixels = x.len() / c;
            let normal = &mut normal[..pixels * c];
            let (hidden, slope) = (&mut hidden[..pixels * h], &mut slope[..pixels * h]);
            mlp.norm.forward(s, x, normal);
            multiply(
                s,
                pixels,
                &[c],
                #[inline(always)]
                |_, i| &normal[i * c..][..c],
                &packed.fc1,
                #[inline(always)]
                |i, o, v| {
                    let lanes = o..h.min(o + S::LANES);
                    let v = s.add(v, s.load_part(&mlp.fc1.1[lanes.clone()]));
                    let (y, dy) = gelu_with_slope(s, v);
                    s.store_part(&mut hidden[i * h..][lanes.clone()], y);
                    s.store_part(&mut slope[i * h..][lanes], dy);
                },
            );
            multiply(
                s,
                pixels,
                &[c],
                #[inline(always)]
                |_, i| &grad[i * c..][..c],
                &packed.fc2_back,
                #[inline(always)]
                |i, o, v| {
                    let slope = &mut slope[i * h..][o..h.min(o + S::LANES)];
                    s.store_part(slope, s.mul(v, s.load_part(slope)));
                },
            );
            accumulate_outer(
                s,
                1,
                #[inline(always)]
                |_| (Pixels::dense(hidden, h), Pixels::dense(grad, c)),
                fc2,
            );
            accumulate_outer(
                s,
                1,
                #[inline(always)]
                |_| (Pixels::dense(normal, c), Pixels::dense(slope, h)),
                fc1,
            );
            add_rows(s, slope, fc1_bias);
            add_rows(s, grad, fc2_bias);
            multiply(
                s,
                pixels,
                &[h],
                #[inline(always)]
                |_, i| &slope[i * h..][..h],
                &packed.fc1_back,
                #[inline(always)]
                |i, o, v| {
                    s.store_part(&mut normal[i * c..][o..c.min(o + S::LANES)], v);
                },
            );
            out.copy_from_slice(grad);
            mlp.norm.backward(s, x, normal, out, norm);
        }
    }
}
