//! The pictures of a gene as they are shown: as a card of the page, and as a figure in a file of its own.

use super::card::Card;
use super::charts::nice_below;
use super::colours::{Scale, shrink, shrink_mask};
use super::markup::{advised, px, standalone};
use crate::Result;
use crate::section::Raster;
use crate::store::Advice;
use maud::{Markup, html};

/// No picture is shown higher than this many CSS pixels.
const MOST_HEIGHT: usize = 520;
/// In a figure: the longer side of a picture, the gap between pictures, and the heights of title, caption and keys.
const SIDE: f64 = 300.0;
const GAP: f64 = 18.0;
const HEAD: f64 = 36.0;
const FOOT: f64 = 36.0;

/// What a picture shows, and so its colours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Expression.
    Value,
    /// Prediction − truth.
    Error,
    /// Gain over the reference.
    Gain,
    /// Half the width of the intervals.
    Width,
}

/// One map and what is written below it, as plain text.
pub(crate) struct Picture {
    /// What it shows.
    pub(super) shown: Shown,
    /// The label of the prediction that it is of, or its own name.
    pub(super) of: String,
    /// Its title.
    pub(super) title: String,
    /// Its caption.
    pub(super) note: String,
    /// Its values [rows, cols].
    pub(super) image: Raster<f32>,
}

impl Picture {
    /// Its name among the gene's pictures, for a file.
    fn file(&self) -> String {
        let of = &self.of;
        match self.shown {
            Shown::Value => of.clone(),
            Shown::Error => format!("{of}.error"),
            Shown::Gain => format!("{of}.gain"),
            Shown::Width => format!("{of}.uncertainty"),
        }
    }
}

/// All pictures of a gene.
pub(crate) struct GeneFigure<'a> {
    /// The gene.
    pub(super) gene: &'a str,
    /// The tissue [rows, cols].
    pub(super) tissue: &'a Raster<bool>,
    /// Side of a bin in µm.
    pub(super) bin_um: f64,
    /// The colours of expression.
    pub(super) values: Scale<'a>,
    /// The colours of errors, where there are any.
    pub(super) errors: Option<Scale<'a>>,
    /// The colours of gains, where there are any.
    pub(super) gains: Option<Scale<'a>>,
    /// The colours of uncertainty, where there is any.
    pub(super) widths: Option<Scale<'a>>,
    /// What is to be done with it, where no truth tells.
    pub(super) advice: Option<Advice>,
    /// The pictures, column by column.
    pub(super) columns: Vec<Vec<Picture>>,
}

impl GeneFigure<'_> {
    /// Whether a prediction tells how sure it is.
    pub(super) fn is_uncertain(&self) -> bool {
        self.widths.is_some()
    }

    /// The gene's card, its maps in blocks of `block` × `block` bins.
    pub(super) fn card(&self, block: usize) -> Result<Card> {
        let ground = Ground { tissue: self.tissue, bin_um: self.bin_um, block };
        let map = |one: &Picture| {
            let told = Told { gene: Some(self.gene), title: &one.title, note: &one.note };
            ground.picture(&one.image, self.scale(one), &told)
        };
        let column = |pictures: &Vec<Picture>| pictures.iter().map(map).collect();
        let columns: Vec<Vec<Markup>> = self.columns.iter().map(column).collect::<Result<_>>()?;
        let content = html! {
            summary {
                h3 { (self.gene) }
                @if let Some(advice) = self.advice { (advised(advice)) }
                @for (name, scale, [low, high]) in self.keys() {
                    span class="key" {
                        (name) " " i { (low) }
                        span style={ "background:" (scale.palette.gradient()) } {}
                        i { (high) }
                    }
                }
            }
            div class="pairs" style={ "--n:" (columns.len()) } {
                @for column in &columns { div class="pair" { @for map in column { (map) } } }
            }
        };
        Ok(Card { gene: self.gene.to_owned(), content })
    }

    /// A figure for a file of its own: SVG with the maps in full resolution.
    pub(crate) fn svg(&self) -> Result<String> {
        let (rows, cols) = self.tissue.shape();
        let unit = SIDE / rows.max(cols) as f64;
        let (width, height) = (cols as f64 * unit, rows as f64 * unit);
        let most = self.columns.iter().map(Vec::len).max().unwrap_or(0) as f64;
        let whole = (self.columns.len() as f64 * (width + GAP) + GAP, HEAD + most * (height + FOOT + GAP));
        let mut maps = Vec::new();
        for (i, column) in self.columns.iter().enumerate() {
            for (j, picture) in column.iter().enumerate() {
                let corner = (GAP + i as f64 * (width + GAP), HEAD + j as f64 * (height + FOOT + GAP));
                maps.push(self.svg_map(picture, corner, (width, height))?);
            }
        }
        let body = html! {
            text x=(GAP) y="24" class="gene" { (self.gene) }
            @for (i, (name, scale, ends)) in self.keys().into_iter().enumerate() {
                (svg_key(name, scale, ends, (GAP + 120.0 + 260.0 * i as f64, i)))
            }
            @for map in maps { (map) }
            (self.svg_bar(cols, unit, HEAD + height - 8.0))
        };
        // Wide enough for the keys.
        let wide = whole.0.max(GAP + 120.0 + 260.0 * self.keys().len() as f64);
        Ok(standalone(&body, wide, whole.1))
    }

    /// A picture of a figure at (x, y), on grey, with its title and caption.
    fn svg_map(&self, picture: &Picture, (x, y): (f64, f64), (width, height): (f64, f64)) -> Result<Markup> {
        let uri = self.scale(picture).picture(&picture.image, self.tissue)?;
        Ok(html! {
            rect x=(px(x)) y=(px(y)) width=(px(width)) height=(px(height)) fill="#e4e8ec" {}
            image x=(px(x)) y=(px(y)) width=(px(width)) height=(px(height)) preserveAspectRatio="none"
                style="image-rendering:pixelated" href=(uri) {}
            text x=(px(x)) y=(px(y + height + 15.0)) class="title" { (picture.title) }
            text x=(px(x)) y=(px(y + height + 30.0)) class="note" { (picture.note) }
        })
    }

    /// The scale bar of the first picture, `unit` pixels per bin, on a ground that every map lets through.
    fn svg_bar(&self, cols: usize, unit: f64, y: f64) -> Markup {
        let (length, label) = bar(cols, self.bin_um);
        let (x, long) = (GAP + 8.0, length / self.bin_um * unit);
        let wide = long.max(7.0 * label.chars().count() as f64);
        html! {
            rect x=(px(x - 4.0)) y=(px(y - 19.0)) width=(px(wide + 8.0)) height="24" rx="3" fill="#fff" fill-opacity="0.85" {}
            path d={ "M" (px(x)) " " (px(y)) "h" (px(long)) } class="bar" {}
            text x=(px(x)) y=(px(y - 6.0)) class="note" { (label) }
        }
    }

    /// The maps as PNG files of one pixel per bin: their names and contents.
    pub(crate) fn pngs(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let all = self.columns.iter().flatten();
        all.map(|picture| Ok((picture.file(), self.scale(picture).png(&picture.image, self.tissue)?))).collect()
    }

    /// The colours of a picture.
    pub(super) fn scale(&self, picture: &Picture) -> &Scale<'_> {
        match picture.shown {
            Shown::Value => &self.values,
            Shown::Error => self.errors.as_ref().unwrap_or(&self.values),
            Shown::Gain => self.gains.as_ref().unwrap_or(&self.values),
            Shown::Width => self.widths.as_ref().unwrap_or(&self.values),
        }
    }

    /// Name, colours and ends of the colour bars.
    fn keys(&self) -> Vec<(&'static str, &Scale<'_>, [String; 2])> {
        let ends = |most: f64, decimals: usize| [format!("≤ −{most:.decimals$}"), format!("≥ +{most:.decimals$}")];
        let mut keys = vec![("expression", &self.values, ["0.0".to_owned(), format!("≥ {:.2}", self.values.high)])];
        keys.extend(self.errors.as_ref().map(|scale| ("error", scale, ends(scale.high, 2))));
        keys.extend(self.gains.as_ref().map(|scale| ("gain", scale, ends(scale.high, 2))));
        let widest = |high: f64| ["0.0".to_owned(), format!("≥ {high:.2}")];
        keys.extend(self.widths.as_ref().map(|scale| ("uncertainty ±", scale, widest(scale.high))));
        keys
    }
}

