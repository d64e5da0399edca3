//! The windows of attention: which pixels their tokens are, and what keeps those apart that only the shift brought together.

use super::layout::Hybrid;
use super::tiles::Tile;
use cubecl::prelude::*;

/// Between tokens that only the cyclic shift brought together.
pub(super) const MASKED: f32 = -100.0;

/// The pixel of a token of a window.
#[cube]
pub(super) fn pixel_of(window: &Tile, token: usize, shift: usize, #[comptime] hybrid: Hybrid) -> usize {
    let side = comptime!(hybrid.window);
    let row = (window.top + token / side + shift) % window.height;
    let col = (window.left + token % side + shift) % window.width;
    window.first + row * window.width + col
}
