//! Channel attention: the gate of each channel of an image, sigmoid(excite(ReLU(squeeze(mean)))), and its gradients. The means are those
//! of a convolution's outputs, and follow from what its taps meet in the image: the convolution itself is made where it is used.
//! A cube has an image.

use super::conv::zeros;
use super::functions::gelu;
use super::layout::Hybrid;
use super::pixelwise::clear;
use super::products::Products;
use super::tiles::Image;
use super::words::{nearest_bf16, number, pair};
use cubecl::prelude::*;

/// Units of a cube.
pub(super) const UNITS: u32 = 256;

/// Whether a tap of a convolution 3×3 meets this pixel of an image at one of the image's places: it does not, if that lies beyond the
/// border.
#[cube]
fn meets(row: usize, col: usize, height: usize, width: usize, #[comptime] tap: usize) -> bool {
    // The place is the pixel less the tap, which reaches from −1 to 1.
    let (down, along) = (row + 1, col + 1);
    down >= comptime!(tap / 3)
        && down < height + comptime!(tap / 3)
        && along >= comptime!(tap % 3)
        && along < width + comptime!(tap % 3)
}

/// GELU of an image's pixels of the few channels, into `active`, and Σ of what every tap of a convolution meets, `[few, 9]`, into `met`. A unit has
/// a channel, or two of them that are a word.
#[cube]
fn activate(
    compressed: &[u32],
    active: &mut [u32],
    met: &mut [f32],
    image: &Image,
    #[comptime] few: usize,
    #[comptime] products: Products,
) {
    let each = comptime!(if products.halves { 2usize } else { 1usize });
    let across = comptime!(few / each);
    let lanes = comptime!(UNITS as usize / across);
    let mut all = Shared::new_slice(comptime!(9 * each * UNITS as usize));
    let (unit, height) = (UNIT_POS as usize, image.pixels / image.width);
    let mut sums = zeros(comptime!(9 * each));
    if unit < comptime!(lanes * across) {
        let mut pixel = unit / across;
        while pixel < image.pixels {
            let at = (image.first + pixel) * few + unit % across * each;
            let (row, col) = (pixel / image.width, pixel % image.width);
            let mut values = Array::<f32>::new(each);
            #[unroll]
            for own in 0..each {
                let mut value = gelu(number(compressed, at + own, products.halves));
                if comptime!(products.halves) {
                    value = nearest_bf16(value, products.matrices);
                }
                values[own] = value;
                #[unroll]
                for tap in 0..9usize {
                    if meets(row, col, height, image.width, tap) {
                        sums[comptime!(own * 9 + tap)] += value;
                    }
                }
            }
            if comptime!(products.halves) {
                active[at / 2] = pair(values[0], values[comptime!(each - 1)], products.matrices);
            } else {
                active[at] = u32::reinterpret(values[0]);
            }
            pixel += lanes;
        }
    }
    #[unroll]
    for number in 0..comptime!(9 * each) {
        all[number * comptime!(UNITS as usize) + unit] = sums[number];
    }
    sync_cube();
    let mut at = unit;
    while at < comptime!(9 * few) {
        let (channel, tap) = (at / 9, at % 9);
        let row = channel % each * 9 + tap;
        let mut total = f32::new(0.0);
        for lane in 0..lanes {
            total += all[row * comptime!(UNITS as usize) + lane * across + channel / each];
        }
        met[at] = total;
        at += UNITS as usize;
    }
    sync_cube();
}

/// The gates of each image, and what they come from: `[images, Hybrid::gates]`; and GELU of `compressed`.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn gate_channels(
    compressed: &[u32],
    weights: &[f32],
    images: &[u32],
    active: &mut [u32],
    out: &mut [f32],
    base: usize,
    #[comptime] hybrid: Hybrid,
) {
    let (channels, few) = (comptime!(hybrid.channels), comptime!(hybrid.squeezed));
    let taps = comptime!(hybrid.taps());
    let mut met = Shared::new_slice(taps);
    let mut means = Shared::new_slice(channels);
    let mut features = Shared::new_slice(few);
    let unit = UNIT_POS as usize;
    let image = Image::of(images, CUBE_POS);
    let to = CUBE_POS * comptime!(hybrid.gates());
    activate(compressed, active, &mut met, &image, hybrid.few, hybrid.products);
    if unit < channels {
        let from = base + comptime!(hybrid.conv2());
        let mut sum = f32::new(0.0);
        for tap in 0..taps {
            sum += weights[from + unit * taps + tap] * met[tap];
        }
        means[unit] = sum / f32::cast_from(image.pixels as u32) + weights[from + comptime!(taps * channels) + unit];
        out[to + channels + unit] = means[unit];
    }
    let mut at = unit;
    while at < taps {
        out[to + comptime!(hybrid.kept_taps()) + at] = met[at];
        at += UNITS as usize;
    }
    sync_cube();
    if unit < few {
        let from = base + comptime!(hybrid.squeeze());
        let mut sum = weights[from + comptime!(few * channels) + unit];
        for c in 0..channels {
            sum += weights[from + unit * channels + c] * means[c];
        }
        features[unit] = max(sum, f32::new(0.0));
        out[to + comptime!(hybrid.kept_features()) + unit] = features[unit];
    }
    sync_cube();
    if unit < channels {
        let from = base + comptime!(hybrid.excite());
        let mut sum = weights[from + comptime!(few * channels) + unit];
        for s in 0..few {
            sum += weights[from + unit * few + s] * features[s];
        }
        out[to + unit] = f32::new(1.0) / (f32::new(1.0) + (-sum).exp());
    }
}

