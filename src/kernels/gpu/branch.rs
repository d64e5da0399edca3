//! The gradients of the weights of the channel attention's second convolution, image by image, as if nothing had been multiplied behind it: what
//! the gates' gradients are computed from, and with them the weights' own.

use super::layout::Hybrid;
use super::load::Load;
use super::products::{CHUNK, Products};
use super::tiles::Image;
use super::weights::{Every, Shape, gradients, grads_len, halo_of_weights};
use cubecl::prelude::*;

/// `[images · lanes, Hybrid::expanding]`, from the convolution's inputs and the gradient of what its outputs were added to.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn branch_gradient(
    active: &[u32],
    grad: &[u32],
    weights: &[f32],
    tiles: &[u32],
    images: &[u32],
    out: &mut [f32],
    lanes: usize,
    #[comptime] hybrid: Hybrid,
    #[comptime] products: Products,
) {
    let few = comptime!(hybrid.few);
    let mut halo = Shared::new_slice(comptime!(halo_of_weights(3, products)));
    let mut grads = Shared::new_slice(comptime!(grads_len(hybrid.channels, products)));
    let shape = comptime!(Shape {
        side: 3,
        outputs: hybrid.channels,
        source: hybrid.few,
        grad: hybrid.channels,
        load: if products.halves { Load::Halves } else { Load::Plain },
        grad_halves: products.halves,
        products,
    });
    let (input, row) = (CUBE_POS_X as usize * CHUNK, CUBE_POS_Y as usize);
    let image = Image::of(images, row / lanes);
    let own = Every { first: image.first_tile + row % lanes, step: lanes, end: image.first_tile + image.tiles };
    let (count, to) = (min(few - input, CHUNK), row * comptime!(hybrid.expanding()));
    gradients(
        active, grad, weights, weights, tiles, out, &mut halo, &mut grads, input, 0usize, input, count, few, 0usize,
        to, &own, shape,
    );
}
