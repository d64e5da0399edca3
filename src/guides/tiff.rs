//! TIFF and BigTIFF: directories, the pyramid below each, and their tiles or strips.

use super::jpeg2000;
use super::ome::Ome;
use super::pixels::{Pixels, inside};
use crate::{Error, Result};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tiff::ColorType;
use tiff::decoder::{ChunkType, Decoder, DecodingResult, Limits};
use tiff::tags::{PlanarConfiguration, Tag};

/// Bytes that a tile or strip may have, decoded.
const MOST_BYTES: usize = 1 << 30;

/// Directories that are looked at.
const MOST_DIRECTORIES: usize = 4096;

/// Compressions that are JPEG 2000: YCbCr and RGB of Aperio, the registered one, and that of others.
const JPEG_2000: [u16; 4] = [33003, 33005, 33004, 34712];

/// Pixels of a plain TIFF have a side in µm between these, or its resolution is one of print.
const PLAUSIBLE_UM: std::ops::RangeInclusive<f64> = 0.02..=20.0;

type Reader = Decoder<BufReader<FromDirectory>>;

/// A TIFF and its directories.
pub(super) struct Tiff {
    path: PathBuf,
    /// What its OME-XML says, if it has any.
    pub(super) ome: Option<Ome>,
    /// µm per pixel along x and y by the tags of the first directory.
    pub(super) pixel_um: Option<[f64; 2]>,
    /// The directories of the main chain, each with its smaller copies, largest first.
    directories: Vec<Vec<Level>>,
}

/// One resolution of a plane.
#[derive(Clone, Debug)]
struct Level {
    /// Where its directory is in the file.
    at: u64,
    size: [usize; 2],
}

impl Tiff {
    /// Whether `path` starts as TIFF files do.
    pub(super) fn is(path: &Path) -> bool {
        let mut head = [0; 4];
        let read = File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok();
        read && (&head[..3] == b"II*" || &head[..3] == b"II+" || &head[..] == b"MM\0*" || &head[..] == b"MM\0+")
    }

    /// Reads the directories of `path`.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let bad = |e: tiff::TiffError| Error::data(path, format!("not readable as TIFF ({e})"));
        let mut reader = open(path, None)?;
        let text = reader.find_tag(Tag::ImageDescription).ok().flatten().and_then(|value| value.into_string().ok());
        let pixel_um = resolution(&mut reader, text.as_deref().unwrap_or_default());
        let mut chain = Vec::new();
        loop {
            let below = reader.find_tag_unsigned_vec::<u64>(Tag::SubIfd).ok().flatten().unwrap_or_default();
            let mut levels = vec![level(&mut reader).map_err(bad)?];
            for at in below {
                levels.push(level(&mut open(path, Some(at))?).map_err(bad)?);
            }
            chain.push(levels);
            if !reader.more_images() || chain.len() == MOST_DIRECTORIES {
                break;
            }
            reader.next_image().map_err(bad)?;
        }
        let ome = text.as_deref().and_then(Ome::parse);
        let directories = if ome.is_some() { chain } else { pyramid(chain) };
        Ok(Tiff { path: path.to_owned(), ome, pixel_um, directories })
    }

    /// How many planes it has.
    pub(super) fn planes(&self) -> usize {
        self.directories.len()
    }

    /// The file's plane `directory` at full resolution, or at the smallest one that still has `least` pixels for one of the full one along
    /// a side.
    pub(super) fn plane(&self, directory: usize, least: f64) -> Result<TiffPlane> {
        let levels = self.directories.get(directory).ok_or_else(|| {
            let held = self.directories.len();
            Error::data(&self.path, format!("its OME-XML names plane {directory}, but it holds {held}"))
        })?;
        let full = levels[0].size[0] as f64;
        let fine = levels.iter().filter(|level| level.size[0] as f64 >= 0.999 * least * full);
        let level = fine.min_by_key(|level| level.size[0]).unwrap_or(&levels[0]);
        TiffPlane::open(&self.path, level.at)
    }

    /// Pixels along x and y of a plane at full resolution.
    pub(super) fn size(&self, directory: usize) -> Option<[usize; 2]> {
        Some(self.directories.get(directory)?.first()?.size)
    }
}

