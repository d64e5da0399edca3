//! The gradients of window attention. Probabilities are computed again from what the forward pass
//! kept (the heads' outputs, and largest scores and sums of the softmax), so that the scores of all
//! windows never lie in memory together.

use std::f32::consts::LN_2;

use super::attention::{Shared, WindowAttention, shifted_rows};
use super::functions::pow2_of_score;
use super::matmul::{Packed, Pixels, accumulate_outer, multiply};
use super::mlp::{add_rows, transpose};
use super::scores::{Rows, Weighted, across, pitch, products, to_columns, to_rows};
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
        let len = 4 * c * c + 4 * c + self.heads * n * pitch(n);
        let sums = accumulate(tasks, len, |(band, (out, kept)), sums| {
            let (shared, proj_back, qkv_back) = (&shared, &proj_back, &qkv_back);
            simd::run(Band { shared, proj_back, qkv_back, band, x, grad, out, kept, sums });
        });
        let (qkv, rest) = sums.split_at(3 * c * c);
        let (proj, rest) = rest.split_at(c * c);
        let (qkv_bias, rest) = rest.split_at(3 * c);
        let (proj_bias, bias) = rest.split_at(c);
        let mut position_bias = vec![0.0; self.position_bias.len()];
        for (at, row) in bias.chunks_exact(pitch(n)).enumerate() {
            let (head, key) = (at / n, at % n);
            for (query, bias) in row[..n].iter().enumerate() {
                position_bias[self.relative_position(query, key) * self.heads + head] += bias;
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
    /// Gradients of qkv and proj (transposed), of their biases, and of the bias of each head, `[keys, pitch]`.
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
    /// Queries, the gradients of the heads' outputs, and those of the queries, `[channels, pitch]`.
    columns: [Vec<f32>; 3],
    head: Head,
    places: Vec<(usize, usize)>,
}

impl Window {
    fn new(tokens: usize, channels: usize) -> Self {
        let zeros = |channels: usize| vec![0.0; tokens * channels];
        Window {
            tokens: zeros(channels),
            grad: zeros(channels),
            qkv: zeros(3 * channels),
            qkv_grad: zeros(3 * channels),
            heads_grad: zeros(channels),
            columns: [0; 3].map(|_| vec![0.0; channels * pitch(tokens)]),
            head: Head::new(tokens),
            places: Vec::with_capacity(tokens),
        }
    }

    /// Fills the gradient of qkv from that of the heads' outputs, these and the `sums` that the forward pass kept, in a kind of window; adds the
    /// gradients of the scores to `bias_sum`, `[keys, pitch]` for each head.
    #[inline(always)]
    fn heads<S: Simd>(
        &mut self,
        s: S,
        shared: &Shared,
        kind: usize,
        outputs: &[f32],
        sums: &[f32],
        bias_sum: &mut [f32],
    ) {
        let at = &shared.attention;
        let (c, n, width) = (at.channels(), at.tokens(), at.channels() / at.heads);
        let [queries, grads, queries_grad] = &mut self.columns;
        to_columns(s, Rows { values: &self.qkv, stride: 3 * c, width: c }, n, queries);
        to_columns(s, Rows { values: &self.heads_grad, stride: c, width: c }, n, grads);
        for (head, sums) in sums.chunks_exact(2 * n).enumerate() {
            let first = head * width;
            let outputs = [outputs, &self.heads_grad].map(
                #[inline(always)]
                |values| Rows { values: &values[first..], stride: c, width },
            );
            self.head.prepare(sums, outputs);
            let rows = first * pitch(n)..(first + width) * pitch(n);
            let columns = (&queries[rows.clone()], &grads[rows.clone()], &mut queries_grad[rows]);
            let bias = shared.bias(kind, head);
            let bias_sum = &mut bias_sum[head * bias.len()..][..bias.len()];
            let [_, keys, values] = shared.head(&self.qkv, head);
            let out = &mut self.qkv_grad[first..];
            self.head.gradient(s, columns, [keys, values], (bias, at.scale(), bias_sum), out);
        }
        to_rows(s, queries_grad, n, 3 * c, &mut self.qkv_grad);
    }
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
        let mut w = Window::new(n, c);
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
            let (heads_out, sums) = kept.split_at(n * c);
            w.heads(s, shared, at.kind(band, column), heads_out, sums, bias_sum);
            let (inputs, grads) = (Pixels::dense(heads_out, c), Pixels::dense(&w.grad, c));
            accumulate_outer(
                s,
                1,
                #[inline(always)]
                |_| (inputs, grads),
                proj_sum,
            );
            add_rows(s, &w.grad, proj_bias);
            let (inputs, grads) = (Pixels::dense(&w.tokens, c), Pixels::dense(&w.qkv_grad, 3 * c));
            accumulate_outer(
                s,
                1,
                #[inline(always)]
                |_| (inputs, grads),
                qkv_sum,
            );
            add_rows(s, &w.qkv_grad, qkv_bias);
            at.places(column, &mut w.places);
            multiply(
                s,
                n,
                &[3 * c],
                #[inline(always)]
                |_, i| &w.qkv_grad[i * 3 * c..][..3 * c],
                qkv_back,
                #[inline(always)]
                |i, o, v| {
                    let (y, x) = w.places[i];
                    let pixel = &mut out[y][x * c..][..c];
                    let pixel = &mut pixel[o..c.min(o + S::LANES)];
                    s.store_part(pixel, s.add(v, s.load_part(pixel)));
                },
            );
        }
    }
}

