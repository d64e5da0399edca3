//! How much a page holds, so that it opens in a second.

/// Up to this many genes are shown as pictures in the report; the tables hold all of them, and the viewer shows all of a panel.
pub(crate) const MOST_PICTURED: usize = 60;

/// Up to this many genes are unfolded from the start; of more there is a viewer.
pub(crate) const UNFOLDED: usize = 12;

/// The pictures of the page hold about this many pixels altogether, so that it opens in a second: at half a byte each, 20 MB.
const MOST_PIXELS: usize = 40_000_000;

/// The side in bins of the blocks that the page shows in one colour: 1, full resolution, unless `pictures` of
/// `rows` × `cols` bins would make the page too heavy.
pub(crate) fn block((rows, cols): (usize, usize), pictures: usize) -> usize {
    let pixels = |block: usize| rows.div_ceil(block) * cols.div_ceil(block) * pictures;
    (1..).find(|block| pixels(*block) <= MOST_PIXELS || *block >= rows.max(cols)).unwrap_or(1)
}
