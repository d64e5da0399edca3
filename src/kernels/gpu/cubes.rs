//! How large the cubes of kernels are that work pixel by pixel.

/// Shared memory in bytes that kernels may take: GPUs for computing have it, if Vulkan asks for half of it alone.
pub(super) const SHARED: usize = 32 << 10;
/// Units of a cube.
pub(super) const UNITS: u32 = 128;
