//! OME-Zarr: an image as a pyramid of Zarr arrays with axes y and x, with or without channels.

use super::ngff::attributes;
use super::pixels::{Pixels, inside};
use crate::files::Bounded;
use crate::{Error, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zarrs::array::{Array, Element};
use zarrs::filesystem::FilesystemStore;

/// Elements that a chunk may have, decoded.
const MOST_ELEMENTS: u64 = 1 << 28;

/// Bytes of an element at most.
const WIDEST: u64 = 8;

/// Pixels along a side, and channels, at most: a slide of 75 mm has fewer.
const LONGEST: u64 = 1 << 20;

/// An image of several resolutions.
pub(super) struct OmeZarr {
    path: PathBuf,
    /// The names of its channels, or none for the three of a coloured picture.
    pub(super) channels: Vec<String>,
    /// µm per pixel along x and y, if it says so.
    pub(super) pixel_um: Option<[f64; 2]>,
    axes: Axes,
    levels: Vec<Array<Bounded<FilesystemStore>>>,
}

/// Where axes stand.
#[derive(Clone, Copy)]
struct Axes {
    x: usize,
    y: usize,
    channel: Option<usize>,
}

impl OmeZarr {
    /// Opens the image in the folder `path`.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let bad = |what: &dyn std::fmt::Display| Error::data(path, format!("not readable as OME-Zarr ({what})"));
        let attributes = attributes(path).ok_or_else(|| bad(&"no attributes in it"))?;
        let image = attributes.pointer("/multiscales/0").ok_or_else(|| bad(&"no multiscales in it"))?;
        let list = |key: &str| image.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let axes: Vec<Value> = list("axes");
        let place = |axis: &str| axes.iter().position(|one| one.get("name").and_then(Value::as_str) == Some(axis));
        let (Some(x), Some(y)) = (place("x"), place("y")) else { return Err(bad(&"no axes x and y in it")) };
        let axes_of = Axes { x, y, channel: place("c") };
        let store = Arc::new(FilesystemStore::new(path).map_err(|e| bad(&e))?);
        let store = Arc::new(Bounded(store, MOST_ELEMENTS * WIDEST));
        let open = |level: &Value| {
            let name = level.get("path").and_then(Value::as_str).ok_or_else(|| bad(&"a level without a path"))?;
            let array = Array::open(store.clone(), &format!("/{name}")).map_err(|e| bad(&e))?;
            let chunk = array.chunk_shape(&vec![0; array.shape().len()]).map_err(|e| bad(&e))?;
            let elements = chunk.iter().try_fold(1, |all: u64, length| all.checked_mul(length.get()));
            let plausible = array.shape().len() == axes.len() && array.shape().iter().all(|length| *length <= LONGEST);
            match elements.filter(|elements| plausible && *elements <= MOST_ELEMENTS) {
                Some(_) => Ok(array),
                None => Err(bad(&format!("level {name}: shape {:?} in chunks of {chunk:?}", array.shape()))),
            }
        };
        let datasets = list("datasets");
        let levels = datasets.iter().map(open).collect::<Result<Vec<_>>>()?;
        let full = levels.first().ok_or_else(|| bad(&"no levels in it"))?;
        let count = axes_of.channel.map_or(1, |axis| full.shape()[axis] as usize);
        let labels = attributes.pointer("/omero/channels").and_then(Value::as_array);
        let named = |channel: usize| {
            let label = labels.and_then(|labels| labels.get(channel)?.get("label"));
            match label {
                Some(Value::String(name)) if !name.is_empty() => name.clone(),
                _ => format!("channel {}", channel + 1),
            }
        };
        let coloured = count == 3 && u8::validate_data_type(full.data_type()).is_ok();
        let channels = if coloured { Vec::new() } else { (0..count).map(named).collect() };
        let unit = |at: usize| axes[at].get("unit").and_then(Value::as_str) == Some("micrometer");
        let size = |at: usize| datasets[0].pointer(&format!("/coordinateTransformations/0/scale/{at}"))?.as_f64();
        let pixel_um = (unit(x) && unit(y)).then(|| Some([size(x)?, size(y)?])).flatten();
        Ok(OmeZarr { path: path.to_owned(), channels, pixel_um, axes: axes_of, levels })
    }

    /// Pixels along x and y.
    pub(super) fn size(&self) -> [usize; 2] {
        self.sizes(&self.levels[0])
    }

    fn sizes(&self, level: &Array<Bounded<FilesystemStore>>) -> [usize; 2] {
        [self.axes.x, self.axes.y].map(|axis| level.shape()[axis] as usize)
    }

    /// A channel, or all three of a coloured picture, at full resolution or at the smallest one that still has `least` pixels for one of the full
    /// one along a side.
    pub(super) fn plane(&self, channel: usize, least: f64) -> ZarrPlane<'_> {
        let full = self.size()[0] as f64;
        let fine = self.levels.iter().filter(|level| self.sizes(level)[0] as f64 >= 0.999 * least * full);
        let level = fine.min_by_key(|level| self.sizes(level)[0]).unwrap_or(&self.levels[0]);
        let chunk = level.chunk_shape(&vec![0; level.shape().len()]).ok();
        let along = |axis: usize| chunk.as_ref().map_or(1024, |chunk| chunk[axis].get() as usize);
        let (size, chunk) = (self.sizes(level), [self.axes.x, self.axes.y].map(along));
        ZarrPlane { image: self, level, channel, size, chunk }
    }
}