/// What a head of a window works on; all of it stays in cache.
struct Head {
    /// `[keys, pitch]`.
    probabilities: Vec<f32>,
    /// The gradient of the scores, `[keys, pitch]`.
    scores_grad: Vec<f32>,
    /// What the forward pass kept, and what the softmax subtracts from the gradients of probabilities: `[pitch]` each.
    largest: Vec<f32>,
    scales: Vec<f32>,
    subtracted: Vec<f32>,
}

/// Of a head, `[channels, pitch]` each: the queries, the gradient of its outputs, and that of the queries.
type Columns<'a> = (&'a [f32], &'a [f32], &'a mut [f32]);

impl Head {
    fn new(tokens: usize) -> Self {
        let zeros = |rows: usize| vec![0.0; rows * pitch(tokens)];
        Head {
            probabilities: zeros(tokens),
            scores_grad: zeros(tokens),
            largest: zeros(1),
            scales: zeros(1),
            subtracted: zeros(1),
        }
    }

    /// Takes what is known of a head's queries: the largest scores and one over the sums of the softmax, and of the outputs, these and their
    /// gradient, what the softmax subtracts: Σ_j p_ij · ∂p_ij, the same as Σ_k out_ik · ∂out_ik.
    #[inline(always)]
    fn prepare(&mut self, sums: &[f32], outputs: [Rows; 2]) {
        let n = sums.len() / 2;
        self.largest[..n].copy_from_slice(&sums[..n]);
        self.scales[..n].copy_from_slice(&sums[n..]);
        for (i, subtracted) in self.subtracted[..n].iter_mut().enumerate() {
            let [a, b] = outputs.map(|rows| &rows.values[i * rows.stride..][..rows.width]);
            *subtracted = -a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        }
    }

    /// Fills the gradient of the queries, writes those of keys and values to `out`, rows of as many numbers as those of qkv that begin with the
    /// queries', and adds those of the scores to `bias_sum`.
    #[inline(always)]
    fn gradient<S: Simd>(
        &mut self,
        s: S,
        (queries, grad, queries_grad): Columns,
        [keys, values]: [Rows; 2],
        (bias, scale, bias_sum): (&[f32], f32, &mut [f32]),
        out: &mut [f32],
    ) {
        let Head { probabilities, scores_grad, largest, scales, subtracted } = self;
        let pitch = largest.len();
        products(
            s,
            keys,
            queries,
            bias,
            pitch,
            probabilities,
            #[inline(always)]
            |_, _| (),
        );
        products(
            s,
            values,
            grad,
            subtracted,
            pitch,
            scores_grad,
            #[inline(always)]
            |_, _| (),
        );
        Weighted { rows: [scores_grad, probabilities, bias_sum], of_queries: [largest, scales] }.sum(
            s,
            keys,
            #[inline(always)]
            |[slope, probability, sum], [most, scale]| {
                let numerator = pow2_of_score(s, s.sub(s.load(probability), most));
                let found = s.mul(numerator, scale);
                s.store(probability, found);
                let found = s.mul(found, s.load(slope));
                s.store(slope, found);
                s.store(sum, s.add(found, s.load(sum)));
                found
            },
            #[inline(always)]
            |_, _| s.splat(scale),
            #[inline(always)]
            |k, i, v| s.store(&mut queries_grad[k * pitch + i..], v),
        );
        // The queries are scaled for scores to base 2.
        let part = keys.stride / 3;
        let of_keys = (&self.scores_grad, queries, part, LN_2);
        for (weights, queries, first, factor) in [of_keys, (&self.probabilities, grad, 2 * part, 1.0)] {
            across(
                s,
                weights,
                queries,
                pitch,
                #[inline(always)]
                |j, k, sums| {
                    let out = &mut out[j * keys.stride + first + k..][..sums.len()];
                    out.iter_mut().zip(sums).for_each(|(out, sum)| *out = factor * sum);
                },
            );
        }
    }
}
