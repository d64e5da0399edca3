//! The operations once more, naively and in f64: what the kernels are tested against.

use super::attention::WindowAttention;
use super::dense::DenseBlock;
use super::hybrid::HybridBlock;
use super::image::Extent;
use super::mlp::Mlp;
use super::norm::Norm;

/// erf by the series with positive terms, which loses nothing to cancellation.
fn erf(x: f64) -> f64 {
    let (mut term, mut sum, mut n) = (x, 0.0, 0.0);
    while term.abs() > 1e-18 * f64::abs(sum) {
        sum += term;
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
    }
    sum * (-x * x).exp() * 2.0 / std::f64::consts::PI.sqrt()
}

pub(super) fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + erf(x / 2f64.sqrt()))
}

pub(super) fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// A linear map of one pixel.
fn linear(x: &[f64], (weight, bias): (&[f32], &[f32])) -> Vec<f64> {
    let row =
        |(row, bias): (&[f32], &f32)| row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum::<f64>() + f64::from(*bias);
    weight.chunks_exact(x.len()).zip(bias).map(row).collect()
}

/// Convolution with zero padding.
pub(super) fn conv(e: Extent, x: &[f64], (weight, bias): (&[f32], &[f32]), side: usize) -> Vec<f64> {
    let (inputs, outputs) = (x.len() / e.pixels(), bias.len());
    let mut out = Vec::with_capacity(e.pixels() * outputs);
    for pixel in 0..e.pixels() {
        let (b, y, x0) = (pixel / e.width / e.height, pixel / e.width % e.height, pixel % e.width);
        for o in 0..outputs {
            let mut sum = f64::from(bias[o]);
            for (tap, i) in (0..side * side).flat_map(|tap| (0..inputs).map(move |i| (tap, i))) {
                let (y, x1) = (y + tap / side, x0 + tap % side);
                let half = side / 2;
                if y >= half && y < e.height + half && x1 >= half && x1 < e.width + half {
                    let at = (b * e.height + y - half) * e.width + x1 - half;
                    let w = weight[(o * inputs + i) * side * side + tap];
                    sum += f64::from(w) * x[at * inputs + i];
                }
            }
            out.push(sum);
        }
    }
    out
}

pub(super) fn norm(x: &[f64], norm: Norm) -> Vec<f64> {
    let c = norm.weight.len();
    let row = |x: &[f64]| -> Vec<f64> {
        let mean = x.iter().sum::<f64>() / c as f64;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / c as f64;
        let scale = 1.0 / (variance + 1e-5).sqrt();
        (0..c).map(|i| (x[i] - mean) * scale * f64::from(norm.weight[i]) + f64::from(norm.bias[i])).collect()
    };
    x.chunks_exact(c).flat_map(row).collect()
}

pub(super) fn mlp(x: &[f64], mlp: &Mlp) -> Vec<f64> {
    let normal = norm(x, mlp.norm);
    let c = mlp.norm.weight.len();
    let row = |row: &[f64]| {
        let hidden: Vec<f64> = linear(row, mlp.fc1).into_iter().map(gelu).collect();
        linear(&hidden, mlp.fc2)
    };
    normal.chunks_exact(c).flat_map(row).zip(x).map(|(y, x)| x + y).collect()
}

pub(super) fn dense(x: &[f64], block: &DenseBlock) -> Vec<f64> {
    let e = block.extent;
    let mut all: Vec<Vec<f64>> = x.chunks_exact(block.channels).map(<[f64]>::to_vec).collect();
    for layer in block.layers {
        let grown = conv(e, &all.concat(), *layer, 3);
        for (pixel, new) in all.iter_mut().zip(grown.chunks_exact(layer.1.len())) {
            pixel.extend(new.iter().map(|x| x.max(0.0)));
        }
    }
    conv(e, &all.concat(), block.fusion, 1)
}

/// The tokens of each window, as indices of pixels, and the region of each (for the mask).
fn windows(at: &WindowAttention) -> Vec<Vec<(usize, usize)>> {
    let (e, w) = (at.extent, at.window);
    let region = |i: usize, n: usize| usize::from(i >= n - w) + usize::from(i >= n - at.shift);
    let mut all = Vec::new();
    for b in 0..e.batch {
        for (top, left) in (0..e.height).step_by(w).flat_map(|y| (0..e.width).step_by(w).map(move |x| (y, x))) {
            let token = |t: usize| {
                let (y, x) = (top + t / w, left + t % w);
                let from = ((y + at.shift) % e.height, (x + at.shift) % e.width);
                let pixel = (b * e.height + from.0) * e.width + from.1;
                (pixel, region(y, e.height) * 3 + region(x, e.width))
            };
            all.push((0..w * w).map(token).collect());
        }
    }
    all
}

pub(super) fn attention(x: &[f64], at: &WindowAttention) -> Vec<f64> {
    let (c, w) = (at.proj.1.len(), at.window);
    let d = c / at.heads;
    let mut out = vec![0.0; x.len()];
    for window in windows(at) {
        let qkv: Vec<Vec<f64>> = window.iter().map(|(p, _)| linear(&x[p * c..][..c], at.qkv)).collect();
        for (i, (pixel, region)) in window.iter().enumerate() {
            let mut heads = vec![0.0; c];
            for head in 0..at.heads {
                let score = |j: usize| -> f64 {
                    let at_head = head * d..(head + 1) * d;
                    let dot: f64 = at_head.map(|k| qkv[i][k] * qkv[j][c + k]).sum();
                    let (dy, dx) = (i / w + w - 1 - j / w, i % w + w - 1 - j % w);
                    let bias = at.position_bias[(dy * (2 * w - 1) + dx) * at.heads + head];
                    let mask = if at.shift > 0 && *region != window[j].1 { -100.0 } else { 0.0 };
                    dot / (d as f64).sqrt() + f64::from(bias) + mask
                };
                let weights: Vec<f64> = (0..w * w).map(|j| score(j).exp()).collect();
                let sum: f64 = weights.iter().sum();
                for k in head * d..(head + 1) * d {
                    heads[k] = (0..w * w).map(|j| weights[j] / sum * qkv[j][2 * c + k]).sum();
                }
            }
            out[pixel * c..][..c].copy_from_slice(&linear(&heads, at.proj));
        }
    }
    out
}

pub(super) fn hybrid(x: &[f64], block: &HybridBlock) -> Vec<f64> {
    let e = block.attention.extent;
    let c = block.conv2.1.len();
    let normal = norm(x, block.norm);
    let active: Vec<f64> = conv(e, &normal, block.conv1, 3).into_iter().map(gelu).collect();
    let expanded = conv(e, &active, block.conv2, 3);
    let attended = attention(&normal, &block.attention);
    let image = e.height * e.width;
    let mut middle = Vec::with_capacity(x.len());
    for b in 0..e.batch {
        let pixels = &expanded[b * image * c..][..image * c];
        let mean: Vec<f64> = (0..c).map(|i| pixels[i..].iter().step_by(c).sum::<f64>() / image as f64).collect();
        let squeezed: Vec<f64> = linear(&mean, block.channels.squeeze).into_iter().map(|x| x.max(0.0)).collect();
        let gate = linear(&squeezed, block.channels.excite);
        middle.extend((b * image * c..(b + 1) * image * c).map(|at| {
            let gate = 1.0 / (1.0 + (-gate[at % c]).exp());
            x[at] + attended[at] + f64::from(block.alpha) * expanded[at] * gate
        }));
    }
    mlp(&middle, &block.mlp)
}
