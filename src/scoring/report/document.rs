//! An HTML file that needs nothing beside itself.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The file `title`, of s2s, with its `style` and its `body`.
pub(super) fn document(title: &str, style: &str, body: &Markup) -> String {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                title { "s2s · " (title) }
                style { (PreEscaped(style)) }
            }
            body { (body) }
        }
    };
    document.into_string() + "\n"
}
