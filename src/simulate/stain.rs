//! A stain of nuclei that follow the anatomy, as a microscope would see it: packed like the molecules, large and pale in the walls of ducts,
//! small and bright in islands.

use super::anatomy::Anatomy;
use super::molecules::poisson;
use super::plan::Plan;
use crate::{Error, Result};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use tiff::TiffResult;
use tiff::encoder::TiffEncoder;
use tiff::encoder::colortype::Gray8;
use tiff::tags::Tag;

/// Side of a pixel in µm.
const PIXEL_UM: f64 = 0.85;

/// Nuclei per µm² of plain tissue.
const NUCLEI: f64 = 0.006;

/// Nuclei are drawn in squares of this side in µm.
const SQUARE_UM: f64 = 20.0;

/// No nucleus is seen farther from its centre, in µm.
const REACH_UM: f64 = 12.0;

/// Rows of pixels of a strip.
const STRIP: usize = 128;

/// Light of nothing, and the noise of the camera.
const BACKGROUND: f32 = 8.0;
const NOISE: f32 = 3.0;

struct Nucleus {
    x: f64,
    y: f64,
    radius: f64,
    light: f64,
}

/// Writes the stain of the section as the OME-TIFF `path`, strip by strip: memory does not grow with its height.
pub(super) fn write_stain(plan: &Plan, anatomy: &Anatomy, path: &Path) -> Result<()> {
    let failed = |e: tiff::TiffError| Error::Io(format!("{}: could not write: {e}", path.display()));
    let file = File::create(path).map_err(|e| Error::io(path, "create", e))?;
    write_strips(plan, anatomy, BufWriter::new(file)).map_err(failed)?;
    File::open(path).and_then(|file| file.sync_all()).map_err(|e| Error::io(path, "write", e))
}

fn write_strips(plan: &Plan, anatomy: &Anatomy, file: BufWriter<File>) -> TiffResult<()> {
    let pixels = |bins: usize| (bins as f64 * plan.bin_um / PIXEL_UM).ceil() as usize;
    let (width, height) = (pixels(plan.cols), pixels(plan.rows));
    let mut encoder = TiffEncoder::new_big(file)?;
    let mut image = encoder.new_image::<Gray8>(width as u32, height as u32)?;
    image.rows_per_strip(STRIP as u32)?;
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\"><Image ID=\"Image:0\"><Pixels ID=\"Pixels:0\" DimensionOrder=\"XYCZT\" Type=\"uint8\" SizeX=\"{width}\" SizeY=\"{height}\" SizeC=\"1\" SizeZ=\"1\" SizeT=\"1\" PhysicalSizeX=\"{PIXEL_UM}\" PhysicalSizeXUnit=\"um\" PhysicalSizeY=\"{PIXEL_UM}\" PhysicalSizeYUnit=\"um\"><Channel ID=\"Channel:0:0\" Name=\"DAPI\" SamplesPerPixel=\"1\"/><TiffData IFD=\"0\" PlaneCount=\"1\"/></Pixels></Image></OME>"
    );
    image.encoder().write_tag(Tag::ImageDescription, text.as_str())?;
    let strips: Vec<usize> = (0..height).step_by(STRIP).collect();
    for some in strips.chunks(rayon::current_num_threads().max(1)) {
        let strip = |first: &usize| drawn(plan, anatomy, width, *first..(first + STRIP).min(height));
        for pixels in some.par_iter().map(strip).collect::<Vec<_>>() {
            image.write_strip(&pixels)?;
        }
    }
    image.finish()
}

/// The pixels of some rows.
fn drawn(plan: &Plan, anatomy: &Anatomy, width: usize, rows: std::ops::Range<usize>) -> Vec<u8> {
    let (top, bottom) = (rows.start as f64 * PIXEL_UM, rows.end as f64 * PIXEL_UM);
    let first = ((top - REACH_UM).max(0.0) / SQUARE_UM) as usize;
    let last = ((bottom + REACH_UM) / SQUARE_UM) as usize;
    let mut light = vec![0f32; width * rows.len()];
    for nucleus in (first..=last).flat_map(|square| nuclei(plan, anatomy, square)) {
        let span = |centre: f64, most: usize| {
            let at = |um: f64| (um / PIXEL_UM).clamp(0.0, most as f64) as usize;
            at(centre - REACH_UM)..at(centre + REACH_UM)
        };
        let down = span(nucleus.y, rows.end);
        for row in down.start.max(rows.start)..down.end {
            for col in span(nucleus.x, width) {
                let [x, y] = [col, row].map(|at| (at as f64 + 0.5) * PIXEL_UM);
                let away = ((x - nucleus.x).powi(2) + (y - nucleus.y).powi(2)) / nucleus.radius.powi(2);
                light[(row - rows.start) * width + col] += (nucleus.light * (-away * away).exp()) as f32;
            }
        }
    }
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(plan.stream() ^ 0x5741_494e ^ ((rows.start as u64 + 1) << 24));
    let seen = |light: &f32| (BACKGROUND + light + NOISE * (rng.random::<f32>() - 0.5)).clamp(0.0, 255.0) as u8;
    light.iter().map(seen).collect()
}

/// The nuclei of a row of squares, always the same ones.
fn nuclei(plan: &Plan, anatomy: &Anatomy, square: usize) -> Vec<Nucleus> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(plan.stream() ^ 0x4e55_434c ^ ((square as u64 + 1) << 32));
    let squares = (plan.cols as f64 * plan.bin_um / SQUARE_UM).ceil() as usize;
    let mut all = Vec::new();
    for col in 0..squares {
        let middle = [col, square].map(|at| (at as f64 + 0.5) * SQUARE_UM);
        let expected = NUCLEI * SQUARE_UM * SQUARE_UM * anatomy.at(middle[0], middle[1]).cellularity;
        for _ in 0..poisson(expected, &mut rng) {
            let [x, y] = middle.map(|at| at + (rng.random::<f64>() - 0.5) * SQUARE_UM);
            let site = anatomy.at(x, y);
            let spread = 0.8 + 0.4 * rng.random::<f64>();
            let radius = spread * (4.0 + 2.0 * site.duct - 1.5 * site.island);
            let light = spread * (90.0 - 40.0 * site.duct + 90.0 * site.island);
            all.push(Nucleus { x, y, radius, light });
        }
    }
    all
}
