//! The windows of attention: which pixels their tokens are, and what keeps those apart that only the shift brought together.

use super::layout::Hybrid;
use super::tiles::Tile;
use cubecl::prelude::*;

/// Between tokens that only the cyclic shift brought together.
pub(super) const MASKED: f32 = -100.0;

/// Row and column in its image of a token of a window.
#[cube]
pub(super) fn spot_of(window: &Tile, token: usize, shift: usize, #[comptime] hybrid: Hybrid) -> (usize, usize) {
    let side = comptime!(hybrid.window);
    let row = (window.top + token / side + shift) % window.height;
    let col = (window.left + token % side + shift) % window.width;
    (row, col)
}

/// The pixel of a token of a window.
#[cube]
pub(super) fn pixel_of(window: &Tile, token: usize, shift: usize, #[comptime] hybrid: Hybrid) -> usize {
    let (row, col) = spot_of(window, token, shift, hybrid);
    window.first + row * window.width + col
}

/// The pixel beside a spot that a tap of a convolution 3×3 reads, and whether it lies in the image.
#[cube]
pub(super) fn beside(window: &Tile, row: usize, col: usize, tap: usize) -> (usize, bool) {
    // One further down and right, so that neither is negative.
    let (down, along) = (row + tap / 3, col + tap % 3);
    let inside = down >= 1 && down <= window.height && along >= 1 && along <= window.width;
    (window.first + (max(down, 1) - 1) * window.width + max(along, 1) - 1, inside)
}
