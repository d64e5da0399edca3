//! Images of the microscope as guides: what was measured in every bin, whether its molecules were or not.
//!
//! [`measure`] reads an image in bands (OME-TIFF, TIFF, OME-Zarr, PNG, JPEG), lays it on the grid, checks that it fits the measured bins there, and
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
mod ngff;
mod ome;
mod ome_zarr;
mod pixels;
mod place;
mod source;
mod stains;
mod tiff;

pub use affine::Affine;
pub use features::around;
pub(crate) use frame::read as read_map;
pub(crate) use mask::Mask;
pub use ngff::coordinate_systems;
pub use place::{Laid, Place, lay};

use crate::files::{fingerprint, folder_fingerprint};
use crate::section::{Grid, Raster};
use crate::{Error, Result};
use align::Thumbnail;
use bands::Shrunk;
use features::{FEATURES, PIXEL_UM, features};
use place::{IMAGE, laid};
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

/// What is known of a guide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuideEntry {
    /// Its name: the channel's and the feature's, `DAPI mean`. No other guide of the dataset has it.
    pub name: String,
    /// The image it was measured in, or the dataset of a serial section.
    #[serde(alias = "image")]
    pub path: String,
    /// SHA-256 of that file, or the fingerprint of the dataset.
    pub sha256: String,
    /// The map from its pixels, or its µm, to µm: x and y are a·column + b·row + c with rows [a, b, c].
    pub to_um: [[f64; 3]; 2],
    /// Correlation of the image, or the section's ln(1 + total), with ln(1 + total) over the measured bins; `None` where it has none.
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
    Ok(all)
}

fn measure_one(image: &Image, place: &Place, align: bool, all: &mut Measured) -> Result<()> {
    let path = &image.path;
    let source = Source::open(path)?;
    let (to_um, told) = frame::frame(image, source.pixel_um)?;
    let planes: Vec<String> = source.planes.iter().map(|plane| plane.name.clone()).collect();
    let (width, height) = (source.size[0], source.size[1]);
    all.notes.push(format!("{}: {width} × {height} pixels, {}; {told}", path.display(), planes.join(", ")));
    let Some(first) = source.planes.first() else {
        return Err(Error::data(path, "no planes in it"));
    };
    let small = || thumbnail(&source, first, &to_um, place.grid.bin_um / 2.0);
    let found = laid(path, &IMAGE, (source.size, &to_um), small, place, align)?;
    let (to_um, correlation) = (found.to_um, found.correlation);
    all.notes.extend(found.notes);
    let sha256 = if path.is_dir() { folder_fingerprint(path)? } else { fingerprint(path)? };
    for plane in &source.planes {
        let (names, maps) = channels(&source, plane, &to_um, &place.grid)?;
        for (channel, maps) in names.iter().zip(maps) {
            for (feature, map) in FEATURES.iter().zip(maps) {
                let name = format!("{channel} {feature}");
                let (path, sha256) = (path.display().to_string(), sha256.clone());
                let entry = GuideEntry { name, path, sha256, to_um: to_um.0, correlation };
                all.guides.push(Guide { entry, map });
            }
        }
    }
    Ok(())
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

/// Adds the name of the image or dataset to guides whose names are not the only ones, and a number where that is not enough.
pub fn distinguish(guides: &mut [Guide]) {
    let names: Vec<String> = guides.iter().map(|guide| guide.entry.name.clone()).collect();
    let mut taken = std::collections::BTreeSet::new();
    for (guide, name) in guides.iter_mut().zip(&names) {
        let file = Path::new(&guide.entry.path).file_name().map(|file| file.to_string_lossy().into_owned());
        let many = names.iter().filter(|other| *other == name).count() > 1;
        let wanted = if many { format!("{} {name}", file.unwrap_or_default()) } else { name.clone() };
        let numbered = std::iter::once(wanted.clone()).chain((2..).map(|number| format!("{wanted} ({number})")));
        guide.entry.name = numbered.into_iter().find(|name| !taken.contains(name)).unwrap_or(wanted);
        taken.insert(guide.entry.name.clone());
    }
}
