//! How large the cubes of kernels are that work pixel by pixel.

use super::matrix::PLANE;
use super::rows::ROWS;

/// Shared memory in bytes that kernels may take: GPUs for computing have it, if Vulkan asks for half of it alone.
pub(super) const SHARED: usize = 32 << 10;
/// Units of a cube.
pub(super) const UNITS: u32 = 128;
/// Pixels of a cube of `fuse` without matrix units.
pub(super) const FUSED: usize = 16;
/// Pixels of a cube in which every plane has some rows.
pub(super) const PIXELS: usize = UNITS as usize / PLANE * ROWS;
