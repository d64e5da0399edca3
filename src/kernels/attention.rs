//! Self-attention within windows, the forward pass: cyclic shift, partition, query, key and value,
//! scores with relative position bias and shift mask, softmax, projection, and all of it back to
//! the pixels, one window after the other in cache. The gradients are in `attention_gradient`.

use std::f32::consts::LOG2_E;
use std::ops::Range;

use rayon::prelude::*;

use super::functions::pow2_of_score;
use super::image::Extent;
use super::matmul::{Packed, multiply};
use super::scores::{Rows, Weighted, pitch, products, to_columns, to_rows};
use super::simd::{self, Simd, Work};

/// Between tokens that only the cyclic shift brought together, to base 2: so little that nothing is left of them beside any other score. (The
/// published networks say −100, to base e: what that leaves is no normal number.)
const MASKED: f32 = -500.0;

/// Shapes and parameters, in PyTorch layouts.
#[derive(Clone, Copy)]
pub(crate) struct WindowAttention<'a> {
    /// Of the images; the sides are multiples of the window's.
    pub(crate) extent: Extent,
    /// The side of a window.
    pub(crate) window: usize,
    /// By how much the windows are shifted, cyclically; 0: not at all, and without a mask.
    pub(crate) shift: usize,
    /// Attention heads; they divide the channels.
    pub(crate) heads: usize,
    /// `[3·channels, channels]` and `[3·channels]`.
    pub(crate) qkv: (&'a [f32], &'a [f32]),
    /// `[channels, channels]` and `[channels]`.
    pub(crate) proj: (&'a [f32], &'a [f32]),
    /// `[(2·window − 1)², heads]`.
    pub(crate) position_bias: &'a [f32],
}

/// What the windows of one task share.
pub(super) struct Shared<'a> {
    pub(super) attention: WindowAttention<'a>,
    /// Queries come out scaled so that scores are logarithms to base 2, which spares two products for each numerator of the softmax: by
    /// log₂e/√(channels of a head).
    pub(super) qkv: Packed,
    pub(super) qkv_bias: Vec<f32>,
    /// For each kind of window (see [`WindowAttention::kind`]) and head, `[keys, pitch]`, to base 2.
    pub(super) bias: Vec<f32>,
}

impl<'a> WindowAttention<'a> {
    pub(super) fn channels(&self) -> usize {
        self.proj.1.len()
    }

    pub(super) fn tokens(&self) -> usize {
        self.window * self.window
    }

    /// Values that `forward` keeps of each window: the heads' outputs, and for each head and token the largest score (to base 2) and one over
    /// the sum of the softmax.
    pub(crate) fn kept(&self) -> usize {
        self.tokens() * (self.channels() + 2 * self.heads)
    }

    /// Windows of all images.
    pub(crate) fn windows(&self) -> usize {
        self.extent.pixels() / self.tokens()
    }

    /// 1/√(channels of a head).
    pub(super) fn scale(&self) -> f32 {
        1.0 / ((self.channels() / self.heads) as f32).sqrt()
    }

    /// Windows differ in their mask: 0 inside, +1 in the last column, +2 in the last row.
    pub(super) fn kind(&self, band: usize, column: usize) -> usize {
        if self.shift == 0 {
            return 0;
        }
        let bands = self.extent.height / self.window;
        let last_row = (band + 1).is_multiple_of(bands);
        let last_column = (column + 1) * self.window == self.extent.width;
        usize::from(last_column) + 2 * usize::from(last_row)
    }

    /// The entry of the position bias table for query i and key j.
    pub(super) fn relative_position(&self, i: usize, j: usize) -> usize {
        let w = self.window;
        let (dy, dx) = (i / w + w - 1 - j / w, i % w + w - 1 - j % w);
        dy * (2 * w - 1) + dx
    }