/// Without OME-XML: later directories of the first one's shape and less pixels are its pyramid, those of its size are further planes.
fn pyramid(chain: Vec<Vec<Level>>) -> Vec<Vec<Level>> {
    let Some([width, height]) = chain.first().and_then(|levels| Some(levels.first()?.size)) else { return chain };
    let alike = |size: [usize; 2]| {
        let ratio = size[0] as f64 * height as f64 / (size[1] as f64 * width as f64);
        size[0] < width && (ratio - 1.0).abs() < 0.02
    };
    let same = |levels: &&Vec<Level>| levels[0].size == [width, height];
    let mut planes: Vec<Vec<Level>> = chain.iter().filter(same).cloned().collect();
    if let [only] = planes.as_mut_slice() {
        only.extend(chain.iter().flatten().filter(|level| alike(level.size)).cloned());
    }
    planes
}

/// µm per pixel by the description of Aperio or the tags of resolution.
fn resolution(reader: &mut Reader, description: &str) -> Option<[f64; 2]> {
    let told = description.split("MPP = ").nth(1).and_then(|rest| rest.split(['|', ' ', '\r', '\n']).next());
    if let Some(um) = told.and_then(|um| um.parse::<f64>().ok()).filter(|um| PLAUSIBLE_UM.contains(um)) {
        return Some([um; 2]);
    }
    let unit = match reader.find_tag_unsigned::<u16>(Tag::ResolutionUnit).ok()? {
        Some(3) => 10_000.0,
        Some(2) | None => 25_400.0,
        Some(_) => return None,
    };
    let mut side = |tag| {
        let [pixels, units] = <[u64; 2]>::try_from(reader.find_tag_unsigned_vec::<u64>(tag).ok()??).ok()?;
        let um = unit * units as f64 / pixels as f64;
        PLAUSIBLE_UM.contains(&um).then_some(um)
    };
    Some([side(Tag::XResolution)?, side(Tag::YResolution)?])
}

fn level(reader: &mut Reader) -> tiff::TiffResult<Level> {
    let (width, height) = reader.dimensions()?;
    Ok(Level { at: reader.ifd_pointer().map_or(0, |at| at.0), size: [width as usize, height as usize] })
}

/// A reader of `path` whose current directory is the first, or the one `at` this place.
fn open(path: &Path, at: Option<u64>) -> Result<Reader> {
    let file = FromDirectory::open(path, at).map_err(|e| Error::io(path, "read", e))?;
    let mut limits = Limits::default();
    (limits.decoding_buffer_size, limits.intermediate_buffer_size, limits.ifd_value_size) =
        (MOST_BYTES, MOST_BYTES, 1 << 26);
    let reader = Decoder::new(BufReader::new(file));
    reader
        .map(|reader| reader.with_limits(limits))
        .map_err(|e| Error::data(path, format!("not readable as TIFF ({e})")))
}

/// One plane of a TIFF at one resolution.
pub(super) struct TiffPlane {
    path: PathBuf,
    at: u64,
    size: [usize; 2],
    chunk: [usize; 2],
    color: ColorType,
    /// Whether the samples of a pixel are in chunks of their own.
    apart: bool,
    samples: usize,
    compression: u16,
    /// The place and length of every chunk, where they are JPEG 2000: the others are found by the reader.
    places: Vec<(u64, u64)>,
    idle: Mutex<Vec<Reader>>,
}