/// What a picture of the page lies on.
pub(super) struct Ground<'a> {
    /// The tissue [rows, cols].
    pub(super) tissue: &'a Raster<bool>,
    /// Side of a bin in µm.
    pub(super) bin_um: f64,
    /// Side in bins of the blocks that are shown in one colour.
    pub(super) block: usize,
}

/// What is said of a picture of the page.
pub(super) struct Told<'a> {
    /// The gene, where the picture is of one: the title below it leaves it out, who only hears of it is told.
    pub(super) gene: Option<&'a str>,
    pub(super) title: &'a str,
    pub(super) note: &'a str,
}

impl Ground<'_> {
    /// `image` [rows, cols] as a picture of the page, with what is written below it.
    pub(super) fn picture(&self, image: &Raster<f32>, scale: &Scale, told: &Told) -> Result<Markup> {
        let block = self.block;
        let (small, tissue) = (shrink(image, block), shrink_mask(self.tissue, block));
        let (height, width) = small.shape();
        let uri = scale.picture(&small, &tissue)?;
        let um = width as f64 * block as f64 * self.bin_um;
        let (length, label) = bar(width * block, self.bin_um);
        let Told { gene, title, note } = told;
        Ok(html! {
            figure style={ "max-width:" (MOST_HEIGHT * width / height) "px" } {
                div class="map" data-um=(um) {
                    img loading="lazy" decoding="async" src=(uri) width=(width) height=(height) alt={ @if let Some(gene) = gene { (gene) ": " } (title) };
                    span class="bar" style=(format!("width:{:.2}%", 100.0 * length / um)) { i { (label) } }
                }
                figcaption { b { (title) } br; (note) }
            }
        })
    }
}

/// The scale bar of a picture this many bins wide: a round length in µm, at most a quarter of it, and its label.
fn bar(cols: usize, bin_um: f64) -> (f64, String) {
    let length = nice_below(cols as f64 * bin_um / 4.0);
    (length, if length >= 1000.0 { format!("{} mm", length / 1000.0) } else { format!("{length} µm") })
}

/// A colour bar of a figure, at `x`, with an identifier of its own.
fn svg_key(name: &str, scale: &Scale, [low, high]: [String; 2], (x, id): (f64, usize)) -> Markup {
    let left = x + 112.0;
    html! {
        linearGradient id={ "key" (id) } { (scale.palette.stops()) }
        text x=(px(left - 6.0)) y="24" class="note" text-anchor="end" { (name) " " (low) }
        rect x=(px(left)) y="15" width="80" height="10" fill={ "url(#key" (id) ")" } {}
        text x=(px(left + 86.0)) y="24" class="note" { (high) }
    }
}