    pub(super) fn shared(self) -> Shared<'a> {
        let (c, n) = (self.channels(), self.tokens());
        let fits = |side: usize| side.is_multiple_of(self.window);
        assert!(fits(self.extent.height) && fits(self.extent.width), "images of whole windows");
        assert!(c.is_multiple_of(self.heads) && self.shift < self.window, "heads of one size, a shift within a window");
        let scale = |o: usize| if o < c { self.scale() * LOG2_E } else { 1.0 };
        let qkv = Packed::new(c, 3 * c, |k| move |o| self.qkv.0[o * c + k] * scale(o));
        let qkv_bias = self.qkv.1.iter().enumerate().map(|(o, bias)| bias * scale(o)).collect();
        let kinds = if self.shift == 0 { 1 } else { 4 };
        let mut bias = vec![0.0; kinds * self.heads * n * pitch(n)];
        bias.par_chunks_mut(n * pitch(n)).enumerate().for_each(|(i, bias)| {
            self.bias(i / self.heads, i % self.heads, bias);
        });
        Shared { attention: self, qkv, qkv_bias, bias }
    }

    /// Position bias and mask of a head in a kind of window, `[keys, pitch]`, to base 2.
    fn bias(&self, kind: usize, head: usize, bias: &mut [f32]) {
        let (w, n) = (self.window, self.tokens());
        let table: Vec<f32> = self.position_bias[head..].iter().step_by(self.heads).map(|bias| bias * LOG2_E).collect();
        // Rows and columns from here on came from the other side of the image, in the last windows.
        let moved = w - self.shift;
        for (j, bias) in bias.chunks_exact_mut(pitch(n)).enumerate() {
            let (jy, jx) = (j / w, j % w);
            for (iy, bias) in bias[..n].chunks_exact_mut(w).enumerate() {
                let first = self.relative_position(iy * w, j);
                let apart = kind & 2 != 0 && (iy >= moved) != (jy >= moved);
                for (ix, (bias, own)) in bias.iter_mut().zip(&table[first..first + w]).enumerate() {
                    let apart = apart || kind & 1 != 0 && (ix >= moved) != (jx >= moved);
                    *bias = if apart { own + MASKED } else { *own };
                }
            }
        }
    }

    /// Adds the attention of `x` `[pixels, channels]` to `out`, and fills `kept`, which holds
    /// [`WindowAttention::kept`] values for each window.
    pub(crate) fn forward(&self, x: &[f32], out: &mut [f32], kept: &mut [f32]) {
        let shared = self.shared();
        let proj = Packed::transposed(self.proj.0, self.channels());
        let kept_of_band = self.kept() * self.extent.width / self.window;
        let mut rows = shifted_rows(self.extent, self.shift, out);
        rows.par_chunks_mut(self.window).zip(kept.par_chunks_mut(kept_of_band)).enumerate().for_each(
            |(band, (out, kept))| {
                simd::run(Band { shared: &shared, proj: &proj, band, x, out, kept });
            },
        );
    }

    /// The columns of a window: the pieces of its `window` columns on either side of the image's
    /// border, the second empty unless the cyclic shift wraps around it, each with its first token.
    #[inline(always)]
    fn columns(&self, column: usize) -> [(Range<usize>, usize); 2] {
        let width = self.extent.width;
        let first = column * self.window + self.shift;
        let before = width.saturating_sub(first).min(self.window);
        let wrapped = first.max(width) - width;
        [(first..first + before, 0), (wrapped..wrapped + self.window - before, before)]
    }

    /// Where the tokens of a window lie: row of the band, column of the image.
    #[inline(always)]
    pub(super) fn places(&self, column: usize, places: &mut Vec<(usize, usize)>) {
        places.clear();
        for y in 0..self.window {
            for (columns, _) in self.columns(column) {
                places.extend(columns.map(|x| (y, x)));
            }
        }
    }

    /// Copies the tokens of a window `[tokens, channels]` out of the image.
    #[inline(always)]
    pub(super) fn gather(&self, x: &[f32], band: usize, column: usize, tokens: &mut [f32]) {
        let (c, height) = (self.channels(), self.extent.height);
        for y in 0..self.window {
            let row = band * self.window + y;
            let (image, row) = (row / height, (row % height + self.shift) % height);
            let x = &x[(image * height + row) * self.extent.width * c..];
            for (columns, token) in self.columns(column) {
                let to = (y * self.window + token) * c;
                tokens[to..to + columns.len() * c].copy_from_slice(&x[columns.start * c..columns.end * c]);
            }
        }
    }
}

/// The rows of every image in the order in which shifted windows meet them.
pub(super) fn shifted_rows(extent: Extent, shift: usize, out: &mut [f32]) -> Vec<&mut [f32]> {
    let len = out.len() / (extent.batch * extent.height);
    let mut rows: Vec<&mut [f32]> = out.chunks_mut(len).collect();
    rows.chunks_mut(extent.height).for_each(|image| image.rotate_left(shift));
    rows
}

/// The windows side by side of one band of rows.
struct Band<'a, 'b> {
    shared: &'a Shared<'a>,
    proj: &'a Packed,
    band: usize,
    x: &'a [f32],
    out: &'a mut [&'b mut [f32]],
    kept: &'a mut [f32],
}

