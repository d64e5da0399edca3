//! From stage to stage of the cascade: what a stage starts from, and the gradient of it.

use cubecl::prelude::*;

/// The input of a stage, `[pixels, channels]`: what the stage before imputed (or the measurement), with the measurement put
/// back where there is one, and the guides. `images` are `[pixels, 1 + channels]`: measurement, mask, guides.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn stage_input(
    images: &[f32],
    before: &[f32],
    out: &mut [f32],
    before_first: usize,
    total: usize,
    channels: usize,
    #[comptime] start: bool,
    #[comptime] consistent: bool,
) {
    if ABSOLUTE_POS < total * channels {
        let (pixel, channel) = (ABSOLUTE_POS / channels, ABSOLUTE_POS % channels);
        let from = pixel * (channels + 1);
        if channel > 0 {
            out[ABSOLUTE_POS] = images[from + 1 + channel];
        } else {
            let measured = images[from];
            let mut x = measured;
            if comptime!(!start) {
                x = before[before_first + pixel];
            }
            if consistent {
                let mask = images[from + 1];
                x = (f32::new(1.0) - mask) * x + mask * measured;
            }
            out[ABSOLUTE_POS] = x;
        }
    }
}

/// The gradient of what the stage before imputed: that of its own losses, in `losses` from `first` on, and what comes back from
/// this stage through its layers (`deep`) and past them (`grad`, from `grad_first` on).
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn stage_gradient(
    images: &[f32],
    losses: &[f32],
    deep: &[f32],
    grad: &[f32],
    out: &mut [f32],
    first: usize,
    grad_first: usize,
    total: usize,
    stride: usize,
    #[comptime] consistent: bool,
) {
    if ABSOLUTE_POS < total {
        let mut value = deep[ABSOLUTE_POS] + grad[grad_first + ABSOLUTE_POS];
        if consistent {
            value *= f32::new(1.0) - images[ABSOLUTE_POS * stride + 1];
        }
        out[ABSOLUTE_POS] = losses[first + ABSOLUTE_POS] + value;
    }
}
