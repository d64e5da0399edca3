//! Images of the microscope as guides: what was measured in every bin, whether its molecules were or not.
//!
//! [`measure`] reads an image in bands (OME-TIFF, TIFF, PNG, JPEG), lays it on the grid, checks that it fits the measured bins there, and
//! gives six features of every channel and bin as [`Guide`]s. An image knows nothing of counts: that it covers withheld bins
//! is no leak. What is learned from it is learned in measured bins alone.
//!
//! docs/guides.md tells when guides help, when they mislead, and how to align.

mod affine;
mod align;
mod bands;
mod features;
mod frame;
mod jpeg2000;
mod mask;
mod memory;
mod ome;
mod pixels;
mod source;
mod stains;
mod tiff;

pub use affine::Affine;
pub(crate) use frame::read as read_map;
pub(crate) use mask::Mask;

use crate::files::fingerprint;
use crate::section::{Grid, Raster, Sampling};
use crate::{Error, Result};
use align::{Better, Thumbnail, Totals};
use bands::Shrunk;
use features::{FEATURES, PIXEL_UM, features};
use serde::{Deserialize, Serialize};
use source::{Plane, Source};
use std::path::{Path, PathBuf};

/// An image that is to guide.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its file.
    pub path: PathBuf,
    /// A file with the map from its pixels to µm, instead of what the image and the files beside it say.
    pub transform: Option<PathBuf>,
    /// The map, where the files of the platform have it; a `transform` goes before it.
    pub to_um: Option<Affine>,
}

/// The section that images are laid on.
pub struct Place<'a> {
    /// Where the bins lie.
    pub grid: Grid,
    /// Which bins are measured [rows, cols].
    pub sampling: &'a Sampling,
    /// Counts per bin over all genes [rows, cols], of which only those of measured bins are read.
    pub totals: &'a Raster<u32>,
}

/// What is known of a guide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuideEntry {
    /// Its name: the channel's and the feature's, `DAPI mean`. No other guide of the dataset has it.
    pub name: String,
    /// The image it was measured in.
    pub image: String,
    /// SHA-256 of that file.
    pub sha256: String,
    /// The map from its pixels to µm: x and y are a·column + b·row + c with rows [a, b, c].
    pub to_um: [[f64; 3]; 2],
    /// Correlation of the image with ln(1 + total) over the measured bins; `None` where it has none.
    pub correlation: Option<f64>,
}

/// A value of every bin that has one whether it is measured or not.
#[derive(Clone, Debug)]
pub struct Guide {
    /// What it is.
    pub entry: GuideEntry,
    /// The values [rows, cols]: NaN where there is none.
    pub map: Raster<f32>,
}

/// What was measured in images.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Six guides for every channel, in the order of the images.
    pub guides: Vec<Guide>,
    /// What there is to say of each image: its channels, scale and fit.
    pub notes: Vec<String>,
}

/// Measures all channels of `images` in the bins of `place`. With `align`, an image that fits better elsewhere is moved there; else a
/// warning says where.
///
/// Memory is bounded by the width of a band and the grid, not by the size of an image; PNG and JPEG are held as a whole.
///
/// # Errors
/// [`Error::Missing`] and [`Error::Data`] for a file that is not there or no image, whose scale nobody says, or that covers no measured
/// bin, with where both lie.
pub fn measure(images: &[Image], place: &Place, align: bool) -> Result<Measured> {
    let mut all = Measured::default();
    for image in images {
        measure_one(image, place, align, &mut all)?;
    }
    distinguish(&mut all.guides);
    Ok(all)
}

fn measure_one(image: &Image, place: &Place, align: bool, all: &mut Measured) -> Result<()> {
    let path = &image.path;
    let source = Source::open(path)?;
    let (mut to_um, told) = frame::frame(image, source.pixel_um)?;
    let totals = totals(place);
    let covered = covers(path, &source, &to_um, &totals)?;
    let planes: Vec<String> = source.planes.iter().map(|plane| plane.name.clone()).collect();
    let (width, height) = (source.size[0], source.size[1]);
    all.notes.push(format!("{}: {width} × {height} pixels, {}; {told}", path.display(), planes.join(", ")));
    let Some(first) = source.planes.first() else {
        return Err(Error::data(path, "no planes in it"));
    };
    let fit = totals.fit(&thumbnail(&source, first, &to_um, place.grid.bin_um / 2.0)?, covered >= MOST_COVERED);
    let mut correlation = fit.correlation;
    if let Some(Better { then, what, correlation: there }) = fit.better {
        let change = format!("{} to {}", shown(correlation), shown(Some(there)));
        if align {
            to_um = to_um.then(&then);
            correlation = Some(there);
            all.notes.push(format!("{}: {what}: its correlation with the totals rose from {change}", path.display()));
        } else {
            tracing::warn!(
                "{}: the image fits better {what}: its correlation with the totals would rise from {change}. --align applies it",
                path.display()
            );
        }
    }
    let sha256 = fingerprint(path)?;
    for plane in &source.planes {
        let (names, maps) = channels(&source, plane, &to_um, &place.grid)?;
        for (channel, maps) in names.iter().zip(maps) {
            for (feature, map) in FEATURES.iter().zip(maps) {
                let name = format!("{channel} {feature}");
                let (image, sha256) = (path.display().to_string(), sha256.clone());
                let entry = GuideEntry { name, image, sha256, to_um: to_um.0, correlation };
                all.guides.push(Guide { entry, map });
            }
        }
    }
    let at = shown(correlation);
    all.notes.push(format!("{}: correlation with the totals of the measured bins {at}", path.display()));
    Ok(())
}

