//! What a page holds of a gene.

use super::markup::gene_id;
use maud::{Markup, html};

/// The pictures of a gene on the page, closed or open.
pub(crate) struct Card {
    /// The gene.
    pub(super) gene: String,
    /// What a `details` element of it holds: its summary, and the pictures.
    pub(super) content: Markup,
}

impl Card {
    pub(super) fn html(&self, open: bool) -> Markup {
        html! { details class="gene" id=(gene_id(&self.gene)) open[open] { (self.content) } }
    }
}