impl Work for Band<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { shared, proj, band, x, out, kept } = self;
        let at = &shared.attention;
        let (c, n) = (at.channels(), at.tokens());
        let mut tokens = vec![0.0; n * c];
        let mut qkv = vec![0.0; n * 3 * c];
        let mut queries = vec![0.0; c * pitch(n)];
        let mut outputs = vec![0.0; c * pitch(n)];
        let mut head_of = Head::new(n);
        let of_head = c / at.heads * pitch(n);
        let mut places = Vec::with_capacity(n);
        for (column, kept) in kept.chunks_mut(at.kept()).enumerate() {
            at.gather(x, band, column, &mut tokens);
            shared.qkv(s, &tokens, &mut qkv);
            to_columns(s, Rows { values: &qkv, stride: 3 * c, width: c }, n, &mut queries);
            let (heads_out, sums) = kept.split_at_mut(n * c);
            let heads = queries.chunks_exact(of_head).zip(outputs.chunks_exact_mut(of_head));
            for (head, ((queries, out), sums)) in heads.zip(sums.chunks_mut(2 * n)).enumerate() {
                let [_, keys, values] = shared.head(&qkv, head);
                let bias = shared.bias(at.kind(band, column), head);
                head_of.attend(s, queries, [keys, values], bias, sums, out);
            }
            to_rows(s, &outputs, n, c, heads_out);
            at.places(column, &mut places);
            multiply(
                s,
                n,
                &[c],
                #[inline(always)]
                |_, i| &heads_out[i * c..][..c],
                proj,
                #[inline(always)]
                |i, o, v| {
                    let (y, x) = places[i];
                    let pixel = &mut out[y][x * c..][..c];
                    let lanes = o..c.min(o + S::LANES);
                    let v = s.add(v, s.load_part(&at.proj.1[lanes.clone()]));
                    let pixel = &mut pixel[lanes];
                    s.store_part(pixel, s.add(v, s.load_part(pixel)));
                },
            );
        }
    }
}

/// What a head of a window works on; all of it stays in cache.
struct Head {
    /// `[keys, pitch]`.
    scores: Vec<f32>,
    /// `[pitch]`.
    largest: Vec<f32>,
    /// `[pitch]`.
    scales: Vec<f32>,
}

impl Head {
    fn new(tokens: usize) -> Self {
        let zeros = |rows: usize| vec![0.0; rows * pitch(tokens)];
        Head { scores: zeros(tokens), largest: zeros(1), scales: zeros(1) }
    }

    /// Fills `out` `[channels, pitch]` from `queries` `[channels, pitch]`, and `sums` `[2, tokens]` with the largest score of each query and one
    /// over the sum of its softmax.
    #[inline(always)]
    fn attend<S: Simd>(
        &mut self,
        s: S,
        queries: &[f32],
        [keys, values]: [Rows; 2],
        bias: &[f32],
        sums: &mut [f32],
        out: &mut [f32],
    ) {
        let Head { scores, largest, scales } = self;
        let (n, pitch) = (sums.len() / 2, largest.len());
        products(
            s,
            keys,
            queries,
            bias,
            pitch,
            scores,
            #[inline(always)]
            |i, most| s.store(&mut largest[i..], most),
        );
        Weighted { rows: [scores], of_queries: [largest] }.sum(
            s,
            values,
            #[inline(always)]
            |[score], [most]| {
                let numerator = pow2_of_score(s, s.sub(s.load(score), most));
                s.store(score, numerator);
                numerator
            },
            #[inline(always)]
            |i, total| {
                let scale = s.div(s.splat(1.0), total);
                s.store(&mut scales[i..], scale);
                scale
            },
            #[inline(always)]
            |k, i, v| s.store(&mut out[k * pitch + i..], v),
        );
        sums[..n].copy_from_slice(&largest[..n]);
        sums[n..].copy_from_slice(&scales[..n]);
    }
}

impl Shared<'_> {
    /// Position bias and mask of a head in a kind of window, `[keys, pitch]`.
    #[inline(always)]
    pub(super) fn bias(&self, kind: usize, head: usize) -> &[f32] {
        let n = self.attention.tokens();
        let len = n * pitch(n);
        &self.bias[(kind * self.attention.heads + head) * len..][..len]
    }

    /// Queries, keys and values of a head.
    #[inline(always)]
    pub(super) fn head<'a>(&self, qkv: &'a [f32], head: usize) -> [Rows<'a>; 3] {
        let (c, width) = (self.attention.channels(), self.attention.channels() / self.attention.heads);
        [0, 1, 2].map(
            #[inline(always)]
            |part| Rows { values: &qkv[part * c + head * width..], stride: 3 * c, width },
        )
    }

    /// Queries (scaled), keys and values `[tokens, 3·channels]`.
    #[inline(always)]
    pub(super) fn qkv<S: Simd>(&self, s: S, tokens: &[f32], qkv: &mut [f32]) {
        let c = self.attention.channels();
        multiply(
            s,
            self.attention.tokens(),
            &[c],
            #[inline(always)]
            |_, i| &tokens[i * c..][..c],
            &self.qkv,
            #[inline(always)]
            |i, o, v| {
                let lanes = o..(3 * c).min(o + S::LANES);
                let v = s.add(v, s.load_part(&self.qkv_bias[lanes.clone()]));
                s.store_part(&mut qkv[i * 3 * c..][lanes], v);
            },
        );
    }
}