fn shown(correlation: Option<f64>) -> String {
    correlation.map_or("none".to_owned(), |correlation| format!("{correlation:.3}"))
}

fn totals(place: &Place) -> Totals {
    let (rows, cols) = place.totals.shape();
    let bins = (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col)));
    let measured = bins.filter(|(row, col)| place.sampling.measures(*row, *col));
    let centre = |(row, col): (usize, usize)| {
        let bin = crate::section::Bin { row: row as u32, col: col as u32 };
        (place.grid.centre_um(bin), place.totals[(row, col)])
    };
    Totals::new(&measured.map(centre).collect::<Vec<_>>(), place.grid.bin_um)
}

/// An image that covers a smaller share of the measured bins is warned of.
const MOST_COVERED: f64 = 0.5;

/// The share of the measured bins that an image covers; one that covers none is refused.
fn covers(path: &Path, source: &Source, to_um: &Affine, totals: &Totals) -> Result<f64> {
    let covered = totals.covered(to_um, source.size);
    let span =
        |[low, high]: [[f64; 2]; 2]| format!("x {:.0} to {:.0}, y {:.0} to {:.0} µm", low[0], high[0], low[1], high[1]);
    let [width, height] = source.size.map(|size| size as f64);
    let (own, bins) = (span(to_um.extent(width, height)), span(totals.extent()));
    if covered == 0.0 {
        return Err(Error::data(
            path,
            format!(
                "it covers no measured bin: its {} × {} pixels lie at {own}, the bins at {bins}. Give --image-transform FILE with the map from pixels to µm of the transcripts",
                source.size[0], source.size[1]
            ),
        ));
    }
    if covered < MOST_COVERED {
        tracing::warn!(
            "{}: it covers {:.0} % of the measured bins: it lies at {own}, the bins at {bins}",
            path.display(),
            100.0 * covered
        );
    }
    Ok(covered)
}

/// A plane in pixels of about `pixel_um`, in the channel that tells the most of the tissue: the first.
fn thumbnail(source: &Source, plane: &Plane, to_um: &Affine, pixel_um: f64) -> Result<Thumbnail> {
    let pixels = source.pixels(plane, to_um.scale() / pixel_um)?;
    let to_um = at_resolution(source, pixels.size(), to_um);
    let factor = ((pixel_um / to_um.scale()).round() as usize).clamp(1, pixels.size()[0].min(pixels.size()[1]).max(1));
    let colours = source.colours(pixels.as_ref())?;
    let shrunk = Shrunk { pixels: pixels.as_ref(), factor, colours };
    let [cols, rows] = shrunk.size();
    let mut values = Vec::with_capacity(rows * cols);
    shrunk.each(0, |band| values.extend_from_slice(&band.channels[0][(band.new.start - band.first) * cols..]))?;
    let values = Raster::from_vec(rows, cols, values).ok_or_else(|| Error::Bug("rows of a thumbnail".to_owned()))?;
    Ok(Thumbnail { values, to_um: shrunk_map(&to_um, factor) })
}

/// The names of channels, and the features of each.
type Channels = (Vec<String>, Vec<Vec<Raster<f32>>>);

/// The channels of a plane: their names, and of each its features.
fn channels(source: &Source, plane: &Plane, to_um: &Affine, grid: &Grid) -> Result<Channels> {
    let pixels = source.pixels(plane, to_um.scale() / PIXEL_UM)?;
    let to_um = at_resolution(source, pixels.size(), to_um);
    let factor = ((PIXEL_UM / to_um.scale() + 0.01) as usize).max(1);
    let colours = source.colours(pixels.as_ref())?;
    let shrunk = Shrunk { pixels: pixels.as_ref(), factor, colours };
    Ok((colours.names(&plane.name), features(&shrunk, &shrunk_map(&to_um, factor), grid)?))
}

/// The map of pixels of a smaller copy of `size`.
fn at_resolution(source: &Source, size: [usize; 2], to_um: &Affine) -> Affine {
    let times = [0, 1].map(|axis| source.size[axis] as f64 / size[axis].max(1) as f64);
    // Pyramids halve and drop or add a last pixel: their factor is a whole number.
    let times = times.map(|times| if (times - times.round()).abs() < 0.02 * times { times.round() } else { times });
    Affine::pixels(times, [0.0; 2]).then(to_um)
}

fn shrunk_map(to_um: &Affine, factor: usize) -> Affine {
    Affine::pixels([factor as f64; 2], [0.0; 2]).then(to_um)
}

/// Adds the image's name to guides whose names are not the only ones, and a number where that is not enough.
fn distinguish(guides: &mut [Guide]) {
    let names: Vec<String> = guides.iter().map(|guide| guide.entry.name.clone()).collect();
    let mut taken = std::collections::BTreeSet::new();
    for (guide, name) in guides.iter_mut().zip(&names) {
        let file = Path::new(&guide.entry.image).file_name().map(|file| file.to_string_lossy().into_owned());
        let many = names.iter().filter(|other| *other == name).count() > 1;
        let wanted = if many { format!("{} {name}", file.unwrap_or_default()) } else { name.clone() };
        let numbered = std::iter::once(wanted.clone()).chain((2..).map(|number| format!("{wanted} ({number})")));
        guide.entry.name = numbered.into_iter().find(|name| !taken.contains(name)).unwrap_or(wanted);
        taken.insert(guide.entry.name.clone());
    }
}
