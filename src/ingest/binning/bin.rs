//! A bin of the infinite grid.

/// Bits of a row or a column; half of the range is on each side of the anchor.
pub(super) const AXIS_BITS: u32 = 22;
/// Rows and columns are below it in size.
pub(super) const AXIS_HALF: i32 = 1 << (AXIS_BITS - 1);

/// A bin by its distance from the anchor in bins: before the frame is known, and negative left of or above the anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AbsoluteBin {
    pub row: i32,
    pub col: i32,
}

impl AbsoluteBin {
    /// The bin, if a key can hold it.
    pub(crate) fn within_reach(row: i32, col: i32) -> Option<Self> {
        let reach = -AXIS_HALF..AXIS_HALF;
        (reach.contains(&row) && reach.contains(&col)).then_some(AbsoluteBin { row, col })
    }
}
