//! What every way to the gradients of a convolution's weights adds up.

use std::ops::Range;

use super::image::{Extent, Source};

/// Some rows, and where what they give to the gradients of weights is added.
pub(super) struct RowSums<'a> {
    pub(super) extent: Extent,
    pub(super) sources: &'a [Source<'a>],
    /// The gradient of the output.
    pub(super) grad: Source<'a>,
    /// Counted through all images.
    pub(super) rows: Range<usize>,
    pub(super) sum: &'a mut [f32],
}
