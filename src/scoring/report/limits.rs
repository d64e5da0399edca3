//! How much a page holds, so that it opens in a second.

/// Up to this many genes are shown as pictures in the report; the viewer shows all of a panel.
pub(crate) const MOST_PICTURED: usize = 60;

/// Up to this many genes are unfolded from the start; of more there is a viewer.
pub(crate) const UNFOLDED: usize = 12;

/// Up to this many genes have all their rows in tables and charts; of more, tables show the best and the worst, and find the others.
pub(crate) const MOST_LISTED: usize = 300;

/// As many genes are in a table of many: one half the best, the other the worst.
pub(super) const LISTED: usize = 100;

/// As many genes of those found in a table of many are shown at once.
pub(super) const MOST_FOUND: usize = 50;

/// As many genes of many are rows of a chart: just as many as it has room to name.
pub(super) const CHARTED: usize = 80;

/// The pictures of the page hold about this many pixels altogether, so that it opens in a second: at half a byte each, 20 MB.
const MOST_PIXELS: usize = 40_000_000;

/// The side in bins of the blocks that the page shows in one colour: 1, full resolution, unless `pictures` of
/// `rows` × `cols` bins would make the page too heavy.
pub(crate) fn block((rows, cols): (usize, usize), pictures: usize) -> usize {
    let pixels = |block: usize| rows.div_ceil(block) * cols.div_ceil(block) * pictures;
    (1..).find(|block| pixels(*block) <= MOST_PIXELS || *block >= rows.max(cols)).unwrap_or(1)
}

/// How many are the best and how many the worst where at most `most` of `all` are shown.
pub(super) fn ends(all: usize, most: usize) -> [usize; 2] {
    let shown = all.min(most);
    [shown.div_ceil(2), shown / 2]
}
