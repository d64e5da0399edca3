//! A folder of photographs.

use super::Images;
use crate::section::Raster;
use crate::{Error, Result};
use image::imageops::FilterType;
use image::{ImageReader, Rgb32FImage};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// The endings of pictures that are read.
const ENDINGS: [&str; 6] = ["png", "jpg", "jpeg", "tif", "tiff", "webp"];

/// The longer side of a picture in pixels; larger ones are made smaller to bound memory.
const LONGEST: u32 = 1024;

impl Images {
    /// Every png, jpg, tiff and webp in `folder` and below it, in the order of their paths.
    ///
    /// A picture that cannot be read is told in a warning and left out. [`Error::Missing`] without the folder,
    /// [`Error::Data`] if no picture in it could be read.
    pub fn from_folder(folder: &Path) -> Result<Self> {
        let mut paths = Vec::new();
        collect(folder, &mut paths)?;
        paths.sort();
        let read: Vec<_> = paths.par_iter().map(|path| decode(path).map_err(|reason| (path, reason))).collect();
        let mut pictures = Vec::new();
        for outcome in read {
            match outcome {
                Ok(picture) => pictures.push(picture),
                Err((path, reason)) => tracing::warn!("{}: left out, {reason}", path.display()),
            }
        }
        if pictures.is_empty() {
            return Err(Error::data(
                folder,
                format!("no readable picture among {} files ending in {}", paths.len(), ENDINGS.join(", ")),
            ));
        }
        Ok(Images::new(pictures))
    }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |e| Error::io(folder, "read", e);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        // A link is not followed into a folder: it could lead back here.
        if entry.file_type().map_err(failed)?.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|e| ENDINGS.contains(&e.to_string_lossy().to_lowercase().as_str())) {
            paths.push(path);
        }
    }
    Ok(())
}

/// The picture in `path`: grey by Rec. 601 luma, in [0, 1].
fn decode(path: &Path) -> std::result::Result<Raster<f32>, String> {
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(|e| e.to_string())?;
    let mut picture = reader.decode().map_err(|e| e.to_string())?;
    if picture.width().max(picture.height()) > LONGEST {
        picture = picture.resize(LONGEST, LONGEST, FilterType::Triangle);
    }
    let rgb = picture.to_rgb32f();
    // TIFF can hold floating-point pixels of any meaning: clamped, they would teach flat white or poison the training.
    match rgb.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        Some(value) => Err(format!("holds the value {value}; floating-point pixels have to be from 0 to 1")),
        None => Ok(grey(&rgb)),
    }
}

fn grey(rgb: &Rgb32FImage) -> Raster<f32> {
    Raster::from_fn(rgb.height() as usize, rgb.width() as usize, |row, col| {
        let [r, g, b] = rgb.get_pixel(col as u32, row as u32).0;
        (0.299 * r + 0.587 * g + 0.114 * b).clamp(0.0, 1.0)
    })
}
