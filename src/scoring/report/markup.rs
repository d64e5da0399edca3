//! What pages and files of plots are written with.

use crate::files::file_name;
use crate::store::Advice;
use maud::{Markup, PreEscaped, html};

/// A coordinate in pixels.
pub(super) fn px(value: f64) -> String {
    format!("{value:.1}")
}

/// A coloured dot and the label of a method.
pub(super) fn named(label: &str, colour: &str) -> Markup {
    html! { span class="dot" style={ "background:" (colour) } {} (label) }
}

/// What is to be done with a gene, as a word in its colour.
pub(super) fn advised(advice: Advice) -> Markup {
    let class = match advice {
        Advice::Use => "use",
        Advice::Leave => "leave",
        Advice::Unknown => "unknown",
    };
    html! { span class={ "advice " (class) } { (advice) } }
}

/// The identifier of a gene's card on a page: no two genes share one, and no space, which HTML allows in none, is in it.
pub(super) fn gene_id(gene: &str) -> String {
    format!("gene-{}", file_name(gene))
}

/// `number` with its thousands set apart.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let group = |(i, digit): (usize, char)| {
        let gap = i > 0 && (digits.len() - i).is_multiple_of(3);
        if gap { format!("\u{202f}{digit}") } else { digit.to_string() }
    };
    digits.chars().enumerate().map(group).collect()
}

/// `json` as the content of a `script` element, which no word of it ends.
pub(super) fn as_data(json: &str) -> PreEscaped<String> {
    PreEscaped(json.replace('<', "\\u003c"))
}

/// `text` with its lines below each other.
pub(super) fn lines(text: &str) -> Markup {
    html! {
        @for (i, line) in text.split('\n').enumerate() {
            @if i > 0 { br; }
            (line)
        }
    }
}

/// What a section says of how it is read, folded below what it shows.
pub(super) fn reading(what: &str, text: &Markup) -> Markup {
    html! { details class="how" { summary { (what) } p class="read" { (text) } } }
}

/// A table or chart, called `label`, that scrolls where it is wider or longer than its place, also by keys.
pub(super) fn scrolled(label: &str, content: &Markup) -> Markup {
    html! { div class="scroll" tabindex="0" role="region" aria-label=(label) { (content) } }
}

/// The content of an SVG file of this width and height.
pub(super) fn standalone(body: &Markup, width: f64, height: f64) -> String {
    const STYLE: &str = include_str!("figure.css");
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" class="chart" width=(format!("{width:.0}")) height=(format!("{height:.0}"))
            viewBox={ "0 0 " (px(width)) " " (px(height)) } {
            style { (PreEscaped(STYLE)) }
            rect width="100%" height="100%" fill="white" {}
            (body)
        }
    };
    svg.into_string() + "\n"
}
