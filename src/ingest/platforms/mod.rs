//! Every platform: a file each, and a line in the table.

mod anndata;
mod cosmx;
mod csv;
mod merscope;
mod spatialdata;
mod stereo_seq;
mod visium;
mod xenium;

use super::reader::Reader;

/// All readers, in the order in which they are tried.
pub(crate) static READERS: &[&dyn Reader] = &[
    &xenium::Xenium,
    &xenium::XeniumCells,
    &visium::Visium,
    &visium::VisiumHd,
    &anndata::AnnData,
    &spatialdata::SpatialData,
    &merscope::Merscope,
    &cosmx::CosMx,
    &stereo_seq::StereoSeq,
    &csv::PlainTable,
];
