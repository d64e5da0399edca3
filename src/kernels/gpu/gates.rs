//! Channel attention: the gate of each channel of an image, sigmoid(excite(ReLU(squeeze(mean)))), and its gradients. A cube has
//! an image, and every unit some of its pixels for one channel.

use super::layout::Hybrid;
use super::pixelwise::clear;
use cubecl::prelude::*;

/// Units of a cube.
pub(super) const UNITS: u32 = 256;

/// Σ over an image's pixels of `a`, or of `a · b`, for each channel, into the first numbers of `sums`.
#[cube]
fn sum_channels(
    a: &[f32],
    b: &[f32],
    sums: &mut [f32],
    first: usize,
    count: usize,
    #[comptime] channels: usize,
    #[comptime] product: bool,
) {
    let lanes = comptime!(UNITS as usize / channels);
    let unit = UNIT_POS as usize;
    let mut sum = f32::new(0.0);
    if unit < comptime!(lanes * channels) {
        let mut pixel = unit / channels;
        while pixel < count {
            let at = (first + pixel) * channels + unit % channels;
            if product {
                sum += a[at] * b[at];
            } else {
                sum += a[at];
            }
            pixel += lanes;
        }
        sums[unit] = sum;
    }
    sync_cube();
    if unit < channels {
        let mut total = f32::new(0.0);
        for lane in 0..lanes {
            total += sums[lane * channels + unit];
        }
        sums[unit] = total;
    }
    sync_cube();
}

/// The gates of each image of `y`, the means and the features that they come from: `[images, Hybrid::gates]`.
#[cube(launch)]
pub(super) fn gate_channels(
    y: &[f32],
    weights: &[f32],
    images: &[u32],
    out: &mut [f32],
    base: usize,
    #[comptime] hybrid: Hybrid,
) {
    let (channels, few) = (comptime!(hybrid.channels), comptime!(hybrid.squeezed));
    let mut means = Shared::new_slice(UNITS as usize);
    let mut features = Shared::new_slice(few);
    let unit = UNIT_POS as usize;
    let image = CUBE_POS;
    let (first, count) = (images[2 * image] as usize, images[2 * image + 1] as usize);
    sum_channels(y, y, &mut means, first, count, channels, false);
    if unit < channels {
        means[unit] /= f32::cast_from(count as u32);
        out[image * comptime!(hybrid.gates()) + channels + unit] = means[unit];
    }
    sync_cube();
    if unit < few {
        let from = base + comptime!(hybrid.squeeze());
        let mut sum = weights[from + comptime!(few * channels) + unit];
        for c in 0..channels {
            sum += weights[from + unit * channels + c] * means[c];
        }
        features[unit] = max(sum, f32::new(0.0));
        out[image * comptime!(hybrid.gates()) + comptime!(2 * channels) + unit] = features[unit];
    }
    sync_cube();
    if unit < channels {
        let from = base + comptime!(hybrid.excite());
        let mut sum = weights[from + comptime!(few * channels) + unit];
        for s in 0..few {
            sum += weights[from + unit * few + s] * features[s];
        }
        out[image * comptime!(hybrid.gates()) + unit] = f32::new(1.0) / (f32::new(1.0) + (-sum).exp());
    }
}

/// By what the gradient `grad` of `α · gate · y` is multiplied, and what is added, to be that of `y`:
/// `[images, 2, channels]`; and the gradients of the parameters, at `column` of rows of `length` partial sums.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn gates_gradient(
    y: &[f32],
    grad: &[f32],
    weights: &[f32],
    images: &[u32],
    kept: &[f32],
    affine: &mut [f32],
    partial: &mut [f32],
    base: usize,
    column: usize,
    length: usize,
    image_count: usize,
    alpha: f32,
    #[comptime] hybrid: Hybrid,
) {
    let (channels, few) = (comptime!(hybrid.channels), comptime!(hybrid.squeezed));
    let mut excited = Shared::new_slice(UNITS as usize);
    let mut features = Shared::new_slice(few);
    let unit = UNIT_POS as usize;
    let row = CUBE_POS * length + column;
    clear(partial, row + comptime!(hybrid.squeeze()), comptime!(hybrid.fc1() - hybrid.squeeze()));
    sync_storage();
    let mut image = CUBE_POS;
    while image < image_count {
        let (first, count) = (images[2 * image] as usize, images[2 * image + 1] as usize);
        let of = image * comptime!(hybrid.gates());
        sum_channels(y, grad, &mut excited, first, count, channels, true);
        if unit < channels {
            let gate = kept[of + unit];
            excited[unit] *= alpha * gate * (f32::new(1.0) - gate);
            affine[image * comptime!(2 * channels) + unit] = alpha * gate;
        }
        sync_cube();
        if unit < few {
            let mut sum = f32::new(0.0);
            if kept[of + comptime!(2 * channels) + unit] > 0.0 {
                for c in 0..channels {
                    sum += weights[base + comptime!(hybrid.excite()) + c * few + unit] * excited[c];
                }
            }
            features[unit] = sum;
        }
        sync_cube();
        if unit < channels {
            let mut sum = f32::new(0.0);
            let excite = row + comptime!(hybrid.excite());
            let squeeze = row + comptime!(hybrid.squeeze());
            for s in 0..few {
                sum += weights[base + comptime!(hybrid.squeeze()) + s * channels + unit] * features[s];
                partial[excite + unit * few + s] += excited[unit] * kept[of + comptime!(2 * channels) + s];
                partial[squeeze + s * channels + unit] += features[s] * kept[of + channels + unit];
            }
            partial[excite + comptime!(few * channels) + unit] += excited[unit];
            if unit < few {
                partial[squeeze + comptime!(few * channels) + unit] += features[unit];
            }
            affine[image * comptime!(2 * channels) + channels + unit] = sum / f32::cast_from(count as u32);
        }
        sync_cube();
        image += CUBE_COUNT;
    }
}
