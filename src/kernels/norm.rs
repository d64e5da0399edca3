//! LayerNorm over the channels of each pixel (eps 1e-5), forward and backward.

use rayon::prelude::*;

use super::simd::{self, Simd, Work};
use super::threads::accumulate;

const EPSILON: f32 = 1e-5;

/// The scale and shift of a LayerNorm.
#[derive(Clone, Copy)]
pub(crate) struct Norm<'a> {
    /// `[channels]`.
    pub(crate) weight: &'a [f32],
    /// `[channels]`.
    pub(crate) bias: &'a [f32],
}

/// Sums `term(first, values)` over the vectors of a row.
#[inline(always)]
fn sum<S: Simd>(s: S, row: &[f32], term: impl Fn(usize, S::V) -> S::V) -> f32 {
    let mut sum = s.splat(0.0);
    for (j, x) in row.chunks(S::LANES).enumerate() {
        sum = s.add(sum, term(j * S::LANES, s.load_part(x)));
    }
    s.sum(sum)
}

/// The vector at `first`, zero beyond the end.
#[inline(always)]
fn part<S: Simd>(s: S, row: &[f32], first: usize) -> S::V {
    s.load_part(&row[first..row.len().min(first + S::LANES)])
}

/// 1 in the lanes that a row of `len` values has at `first`, 0 beyond its end.
#[inline(always)]
fn inside<S: Simd>(s: S, first: usize, len: usize) -> S::V {
    s.load_part(&[1.0; 16][..S::LANES.min(len - first)])
}

/// The mean of a row, and one over its standard deviation.
#[inline(always)]
fn moments<S: Simd>(s: S, row: &[f32]) -> (f32, f32) {
    let scale = 1.0 / row.len() as f32;
    let mean = sum(
        s,
        row,
        #[inline(always)]
        |_, x| x,
    ) * scale;
    let variance = sum(
        s,
        row,
        #[inline(always)]
        |first, x| {
            let d = s.mul(s.sub(x, s.splat(mean)), inside(s, first, row.len()));
            s.mul(d, d)
        },
    );
    (mean, 1.0 / (variance * scale + EPSILON).sqrt())
}

#[inline(always)]
fn normal<S: Simd>(s: S, x: S::V, mean: f32, scale: f32) -> S::V {
    s.mul(s.sub(x, s.splat(mean)), s.splat(scale))
}

/// Pixels that one task normalises.
const TASK: usize = 512;

impl Norm<'_> {
    /// Normalises every row of `x` into `out`, on all threads.
    pub(crate) fn apply(&self, x: &[f32], out: &mut [f32]) {
        struct Apply<'a>(Norm<'a>, &'a [f32], &'a mut [f32]);
        impl Work for Apply<'_> {
            type Output = ();
            #[inline(always)]
            fn run<S: Simd>(self, s: S) {
                self.0.forward(s, self.1, self.2);
            }
        }
        let task = TASK * self.channels();
        let tasks = out.par_chunks_mut(task).zip(x.par_chunks(task));
        tasks.for_each(|(out, x)| simd::run(Apply(*self, x, out)));
    }

    /// Adds the gradient of `x` to `out` and returns those of weight and bias, on all threads.
    pub(crate) fn gradients(&self, x: &[f32], grad: &[f32], out: &mut [f32]) -> (Vec<f32>, Vec<f32>) {
        struct Gradients<'a>(Norm<'a>, &'a [f32], &'a [f32], &'a mut [f32], &'a mut [f32]);
        impl Work for Gradients<'_> {
            type Output = ();
            #[inline(always)]
            fn run<S: Simd>(self, s: S) {
                self.0.backward(s, self.1, self.2, self.3, self.4);
            }
        }
        let task = TASK * self.channels();
        let tasks = out.chunks_mut(task).zip(x.chunks(task).zip(grad.chunks(task))).collect();
        let mut sums = accumulate(tasks, 2 * self.channels(), |(out, (x, grad)), sums| {
            simd::run(Gradients(*self, x, grad, out, sums));
        });
        let bias = sums.split_off(self.channels());
        (sums, bias)
    }

    fn channels(&self) -> usize {
        self.weight.len()
    }

    /// Normalises every row of `x` into `out`.
    #[inline(always)]
    pub(crate) fn forward<S: Simd>(&self, s: S, x: &[f32], out: &mut [f32]) {
        let rows = x.chunks_exact(self.channels());
        for (x, out) in rows.zip(out.chunks_exact_mut(self.channels())) {
            let (mean, scale) = moments(s, x);
            for (j, out) in out.chunks_mut(S::LANES).enumerate() {
                let first = j * S::LANES;
                let x = normal(s, part(s, x, first), mean, scale);
                s.store_part(out, s.fma(x, part(s, self.weight, first), part(s, self.bias, first)));
            }
        }
    }

    /// Adds the gradient of `x` to `out`, and those of weight and bias to `params`, given the
    /// gradient of the normalised rows.
    #[inline(always)]
    pub(crate) fn backward<S: Simd>(&self, s: S, x: &[f32], grad: &[f32], out: &mut [f32], params: &mut [f32]) {
        let channels = self.channels();
        let (weight_sum, bias_sum) = params.split_at_mut(channels);
        let rows = x.chunks_exact(channels).zip(grad.chunks_exact(channels));
        for ((x, grad), out) in rows.zip(out.chunks_exact_mut(channels)) {
            let (mean, scale) = moments(s, x);
            let shift = sum(
                s,
                grad,
                #[inline(always)]
                |first, g| s.mul(g, part(s, self.weight, first)),
            );
            let tilt = sum(
                s,
                x,
                #[inline(always)]
                |first, x| {
                    let g = s.mul(part(s, grad, first), part(s, self.weight, first));
                    s.mul(normal(s, x, mean, scale), g)
                },
            );
            let (shift, tilt) = (shift / channels as f32, tilt / channels as f32);
            for (j, out) in out.chunks_mut(S::LANES).enumerate() {
                let first = j * S::LANES;
                let last = channels.min(first + S::LANES);
                let (x, g) = (normal(s, part(s, x, first), mean, scale), part(s, grad, first));
                let weighted = s.mul(g, part(s, self.weight, first));
                let d = s.sub(weighted, s.fma(x, s.splat(tilt), s.splat(shift)));
                s.store_part(out, s.fma(d, s.splat(scale), s.load_part(out)));
                let sum = &mut weight_sum[first..last];
                s.store_part(sum, s.fma(g, x, s.load_part(sum)));
                let sum = &mut bias_sum[first..last];
                s.store_part(sum, s.add(g, s.load_part(sum)));
            }
        }
    }
}
