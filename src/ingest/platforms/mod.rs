//! Every platform: a file each, and a line in the table.

mod anndata;
mod cosmx;
mod csv;
mod dbit_seq;
mod merscope;
mod proseg;
mod slide_seq;
mod spatialdata;
mod stereo_seq;
mod visium;
mod xenium;

use super::flags::Flag;
use super::reader::{Platform, Reader};

/// All readers, in the order in which they are tried.
pub(crate) static READERS: &[&dyn Reader] = &[
    &xenium::Xenium,
    &xenium::XeniumZarr,
    &xenium::XeniumCells,
    &visium::Visium,
    &visium::VisiumHd,
    &visium::VisiumHdCells,
    &anndata::AnnData,
    &spatialdata::SpatialData,
    &merscope::Merscope,
    &cosmx::CosMx,
    &stereo_seq::StereoSeq,
    &stereo_seq::StereoSeqGef,
    &dbit_seq::DbitSeq,
    &proseg::Proseg,
    &slide_seq::SlideSeq,
    &csv::PlainTable,
];

/// The platforms that a user may name, in the order in which they are tried.
pub fn platforms() -> impl Iterator<Item = &'static Platform> {
    READERS.iter().map(|reader| reader.platform()).filter(|platform| platform.part_of.is_none())
}

/// The flags of all platforms, each once.
pub fn flags() -> Vec<&'static Flag> {
    let mut all: Vec<&'static Flag> = Vec::new();
    // From the last platform on, for the plain table has the most general ones.
    for flag in READERS.iter().rev().flat_map(|reader| reader.platform().flags) {
        if !all.iter().any(|known| known.name == flag.name) {
            all.push(flag);
        }
    }
    all
}
