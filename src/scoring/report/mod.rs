//! `report.html`: one file that explains itself, opens anywhere and needs no network; and its plots as files.

mod charts;
mod colours;
mod figures;
mod gene;
mod page;
mod panel;
mod plate;
mod plots;
mod tables;
mod uncertainty;

pub(super) use gene::GeneMaps;
pub(super) use page::page;
pub(super) use plate::Plate;
pub(super) use plots::Plots;

/// Up to this many genes are shown as pictures; the tables hold all of them.
pub(super) const MOST_PICTURED: usize = 400;

/// Up to this many genes are unfolded from the start.
pub(super) const UNFOLDED: usize = 12;

/// The pictures of the page hold about this many pixels altogether, so that it opens in a second.
const MOST_PIXELS: usize = 120_000_000;

/// The side in bins of the blocks that the page shows in one colour: 1, full resolution, unless `pictures` of
/// `rows` × `cols` bins would make the page too heavy.
pub(super) fn block((rows, cols): (usize, usize), pictures: usize) -> usize {
    let pixels = |block: usize| rows.div_ceil(block) * cols.div_ceil(block) * pictures;
    (1..).find(|block| pixels(*block) <= MOST_PIXELS || *block >= rows.max(cols)).unwrap_or(1)
}

/// `text` as HTML text or attribute value.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The content of an SVG file of this width and height.
fn standalone(body: &str, width: f64, height: f64) -> String {
    const STYLE: &str = include_str!("figure.css");
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.1} {height:.1}"><style>{STYLE}</style><rect width="100%" height="100%" fill="white"/>{body}</svg>
"#
    )
}