/// A channel of an image at one resolution.
pub(super) struct ZarrPlane<'a> {
    image: &'a OmeZarr,
    level: &'a Array<Bounded<FilesystemStore>>,
    channel: usize,
    size: [usize; 2],
    chunk: [usize; 2],
}

impl ZarrPlane<'_> {
    fn read<T: zarrs::array::ElementOwned>(&self, part: &[std::ops::Range<u64>]) -> Result<Vec<T>> {
        // zarrs (0.23) panics on some damaged chunks, where an error about the file is due.
        let work = || self.level.retrieve_array_subset::<Vec<T>>(&part.to_vec()).map_err(|e| e.to_string());
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        let read = outcome.unwrap_or_else(|_| Err("cannot be unpacked".to_owned()));
        read.map_err(|what| Error::data(&self.image.path, format!("{}, {part:?}: {what}", self.level.path())))
    }
}

impl Pixels for ZarrPlane<'_> {
    fn size(&self) -> [usize; 2] {
        self.size
    }

    fn chunk_size(&self) -> [usize; 2] {
        self.chunk
    }

    fn samples(&self) -> usize {
        if self.image.channels.is_empty() { 3 } else { 1 }
    }

    fn white(&self) -> f32 {
        if u8::validate_data_type(self.level.data_type()).is_ok() { 255.0 } else { 65535.0 }
    }

    fn chunk(&self, column: usize, row: usize) -> Result<Vec<f32>> {
        let (axes, samples) = (self.image.axes, self.samples());
        let wide = inside(self.size[0], self.chunk[0], column);
        let high = inside(self.size[1], self.chunk[1], row);
        let range = |axis: usize, length: u64| {
            let from = |first: usize, count: usize| first as u64..(first + count) as u64;
            match axis {
                axis if axis == axes.x => from(column * self.chunk[0], wide),
                axis if axis == axes.y => from(row * self.chunk[1], high),
                axis if Some(axis) == axes.channel => from(self.channel, samples),
                // The middle of a stack, and of times.
                _ => length / 2..length / 2 + 1,
            }
        };
        let part: Vec<_> = self.level.shape().iter().enumerate().map(|(axis, length)| range(axis, *length)).collect();
        macro_rules! first_fit {
            ($($number:ty),*) => {
                $(if <$number>::validate_data_type(self.level.data_type()).is_ok() {
                    let values = self.read::<$number>(&part)?.into_iter().map(|value| value as f32).collect();
                    return Ok(self.interleaved(values, [wide, high], samples));
                })*
            };
        }
        first_fit!(u8, u16, u32, i16, i32, f32, f64);
        let kind = self.level.data_type();
        Err(Error::data(
            &self.image.path,
            format!("samples of {kind:?}, expected whole numbers or floats of up to 64 bits"),
        ))
    }
}

impl ZarrPlane<'_> {
    /// Values in the order of the array's axes as rows of pixels, each with its samples.
    fn interleaved(&self, values: Vec<f32>, [wide, high]: [usize; 2], samples: usize) -> Vec<f32> {
        let Axes { x, y, channel } = self.image.axes;
        let mut order = vec![(x, wide), (y, high)];
        order.extend(channel.map(|axis| (axis, samples)));
        order.sort_unstable();
        let step =
            |axis: usize| order.iter().filter(|(other, _)| *other > axis).map(|(_, length)| length).product::<usize>();
        let (right, down, deep) = (step(x), step(y), channel.map_or(0, step));
        if (right, down) == (1, wide) && samples == 1 {
            return values;
        }
        let pixels = (0..high).flat_map(|row| (0..wide).map(move |col| row * down + col * right));
        pixels.flat_map(|first| (0..samples).map(move |sample| first + sample * deep)).map(|at| values[at]).collect()
    }
}