impl TiffPlane {
    fn open(path: &Path, at: u64) -> Result<Self> {
        let mut reader = open(path, Some(at))?;
        let bad = |e: tiff::TiffError| Error::data(path, format!("not readable as TIFF ({e})"));
        let compression = reader.find_tag_unsigned(Tag::Compression).map_err(bad)?.unwrap_or(1);
        let color = reader.colortype().map_err(bad)?;
        let held = usize::from(color.num_samples());
        let planar = reader.find_tag_unsigned::<u16>(Tag::PlanarConfiguration).map_err(bad)?;
        let mut places = Vec::new();
        if JPEG_2000.contains(&compression) {
            let [offsets, lengths] = match reader.get_chunk_type() {
                ChunkType::Tile => [Tag::TileOffsets, Tag::TileByteCounts],
                ChunkType::Strip => [Tag::StripOffsets, Tag::StripByteCounts],
            };
            let mut list = |tag| reader.get_tag_u64_vec(tag).map_err(bad);
            places = list(offsets)?.into_iter().zip(list(lengths)?).collect();
        }
        let (width, height) = reader.dimensions().map_err(bad)?;
        let (across, down) = reader.chunk_dimensions();
        let samples = match color {
            ColorType::RGB(_) | ColorType::RGBA(_) | ColorType::YCbCr(_) => 3,
            ColorType::Gray(_) | ColorType::GrayA(_) => 1,
            // Channels side by side, as some write them without saying what they are.
            ColorType::Multiband { num_samples: 3.., .. } => 3,
            ColorType::Multiband { .. } => 1,
            other => {
                return Err(Error::data(path, format!("colours as {other:?}. Expected grey or red, green and blue")));
            }
        };
        Ok(TiffPlane {
            path: path.to_owned(),
            at,
            size: [width as usize, height as usize],
            chunk: [across as usize, down as usize],
            color,
            apart: planar == Some(PlanarConfiguration::Planar.to_u16()) && held > 1,
            samples,
            compression,
            places,
            idle: Mutex::new(vec![reader]),
        })
    }

    /// Runs `with` a reader that nobody else uses.
    fn reading<T>(&self, with: impl FnOnce(&mut Reader) -> Result<T>) -> Result<T> {
        let lock = || self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let idle = lock().pop();
        let mut reader = idle.map_or_else(|| open(&self.path, Some(self.at)), Ok)?;
        let result = with(&mut reader);
        lock().push(reader);
        result
    }

    /// The samples of chunk `number`, and how many a pixel has.
    fn decoded(&self, number: usize, [width, height]: [usize; 2]) -> Result<(Vec<f32>, usize)> {
        let bad = |e: &dyn std::fmt::Display| {
            Error::data(&self.path, format!("chunk {number}, compression {}: not readable ({e})", self.compression))
        };
        if JPEG_2000.contains(&self.compression) {
            let (at, length) = *self.places.get(number).ok_or_else(|| bad(&"it is not there"))?;
            if length > MOST_BYTES as u64 {
                return Err(bad(&"it is larger than 1 GiB"));
            }
            let data = self.reading(|reader| {
                let mut data = vec![0; length as usize];
                let file = reader.inner();
                let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut data));
                read.map(|()| data).map_err(|e| bad(&e))
            })?;
            let (all, [across, down, samples]) = jpeg2000::decode(&data).map_err(|e| bad(&e))?;
            if across < width || down < height {
                return Err(bad(&format!("{across} × {down} pixels, expected {width} × {height}")));
            }
            let row = |row: usize| &all[row * across * samples..][..width * samples];
            return Ok(((0..height).flat_map(row).copied().collect(), samples));
        }
        let found = self.reading(|reader| reader.read_chunk(number as u32).map_err(|e| bad(&e)))?;
        let values: Vec<f32> = match found {
            DecodingResult::U8(values) => values.into_iter().map(f32::from).collect(),
            DecodingResult::U16(values) => values.into_iter().map(f32::from).collect(),
            DecodingResult::U32(values) => values.into_iter().map(|value| value as f32).collect(),
            DecodingResult::I16(values) => values.into_iter().map(f32::from).collect(),
            DecodingResult::F32(values) => values,
            _ => return Err(bad(&"expected samples of 8, 16 or 32 bits")),
        };
        let samples = values.len() / (width * height).max(1);
        Ok((values, samples))
    }
}

