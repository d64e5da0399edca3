//! One file of an image, whatever its format: its planes, and what it says of their scale.

use super::memory::Decoded;
use super::ome_zarr::OmeZarr;
use super::pixels::Pixels;
use super::stains::Colours;
use super::tiff::Tiff;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// An open image.
pub(super) struct Source {
    pub(super) path: PathBuf,
    kind: Kind,
    /// Its planes, each a channel or the three of a coloured picture.
    pub(super) planes: Vec<Plane>,
    /// µm per pixel along x and y, if the file says so.
    pub(super) pixel_um: Option<[f64; 2]>,
    /// Pixels along x and y.
    pub(super) size: [usize; 2],
}

enum Kind {
    Tiff(Tiff),
    Zarr(OmeZarr),
    Decoded(Decoded),
}

/// A plane: its name, and the directory of a TIFF or the channel of an OME-Zarr that holds it.
#[derive(Clone, Debug)]
pub(super) struct Plane {
    pub(super) name: String,
    directory: usize,
}

/// Chunks that tell how bright a picture is, along each side.
const LOOKED_AT: usize = 4;

/// Samples of a grey picture that was saved as a coloured one differ by so much at most, as a share of white.
const SAME: f32 = 0.03;

impl Source {
    /// Opens `path`. Of an OME-TIFF in several files, the planes of this one.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let stem = stem(path);
        if path.is_dir() {
            let zarr = OmeZarr::open(path)?;
            let plane = |(directory, name): (usize, &String)| Plane { name: name.clone(), directory };
            let mut planes: Vec<Plane> = zarr.channels.iter().enumerate().map(plane).collect();
            if planes.is_empty() {
                planes.push(Plane { name: stem, directory: 0 });
            }
            let (size, pixel_um) = (zarr.size(), zarr.pixel_um);
            return Ok(Source { path: path.to_owned(), planes, pixel_um, size, kind: Kind::Zarr(zarr) });
        }
        if !Tiff::is(path) {
            let decoded = Decoded::open(path)?;
            let planes = vec![Plane { name: stem, directory: 0 }];
            let size = decoded.size();
            return Ok(Source { path: path.to_owned(), planes, pixel_um: None, size, kind: Kind::Decoded(decoded) });
        }
        let tiff = Tiff::open(path)?;
        let planes = planes(path, &tiff, &stem);
        let first = planes.first().map_or(0, |plane| plane.directory);
        let size = tiff.size(first).ok_or_else(|| {
            Error::data(path, format!("its OME-XML names plane {first}, but it holds {}", tiff.planes()))
        })?;
        let told = tiff.ome.as_ref().and_then(|ome| ome.pixel_um);
        let pixel_um = told.or(tiff.pixel_um);
        Ok(Source { path: path.to_owned(), planes, pixel_um, size, kind: Kind::Tiff(tiff) })
    }

    /// The pixels of a plane in full, or at the smallest resolution that still has `least` pixels for one of the full one along a side.
    pub(super) fn pixels(&self, plane: &Plane, least: f64) -> Result<Box<dyn Pixels + '_>> {
        match &self.kind {
            Kind::Tiff(tiff) => Ok(Box::new(tiff.plane(plane.directory, least)?)),
            Kind::Zarr(zarr) => Ok(Box::new(zarr.plane(plane.directory, least))),
            Kind::Decoded(decoded) => Ok(Box::new(decoded)),
        }
    }

    /// How the samples of these pixels are to be read.
    pub(super) fn colours(&self, pixels: &dyn Pixels) -> Result<Colours> {
        if pixels.samples() == 1 {
            return Ok(Colours::Grey);
        }
        let chunks = [0, 1].map(|axis| pixels.size()[axis].div_ceil(pixels.chunk_size()[axis]));
        let some = |count: usize| (0..count).step_by(count.div_ceil(LOOKED_AT));
        let (mut sum, mut count, mut apart) = (0.0, 0.0, 0f32);
        for (column, row) in some(chunks[0]).flat_map(|column| some(chunks[1]).map(move |row| (column, row))) {
            for pixel in pixels.chunk(column, row)?.chunks_exact(3) {
                sum += f64::from(pixel.iter().sum::<f32>() / 3.0 / pixels.white());
                count += 1.0;
                let (least, most) = (pixel[0].min(pixel[1]).min(pixel[2]), pixel[0].max(pixel[1]).max(pixel[2]));
                apart = apart.max((most - least) / pixels.white());
            }
        }
        if count == 0.0 {
            return Err(Error::data(&self.path, "no pixels in it"));
        }
        Ok(if apart < SAME { Colours::Uncoloured } else { Colours::of(sum / count > 0.5) })
    }
}

/// The planes of `tiff`, by its OME-XML if it has any.
fn planes(path: &Path, tiff: &Tiff, stem: &str) -> Vec<Plane> {
    let numbered = |directory: usize| match tiff.planes() {
        1 => stem.to_owned(),
        _ => format!("{stem} {}", directory + 1),
    };
    let by_directory = || (0..tiff.planes()).map(|directory| Plane { name: numbered(directory), directory }).collect();
    let Some(ome) = &tiff.ome else { return by_directory() };
    let own = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let here = |file: &Option<String>| file.is_none() || *file == own;
    let found = ome.planes.iter().enumerate().filter(|(_, plane)| here(&plane.file));
    let found: Vec<Plane> = found
        .map(|(channel, plane)| {
            let told = ome.channels.get(channel).filter(|name| !name.is_empty());
            let name = told.cloned().unwrap_or_else(|| numbered(channel));
            Plane { name, directory: plane.directory }
        })
        .collect();
    // A file that was renamed is not the one that its text names.
    if found.is_empty() { by_directory() } else { found }
}

/// What a file of one stain is called, by its name: `mosaic_DAPI_z3.tif` is DAPI.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.split('.').next().unwrap_or_default();
    let name = name.strip_prefix("mosaic_").unwrap_or(name);
    let plane = name.rsplit_once("_z").filter(|(_, z)| !z.is_empty() && z.chars().all(|c| c.is_ascii_digit()));
    plane.map_or(name, |(stain, _)| stain).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_stain_are_called_by_it() {
        for (file, name) in
            [("mosaic_DAPI_z3.tif", "DAPI"), ("a/polyT.jpg", "polyT"), ("morphology_mip.ome.tif", "morphology_mip")]
        {
            assert_eq!(stem(Path::new(file)), name);
        }
    }
}
