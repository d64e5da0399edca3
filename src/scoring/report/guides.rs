//! What guided the predictions, as pictures: a stain's mean over each bin, the total of a serial section.

use super::colours::{GREYS, Scale, quantile};
use super::figure::{Ground, Told};
use crate::Result;
use crate::dataset::{Dataset, SectionEntry};
use crate::guides::GuideEntry;
use maud::{Markup, html};
use std::path::Path;

/// What is shown of a stain, and of a section.
const SHOWN: [&str; 2] = [" mean", " total"];

/// The share of bins whose values lie below and above the ends of the greys.
const BEYOND: f64 = 0.005;

/// The pictures of what guides `dataset`, in blocks of `block` × `block` bins; empty without guides.
pub(crate) fn guides(dataset: &Dataset, block: usize) -> Result<Markup> {
    let manifest = dataset.manifest();
    let ground = Ground { tissue: dataset.tissue(), bin_um: manifest.grid.bin_um, block };
    let maps = dataset.guide_maps()?;
    let shown =
        manifest.guides.iter().zip(&maps).filter(|(guide, _)| SHOWN.iter().any(|end| guide.name.ends_with(end)));
    let picture = |(guide, map): (&GuideEntry, _)| {
        let values = crate::section::Raster::values(map);
        let end = |share| quantile(values.iter().copied(), share).unwrap_or(0.0);
        let (low, high) = (end(BEYOND), end(1.0 - BEYOND));
        let scale = Scale { palette: &GREYS, low, high: if high > low { high } else { low + 1.0 } };
        ground.picture(map, &scale, &Told { gene: None, title: &guide.name, note: &placed(guide, &manifest.sections) })
    };
    let pictures: Vec<Markup> = shown.map(picture).collect::<Result<_>>()?;
    Ok(html! {
        @if !pictures.is_empty() {
            h2 { "Guides" }
            p class="read" {
                "What was known of every bin, measured or not, and predictions were made with: each from dark to bright on greys of its own. "
                "The correlation is that with ln(1 + total) over the measured bins: where it is near 0, look whether the picture lies as the "
                "tissue does."
            }
            details class="gene" id="guides" open {
                summary { h3 { "In every bin" } }
                div class="pairs few" style={ "--n:" (pictures.len().clamp(4, 6)) } {
                    @for picture in &pictures { div class="pair" { (picture) } }
                }
            }
        }
    })
}

/// Which file it is of, how well it fits, and where it lies.
fn placed(guide: &GuideEntry, sections: &[SectionEntry]) -> String {
    let file = Path::new(&guide.path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let fits = guide.correlation.map_or("no correlation".to_owned(), |found| format!("correlation\u{a0}{found:.2}"));
    let [[a, b, x], [d, e, y]] = guide.to_um;
    let turned = if b == 0.0 && d == 0.0 { "" } else { ", turned" };
    let section = sections.iter().find(|section| section.sha256 == guide.sha256);
    let lies = match section {
        Some(SectionEntry { genes, distance_um, .. }) => {
            let away = distance_um.map(|um| format!(", {um} µm away")).unwrap_or_default();
            format!("{genes} genes shared{away}{turned}")
        }
        None => format!(
            "pixels of {} × {} µm{turned}, the first at ({x:.0}, {y:.0}) µm",
            short(a.hypot(d)),
            short(b.hypot(e))
        ),
    };
    format!("{fits} · {lies} · {file}")
}

/// A length without the zeros at its end.
fn short(um: f64) -> String {
    let text = format!("{um:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
