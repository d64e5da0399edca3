//! `report.html`: one file that explains itself, opens anywhere and needs no network.

mod charts;
mod colours;
mod gene;
mod page;
mod tables;
mod uncertainty;

pub use gene::GeneMaps;
pub use page::page;

/// Up to this many genes are shown as pictures; the tables hold all of them.
pub const MOST_PICTURED: usize = 400;

/// Up to this many genes are unfolded from the start.
pub const UNFOLDED: usize = 12;

/// `text` as HTML text or attribute value.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
