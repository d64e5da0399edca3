//! The gradients of window attention. Probabilities are computed again from what the forward pass
//! kept (the heads' outputs and the logarithms of the softmax sums), so that the scores of all
//! windows never lie in memory together.

use super::attention::{Shared, WindowAttention, shifted_rows};
use super::functions::exp;
use super::matmul::{Packed, Pixels, accumulate_outer, multiply};
use super::mlp::{add_rows, transpose};
use super::simd::{self, Simd, Work};
use super::threads::accumulate;

/// Gradients, in the order and shapes of the parameters.
pub(crate) struct AttentionGradients {
    pub(crate) qkv: (Vec<f32>, Vec<f32>),
    pub(crate) proj: (Vec<f32>, Vec<f32>),
    pub(crate) position_bias: Vec<f32>,
}

impl WindowAttention<'_> {
    /// Adds the gradient of the input `x` to `out`, given what `forward` kept and the gradient of
    /// the output.
    pub(crate) fn backward(&self, x: &[f32], kept: &[f32], grad: &[f32], out: &mut [f32]) -> AttentionGradients {
        let (c, n) = (self.channels(), self.tokens());
        let shared = self.shared();
        let proj_back = Packed::plain(self.proj.0, c);
        let qkv_back = Packed::plain(self.qkv.0, c);
        let mut rows = shifted_rows(self.extent, self.shift, out);
        let kept_of_band = self.kept() * self.extent.width / self.window;
        let tasks: Vec<_> = rows.chunks_mut(self.window).zip(kept.chunks(kept_of_band)).enumerate().collect();
        let len = 4 * c * c + 4 * c + self.heads * n * n;
        let sums = accumulate(tasks, len, |(band, (out, kept)), sums| {
            let (shared, proj_back, qkv_back) = (&shared, &proj_back, &qkv_back);
            simd::run(Band { shared, proj_back, qkv_back, band, x, grad, out, kept, sums });
        });
        let (qkv, rest) = sums.split_at(3 * c * c);
        let (proj, rest) = rest.split_at(c * c);
        let (qkv_bias, rest) = rest.split_at(3 * c);
        let (proj_bias, bias) = rest.split_at(c);
        let mut position_bias = vec![0.0; self.position_bias.len()];
        for (head, bias) in bias.chunks_exact(n * n).enumerate() {
            for (at, bias) in bias.iter().enumerate() {
                position_bias[self.relative_position(at / n, at % n) * self.heads + head] += bias;
            }
        }
        AttentionGradients {
            qkv: (transpose(qkv, 3 * c), qkv_bias.to_vec()),
            proj: (transpose(proj, c), proj_bias.to_vec()),
            position_bias,
        }
    }
}

/// The windows side by side of one band of rows.
struct Band<'a, 'b> {
    shared: &'a Shared<'a>,
    proj_back: &'a Packed,
    qkv_back: &'a Packed,
    band: usize,
    x: &'a [f32],
    grad: &'a [f32],
    out: &'a mut [&'b mut [f32]],
    kept: &'a [f32],
    /// Gradients of qkv and proj (transposed), of their biases, and of the bias of each head.
    sums: &'a mut [f32],
}

/// What one window works on; all of it stays in cache.
struct Window {
    tokens: Vec<f32>,
    grad: Vec<f32>,
    qkv: Vec<f32>,
    qkv_grad: Vec<f32>,
    /// Of the heads' outputs.
    heads_grad: Vec<f32>,
    probabilities: Vec<f32>,
    scores_grad: Vec<f32>,
    packed: Packed,
}

impl Work for Band<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { shared, proj_back, qkv_back, band, x, grad, out, kept, sums } = self;
        let at = &shared.attention;
        let (c, n) = (at.channels(), at.tokens());
        let (qkv_sum, sums) = sums.split_at_mut(3 * c * c);
        let (proj_sum, sums) = sums.split_at_mut(c * c);
        let (qkv_bias, sums) = sums.split_at_mut(3 * c);
        let (proj_bias, bias_sum) = sums.split_at_mut(c);
        let zeros = |len| vec![0.0; len];
        let mut w = Window {
            tokens: zeros(n * c),
            grad: zeros(n * c),
            qkv: zeros(3 * n * c),
            qkv_grad: zeros(3 * n * c),
            heads_grad: zeros(n * c),
            probabilities: zeros(n * n),
            scores_grad: zeros(n * n),
            packed: Packed::empty(),
        };
        for (column, kept) in kept.chunks(at.kept()).enumerate() {
            at.gather(x, band, column, &mut w.tokens);
            at.gather(grad, band, column, &mut w.grad);
            shared.qkv(s, &w.tokens, &mut w.qkv);
            multiply(
                s,
                n,
                &[c],
                #[inline(always)]
                |_, i| &w.grad[i * c..][..c],
                proj_back,
                #[inline(always)]
                |i, k, v| {
                    s.store_part(&mut w.heads_grad[i * c..][k..c.min(k + S::LANES)], v);
                },
            );
            let (heads_out, log_sums) = kept.split_at(n * c);
            for (head, log_sums) in log_sums.chunks_exact(n).enumerate() {
                let bias = shared.bias(at.kind(band, column), head);
                let bias_sum = &mut bias_sum[head * n * n..][..n * n];
                shared.head_gradient(s, head, bias, heads_out, log_sums, &mut w, bias_sum);
            }
            let (inputs, grads) = (Pixels::dense(heads_out, c), Pixels::dense(&w.grad, c));
            accumulate_outer(
                s,
                1,
                #[inline(always)]
                |_| (inputs, grads),
                proj_sum,
            );
            add_rows(&w.grad, proj_bias);
            let (inputs, grads) = (Pixels::dense(&w.tokens, c), Pixels::dense(&w.qkv_grad, 3 * c));
            accumulate_outer(
                s,
                1,
                #[inline(always)]
                |_| (inputs, grads),
                qkv_sum,
            );
            add_rows(&w.qkv_grad, qkv_bias);
            let places = at.places(column);
            multiply(
                s,
                n,
                &[3 * c],
                #[inline(always)]
                |_, i| &w.qkv_grad[i * 3 * c..][..3 * c],
                qkv_back,
                #[inline(always)]
                |i, o, v| {
                    let (y, x) = places[i];
                    let pixel = &mut out[y][x * c..][..c];
                    let pixel = &mut pixel[o..c.min(o + S::LANES)];
                    s.store_part(pixel, s.add(v, s.load_part(pixel)));
                },
            );
        }
    }
}

