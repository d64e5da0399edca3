//! The gradients of the weights of the channel attention's two convolutions, in one launch.

use super::conv::Load;
use super::layout::Hybrid;
use super::products::{CHUNK, Products};
use super::weights::{Shape, gradients, grads_len, halo_of_weights};
use cubecl::prelude::*;

/// At `column` of rows of `length` partial sums; `affine` makes `grad` that of the second convolution's output.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn branch_weights(
    normal: &[f32],
    narrow: &[f32],
    compressed: &[f32],
    grad: &[f32],
    affine: &[f32],
    tiles: &[u32],
    partial: &mut [f32],
    column: usize,
    length: usize,
    tile_count: usize,
    #[comptime] hybrid: Hybrid,
    #[comptime] products: Products,
) {
    let (channels, few) = (comptime!(hybrid.channels), comptime!(hybrid.few));
    let mut halo = Shared::new_slice(comptime!(halo_of_weights(3, products)));
    let mut grads = Shared::new_slice(comptime!(grads_len(hybrid.channels, products)));
    let row = CUBE_POS_Y as usize * length + column;
    let own = comptime!(hybrid.channels.div_ceil(CHUNK));
    let chunk = CUBE_POS_X as usize;
    let first = comptime!(Shape {
        side: 3,
        outputs: hybrid.few,
        source: hybrid.channels,
        grad: hybrid.few,
        load: Load::Plain,
        load_grad: Load::Plain,
        products,
    });
    let second = comptime!(Shape {
        side: 3,
        outputs: hybrid.channels,
        source: hybrid.few,
        grad: hybrid.channels,
        load: Load::Gelu,
        load_grad: Load::Affine,
        products,
    });
    if chunk < own {
        let input = chunk * CHUNK;
        let to = row + comptime!(hybrid.conv1());
        gradients(
            normal,
            narrow,
            affine,
            tiles,
            partial,
            &mut halo,
            &mut grads,
            input,
            0usize,
            input,
            min(channels - input, CHUNK),
            channels,
            to,
            tile_count,
            first,
        );
    } else {
        let input = (chunk - own) * CHUNK;
        let to = row + comptime!(hybrid.conv2());
        gradients(
            compressed,
            grad,
            affine,
            tiles,
            partial,
            &mut halo,
            &mut grads,
            input,
            0usize,
            input,
            min(few - input, CHUNK),
            few,
            to,
            tile_count,
            second,
        );
    }
}
