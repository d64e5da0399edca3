//! What pages and files of plots are written with.

/// `text` as HTML text or attribute value.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The content of an SVG file of this width and height.
pub(super) fn standalone(body: &str, width: f64, height: f64) -> String {
    const STYLE: &str = include_str!("figure.css");
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.1} {height:.1}"><style>{STYLE}</style><rect width="100%" height="100%" fill="white"/>{body}</svg>
"#
    )
}