impl Shared<'_> {
    /// Writes the gradients of a head's queries, keys and values to `w.qkv_grad`, and adds those of
    /// its scores to `bias_sum`.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn head_gradient<S: Simd>(
        &self,
        s: S,
        head: usize,
        bias: &[f32],
        heads_out: &[f32],
        log_sums: &[f32],
        w: &mut Window,
        bias_sum: &mut [f32],
    ) {
        let at = &self.attention;
        let (c, n) = (at.channels(), at.tokens());
        let d = c / at.heads;
        let first = head * d;
        let (p, ds) = (&mut w.probabilities, &mut w.scores_grad);
        self.scores(
            s,
            &w.qkv,
            head,
            &mut w.packed,
            #[inline(always)]
            |i, j, v| {
                let lanes = i * n + j..i * n + n.min(j + S::LANES);
                let score = s.add(v, s.load_part(&bias[lanes.clone()]));
                s.store_part(&mut p[lanes], exp(s, s.sub(score, s.splat(log_sums[i]))));
            },
        );
        let (qkv, heads_grad) = (&w.qkv, &w.heads_grad);
        // Σ_j p_ij · ∂p_ij, which the softmax subtracts: the same as Σ_k out_ik · ∂out_ik.
        let dot = |i: usize| -> f32 {
            let row = i * c + first..i * c + first + d;
            heads_out[row.clone()].iter().zip(&heads_grad[row]).map(|(a, b)| a * b).sum()
        };
        let dots: Vec<f32> = (0..n).map(dot).collect();
        w.packed.fill(s, [d, n], &qkv[2 * c + first..], (1, 3 * c));
        multiply(
            s,
            n,
            &[d],
            #[inline(always)]
            |_, i| &heads_grad[i * c + first..][..d],
            &w.packed,
            #[inline(always)]
            |i, j, v| {
                let lanes = i * n + j..i * n + n.min(j + S::LANES);
                let v = s.mul(s.sub(v, s.splat(dots[i])), s.load_part(&p[lanes.clone()]));
                s.store_part(&mut ds[lanes.clone()], v);
                let sum = &mut bias_sum[lanes];
                s.store_part(sum, s.add(v, s.load_part(sum)));
            },
        );
        let out = &mut w.qkv_grad;
        let scale = s.splat(at.scale());
        w.packed.fill(s, [n, d], &qkv[c + first..], (3 * c, 1));
        multiply(
            s,
            n,
            &[n],
            #[inline(always)]
            |_, i| &ds[i * n..][..n],
            &w.packed,
            #[inline(always)]
            |i, k, v| {
                s.store_part(&mut out[i * 3 * c + first..][k..d.min(k + S::LANES)], s.mul(v, scale));
            },
        );
        // [tokens, d] each: first the keys' gradient, then the values'.
        let mut sums = vec![0.0; 2 * n * d];
        let (keys, values) = sums.split_at_mut(n * d);
        let queries = Pixels { values: &qkv[first..], stride: 3 * c, width: d };
        accumulate_outer(
            s,
            1,
            #[inline(always)]
            |_| (Pixels::dense(ds, n), queries),
            keys,
        );
        let outputs = Pixels { values: &heads_grad[first..], stride: c, width: d };
        accumulate_outer(
            s,
            1,
            #[inline(always)]
            |_| (Pixels::dense(p, n), outputs),
            values,
        );
        for (token, out) in out.chunks_exact_mut(3 * c).enumerate() {
            out[c + first..][..d].copy_from_slice(&keys[token * d..][..d]);
            out[2 * c + first..][..d].copy_from_slice(&values[token * d..][..d]);
        }
    }
}
