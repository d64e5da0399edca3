//! From a platform's files to a binned section: streams of (gene, position, count) that become counts per gene and bin.
//!
//! `detect` recognises the files, a file per platform reads them (those in text form through `table` and `chunks`), each
//! molecule goes through an `intake` that validates and filters it, `accumulator` adds it up in memory bounded by the grid
//! and the panel, and `frame` turns the sums into a [`crate::dataset::SectionCounts`].
//!
//! Platforms whose files are matrices: a `tree` is an HDF5 file or a Zarr store, a `matrix` in it is streamed piece by
//! piece in any layout, `places` say where its observations lie, and `pour` makes molecules of its entries. `visium` (also
//! HD), `xenium_cells`, `anndata` and `spatialdata` say which arrays of which files these are.
//!
//! [`run`] is the stage `s2s-prep` around all that.

mod accumulator;
mod anndata;
mod arguments;
mod chunks;
mod cosmx;
mod csv;
mod describe;
mod detect;
mod detect_matrix;
mod experiment;
mod features;
mod frame;
mod intake;
mod key;
mod keyed;
mod lines;
mod matrix;
mod merscope;
mod mtx;
mod places;
mod positions;
mod pour;
mod prepare;
mod regular;
mod spatialdata;
mod spots;
mod stereo_seq;
mod summary;
mod table;
mod tenx;
mod tree;
mod visium;
mod xenium;
mod xenium_cells;
mod xenium_csv;

pub use arguments::{Arguments, PlatformChoice};
pub use prepare::run;
