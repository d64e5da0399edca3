//! Whether what guides a section lies on it: how much of it is covered, how well it fits, and where it fitted better.

use super::affine::Affine;
use super::align::{Thumbnail, Totals};
use crate::section::{Bin, Grid, Raster, Sampling};
use crate::{Error, Result};
use std::path::Path;

/// The section that guides are laid on.
pub struct Place<'a> {
    /// Where the bins lie.
    pub grid: Grid,
    /// Which bins are measured [rows, cols].
    pub sampling: &'a Sampling,
    /// Counts per bin over all genes [rows, cols], of which only those of measured bins are read.
    pub totals: &'a Raster<u32>,
}

/// Where something lies on a section, and how well.
#[derive(Clone, Debug)]
pub struct Laid {
    /// The map to the section's µm.
    pub to_um: Affine,
    /// The correlation with ln(1 + total) over the measured bins; `None` where there is none.
    pub correlation: Option<f64>,
    /// What there is to say of it.
    pub notes: Vec<String>,
}

/// What is laid on a section, in words.
pub(super) struct Subject {
    name: &'static str,
    /// What it consists of.
    parts: &'static str,
    flag: &'static str,
    /// What the map of the flag leads from.
    from: &'static str,
}

pub(super) const IMAGE: Subject = Subject { name: "image", parts: "pixels", flag: "--image-transform", from: "pixels" };

const SECTION: Subject = Subject { name: "section", parts: "bins", flag: "--section-transform", from: "its own µm" };

/// What covers a smaller share of the measured bins is warned of.
const MOST_COVERED: f64 = 0.5;

/// Lays another section, whose picture is the `map` [rows, cols] with pixels that `to_um` leads to µm, on the bins of `place`, and checks that it
/// covers and fits them as [`measure`](super::measure) does with images.
///
/// # Errors
/// [`Error::Data`] if it covers no measured bin.
pub fn lay(path: &Path, map: Raster<f32>, to_um: Affine, place: &Place, align: bool) -> Result<Laid> {
    let (rows, cols) = map.shape();
    laid(path, &SECTION, ([cols, rows], &to_um), || Ok(Thumbnail { values: map, to_um }), place, align)
}

/// How something of this `size` in parts along x and y, with this map to µm, lies on the bins of `place`; `small` makes a small picture of it.
pub(super) fn laid(
    path: &Path,
    subject: &Subject,
    (size, to_um): ([usize; 2], &Affine),
    small: impl FnOnce() -> Result<Thumbnail>,
    place: &Place,
    align: bool,
) -> Result<Laid> {
    let totals = totals(place);
    let covered = covers(path, subject, size, to_um, &totals)?;
    let fit = totals.fit(&small()?, covered >= MOST_COVERED);
    let mut laid = Laid { to_um: *to_um, correlation: fit.correlation, notes: Vec::new() };
    if let Some(better) = fit.better {
        let (place, what) = (path.display(), better.what);
        let change = format!("{} to {}", shown(fit.correlation), shown(Some(better.correlation)));
        if align {
            laid.to_um = to_um.then(&better.then);
            laid.correlation = Some(better.correlation);
            laid.notes.push(format!("{place}: {what}: its correlation with the totals rose from {change}"));
        } else {
            tracing::warn!(
                "{place}: the {} fits better {what}: its correlation with the totals would rise from {change}. --align applies it",
                subject.name
            );
        }
    }
    let at = shown(laid.correlation);
    laid.notes.push(format!("{}: correlation with the totals of the measured bins {at}", path.display()));
    Ok(laid)
}

fn shown(correlation: Option<f64>) -> String {
    correlation.map_or("none".to_owned(), |correlation| format!("{correlation:.3}"))
}

fn totals(place: &Place) -> Totals {
    let (rows, cols) = place.totals.shape();
    let bins = (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col)));
    let measured = bins.filter(|(row, col)| place.sampling.measures(*row, *col));
    let centre = |(row, col): (usize, usize)| {
        (place.grid.centre_um(Bin { row: row as u32, col: col as u32 }), place.totals[(row, col)])
    };
    Totals::new(&measured.map(centre).collect::<Vec<_>>(), place.grid.bin_um)
}

/// The share of the measured bins that something of this size covers; what covers none is refused.
fn covers(path: &Path, subject: &Subject, size: [usize; 2], to_um: &Affine, totals: &Totals) -> Result<f64> {
    let covered = totals.covered(to_um, size);
    let span =
        |[low, high]: [[f64; 2]; 2]| format!("x {:.0} to {:.0}, y {:.0} to {:.0} µm", low[0], high[0], low[1], high[1]);
    let [width, height] = size;
    let (own, bins) = (span(to_um.extent(width as f64, height as f64)), span(totals.extent()));
    let Subject { parts, flag, from, .. } = subject;
    if covered == 0.0 {
        return Err(Error::data(
            path,
            format!(
                "it covers no measured bin: its {width} × {height} {parts} lie at {own}, the bins at {bins}. Give {flag} FILE with the map from {from} to µm of the transcripts"
            ),
        ));
    }
    if covered < MOST_COVERED {
        tracing::warn!(
            "{}: it covers {:.0} % of the measured bins, so that no other place was tried: it lies at {own}, the bins at {bins}",
            path.display(),
            100.0 * covered
        );
    }
    Ok(covered)
}
