//! Multi-head self-attention inside square windows, with relative position bias and optional cyclic shift (Swin).

use super::layers::{Draw, Linear, LinearConfig, constant, exactly};
use burn::module::{Module, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use std::cell::OnceCell;

/// What the windows of one image size share, once in a forward pass of the network. Our kernels have tables of their own, so these are made
/// when they are first asked for.
#[derive(Clone, Debug)]
pub struct Windows {
    height: usize,
    width: usize,
    window: usize,
    device: Device,
    tables: OnceCell<Tables>,
}

#[derive(Clone, Debug)]
struct Tables {
    /// Row of `relative_position_bias` for each pair of tokens: `[window⁴]`.
    index: Tensor<1, Int>,
    /// −100 between tokens of a shifted window that the shift brought together, else 0: `[windows, window², window²]`.
    shift_mask: Tensor<3>,
}

impl Windows {
    /// For images of `height` by `width` pixels, multiples of the even side `window`; shifted windows are shifted by half of it.
    pub fn new(height: usize, width: usize, window: usize, device: &Device) -> Self {
        Windows { height, width, window, device: device.clone(), tables: OnceCell::new() }
    }

    fn tables(&self) -> &Tables {
        self.tables.get_or_init(|| {
            let (h, w, window, device) = (self.height, self.width, self.window, &self.device);
            let index = relative_position_index(window);
            let pairs = index.len();
            let tokens = window * window;
            let regions = shift_regions(h, w, window);
            let regions =
                Tensor::<2, Int>::from_data(TensorData::new(regions, [h * w / tokens, tokens]), device).float();
            let apart = regions.clone().unsqueeze_dim::<3>(1).not_equal(regions.unsqueeze_dim::<3>(2));
            Tables {
                index: Tensor::from_data(TensorData::new(index, [pairs]), device),
                shift_mask: apart.float() * -100.0,
            }
        })
    }
}

/// For tokens i, j of a window: (Δrow + window − 1)·(2·window − 1) + Δcol + window − 1.
fn relative_position_index(window: usize) -> Vec<i32> {
    let tokens = window * window;
    let offset = |a: usize, b: usize| a + window - 1 - b;
    let pair = |i: usize, j: usize| offset(i / window, j / window) * (2 * window - 1) + offset(i % window, j % window);
    (0..tokens * tokens).map(|at| pair(at / tokens, at % tokens) as i32).collect()
}

/// Which of the nine parts of the shifted image each token comes from, window by window.
fn shift_regions(h: usize, w: usize, window: usize) -> Vec<i32> {
    let part = |at: usize, length: usize| (at + window >= length) as i32 + (at + window / 2 >= length) as i32;
    let mut regions = Vec::with_capacity(h * w);
    for top in (0..h).step_by(window) {
        for left in (0..w).step_by(window) {
            let tokens = (top..top + window).flat_map(|r| (left..left + window).map(move |c| (r, c)));
            regions.extend(tokens.map(|(r, c)| 3 * part(r, h) + part(c, w)));
        }
    }
    regions
}

/// Configuration of a [`WindowAttention`].
#[derive(Clone, Debug)]
pub struct WindowAttentionConfig {
    /// Channels C.
    pub channels: usize,
    /// Side of a window.
    pub window: usize,
    /// Heads; they divide C.
    pub heads: usize,
    /// Whether the windows are shifted by half their side.
    pub shifted: bool,
}

impl WindowAttentionConfig {
    /// Initialise a [`WindowAttention`] on `device`; the position bias starts at zero.
    pub fn init(&self, draw: &mut Draw, device: &Device) -> WindowAttention {
        let c = self.channels;
        let offsets = (2 * self.window - 1).pow(2);
        WindowAttention {
            qkv: LinearConfig { inputs: c, outputs: 3 * c }.init(draw, device),
            proj: LinearConfig { inputs: c, outputs: c }.init(draw, device),
            relative_position_bias: constant([offsets, self.heads], 0.0, device),
            window: self.window,
            heads: self.heads,
            shift: if self.shifted { self.window / 2 } else { 0 },
        }
    }
}

/// Window attention.
///
/// # Params
///
/// - `qkv`: [`Linear`] C → 3C, queries, keys and values
/// - `proj`: [`Linear`] C → C
/// - `relative_position_bias`: `[(2·window − 1)², heads]`, added to the scores
#[derive(Module, Debug)]
pub struct WindowAttention {
    /// C → 3C: queries, keys, values; each ordered by head.
    pub qkv: Linear,
    /// C → C.
    pub proj: Linear,
    /// `[(2·window − 1)², heads]`
    pub relative_position_bias: Param<Tensor<2>>,
    /// Side of a window.
    pub window: usize,
    /// Number of heads.
    pub heads: usize,
    /// Cyclic shift of the windows along both axes, 0 for none.
    pub shift: usize,
}

impl WindowAttention {
    /// Attention within each window; `windows` must have been made for this image size.
    ///
    /// # Shapes
    ///
    /// - x, output: `[b, h, w, c]`, h and w multiples of the window
    pub fn forward(&self, x: Tensor<4>, windows: &Windows) -> Tensor<4> {
        let [b, h, w, c] = x.dims();
        let shift = self.shift as isize;
        let y = self.partition(x.roll(&[-shift, -shift], &[1, 2]));
        let y = self.proj.forward(self.attend(y, b, windows));
        let (win, rows, cols) = (self.window, h / self.window, w / self.window);
        let y = y.reshape([b, rows, cols, win, win, c]).permute([0, 1, 3, 2, 4, 5]).reshape([b, h, w, c]);
        y.roll(&[shift, shift], &[1, 2])
    }

    /// `[b, h, w, c]` → `[b·windows, tokens, c]`.
    fn partition(&self, x: Tensor<4>) -> Tensor<3> {
        let [b, h, w, c] = x.dims();
        let (win, rows, cols) = (self.window, h / self.window, w / self.window);
        x.reshape([b, rows, win, cols, win, c]).permute([0, 1, 3, 2, 4, 5]).reshape([b * rows * cols, win * win, c])
    }

    /// softmax(q·kᵀ/√d + bias + mask)·v for every window and head, `[b·windows, tokens, c]`, heads side by side.
    fn attend(&self, x: Tensor<3>, b: usize, windows: &Windows) -> Tensor<3> {
        let [all, tokens, c] = x.dims();
        let (heads, d) = (self.heads, c / self.heads);
        let qkv = self.qkv.forward(x).reshape([all, tokens, 3, heads, d]).permute([2, 0, 3, 1, 4]);
        let part = |i: usize| qkv.clone().narrow(0, i, 1).squeeze_dim::<4>(0);
        let scores = (part(0) * (d as f64).powf(-0.5)).matmul(part(1).swap_dims(2, 3));
        let weights = exactly(scores, |scores| softmax(self.biased(scores, b, windows), 3));
        weights.matmul(part(2)).swap_dims(1, 2).reshape([all, tokens, c])
    }

    /// Adds the position bias and, for shifted windows, the mask to scores `[b·windows, heads, tokens, tokens]`.
    fn biased(&self, scores: Tensor<4>, b: usize, windows: &Windows) -> Tensor<4> {
        let [all, heads, tokens, _] = scores.dims();
        let bias = self.relative_position_bias.val().cast(DType::F32).select(0, windows.tables().index.clone());
        let bias = bias.reshape([1, tokens, tokens, heads]).permute([0, 3, 1, 2]);
        if self.shift == 0 {
            return scores + bias;
        }
        let bias = windows.tables().shift_mask.clone().unsqueeze_dim::<4>(1) + bias;
        let scores = scores.reshape([b, all / b, heads, tokens, tokens]) + bias.unsqueeze_dim::<5>(0);
        scores.reshape([all, heads, tokens, tokens])
    }
}