/// Σ over the `lanes` rows of an image from `first` on, of one number of each.
#[cube]
fn sum_lanes(rows: &[f32], first: usize, lanes: usize, number: usize, #[comptime] hybrid: Hybrid) -> f32 {
    let mut sum = f32::new(0.0);
    for lane in 0..lanes {
        sum += rows[(first + lane) * comptime!(hybrid.expanding()) + number];
    }
    sum
}

/// Σ over an image of the second convolution's outputs times `grad`, that of their gated and scaled selves, for each channel into the first numbers
/// of `sums`: from the `lanes` rows from `first` on, which have Σ of `grad` times all that the weights multiply.
#[cube]
#[allow(clippy::too_many_arguments)]
fn sum_products(
    rows: &[f32],
    weights: &[f32],
    sums: &mut [f32],
    first: usize,
    lanes: usize,
    from: usize,
    #[comptime] hybrid: Hybrid,
) {
    let (channels, taps) = (comptime!(hybrid.channels), comptime!(hybrid.taps()));
    let shares = comptime!(UNITS as usize / hybrid.channels);
    let unit = UNIT_POS as usize;
    let c = unit % channels;
    if unit < comptime!(shares * channels) {
        let mut sum = f32::new(0.0);
        let mut number = unit / channels;
        while number < taps {
            let at = c * taps + number;
            sum += weights[from + at] * sum_lanes(rows, first, lanes, at, hybrid);
            number += shares;
        }
        if unit < channels {
            let at = comptime!(taps * channels) + c;
            sum += weights[from + at] * sum_lanes(rows, first, lanes, at, hybrid);
        }
        sums[unit] = sum;
    }
    sync_cube();
    if unit < channels {
        let mut total = f32::new(0.0);
        for share in 0..shares {
            total += sums[share * channels + unit];
        }
        sums[unit] = total;
    }
    sync_cube();
}

/// By what the gradient of `α · gate · y` is multiplied, and what is added, to be that of the second convolution's output `y`:
/// `[images, 2, channels]`; and the gradients of that convolution's parameters and of the gates', at `column` of rows of `length` partial sums. `rows` are
/// [`branch_gradient`](super::branch)'s, `lanes` an image.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn gates_gradient(
    rows: &[f32],
    weights: &[f32],
    images: &[u32],
    kept: &[f32],
    affine: &mut [f32],
    partial: &mut [f32],
    base: usize,
    column: usize,
    length: usize,
    image_count: usize,
    lanes: usize,
    alpha: f32,
    #[comptime] hybrid: Hybrid,
) {
    let (channels, few, taps) = (comptime!(hybrid.channels), comptime!(hybrid.squeezed), comptime!(hybrid.taps()));
    let mut excited = Shared::new_slice(UNITS as usize);
    let mut features = Shared::new_slice(few);
    let mut scales = Shared::new_slice(comptime!(2 * channels));
    let unit = UNIT_POS as usize;
    let row = CUBE_POS * length + column;
    clear(partial, row + comptime!(hybrid.conv2()), comptime!(hybrid.fc1() - hybrid.conv2()));
    sync_storage();
    let mut number = CUBE_POS;
    while number < image_count {
        let image = Image::of(images, number);
        let of = number * comptime!(hybrid.gates());
        let kept_features = of + comptime!(hybrid.kept_features());
        sum_products(rows, weights, &mut excited, number * lanes, lanes, base + comptime!(hybrid.conv2()), hybrid);
        if unit < channels {
            let gate = kept[of + unit];
            excited[unit] *= alpha * gate * (f32::new(1.0) - gate);
            scales[unit] = alpha * gate;
        }
        sync_cube();
        if unit < few {
            let mut sum = f32::new(0.0);
            if kept[kept_features + unit] > 0.0 {
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
                partial[excite + unit * few + s] += excited[unit] * kept[kept_features + s];
                partial[squeeze + s * channels + unit] += features[s] * kept[of + channels + unit];
            }
            partial[excite + comptime!(few * channels) + unit] += excited[unit];
            if unit < few {
                partial[squeeze + comptime!(few * channels) + unit] += features[unit];
            }
            scales[channels + unit] = sum / f32::cast_from(image.pixels as u32);
            affine[number * comptime!(2 * channels) + unit] = scales[unit];
            affine[number * comptime!(2 * channels) + channels + unit] = scales[channels + unit];
        }
        sync_cube();
        // What the taps meet has the gradient that was added as a factor; for the biases, that is every pixel.
        let mut at = unit;
        while at < comptime!(hybrid.expanding()) {
            let own = sum_lanes(rows, number * lanes, lanes, at, hybrid);
            let mut c = at - min(at, comptime!(taps * channels));
            let mut met = f32::cast_from(image.pixels as u32);
            if at < comptime!(taps * channels) {
                c = at / taps;
                met = kept[of + comptime!(hybrid.kept_taps()) + at % taps];
            }
            partial[row + comptime!(hybrid.conv2()) + at] += scales[c] * own + scales[channels + c] * met;
            at += UNITS as usize;
        }
        sync_cube();
        number += CUBE_COUNT;
    }
}