impl Pixels for TiffPlane {
    fn size(&self) -> [usize; 2] {
        self.size
    }

    fn chunk_size(&self) -> [usize; 2] {
        self.chunk
    }

    fn samples(&self) -> usize {
        self.samples
    }

    fn white(&self) -> f32 {
        if self.color.bit_depth() == 16 { 65535.0 } else { 255.0 }
    }

    fn chunk(&self, column: usize, row: usize) -> Result<Vec<f32>> {
        let part = [inside(self.size[0], self.chunk[0], column), inside(self.size[1], self.chunk[1], row)];
        let across = self.size[0].div_ceil(self.chunk[0]);
        let number = row * across + column;
        if self.apart {
            let plane = across * self.size[1].div_ceil(self.chunk[1]);
            let bands = (0..self.samples).map(|band| Ok(self.decoded(number + band * plane, part)?.0));
            let bands = bands.collect::<Result<Vec<_>>>()?;
            return Ok((0..part[0] * part[1]).flat_map(|at| bands.iter().map(move |band| band[at])).collect());
        }
        let (mut values, held) = self.decoded(number, part)?;
        if held < self.samples {
            return Err(Error::data(&self.path, format!("chunk {number}: {held} samples, expected {}", self.samples)));
        }
        if held > self.samples {
            values = values.chunks_exact(held).flat_map(|pixel| pixel[..self.samples].to_vec()).collect();
        }
        if matches!(self.color, ColorType::YCbCr(_)) || self.compression == JPEG_2000[0] {
            values.chunks_exact_mut(3).for_each(from_luma);
        }
        Ok(values)
    }
}

/// Luma and colour differences of 8 bits to red, green and blue (JFIF 1.02).
fn from_luma(pixel: &mut [f32]) {
    let (y, blue, red) = (pixel[0], pixel[1] - 128.0, pixel[2] - 128.0);
    pixel[0] = (y + 1.402 * red).clamp(0.0, 255.0);
    pixel[1] = (y - 0.344136 * blue - 0.714136 * red).clamp(0.0, 255.0);
    pixel[2] = (y + 1.772 * blue).clamp(0.0, 255.0);
}

/// A TIFF file whose header leads to another directory than the first: the `tiff` crate follows the main chain only, and pyramids
/// hang below it.
struct FromDirectory {
    file: File,
    /// The header as it is read.
    header: Vec<u8>,
    at: u64,
}

impl FromDirectory {
    fn open(path: &Path, directory: Option<u64>) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut header = Vec::new();
        (&mut file).take(16).read_to_end(&mut header)?;
        let big = header.get(2..4).is_some_and(|version| version.contains(&43));
        let place = if big { 8..16 } else { 4..8 };
        header.truncate(place.end);
        if let (Some(directory), true) = (directory, header.len() == place.end) {
            let little = header[0] == b'I';
            let bytes = if little { directory.to_le_bytes() } else { directory.to_be_bytes() };
            let low = if little { 0..place.len() } else { 8 - place.len()..8 };
            header[place].copy_from_slice(&bytes[low]);
        }
        file.seek(SeekFrom::Start(0))?;
        Ok(FromDirectory { file, header, at: 0 })
    }
}

impl Read for FromDirectory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.header.get(self.at as usize..) {
            Some(mut rest) if !rest.is_empty() => {
                let read = rest.read(buffer)?;
                self.file.seek(SeekFrom::Start(self.at + read as u64))?;
                read
            }
            _ => self.file.read(buffer)?,
        };
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for FromDirectory {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }
}
