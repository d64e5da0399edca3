//! From a platform's files to a binned section: streams of (gene, position, count) that become counts per gene and bin.
//!
//! `detect` recognises the files, `xenium` and `csv` read them, each molecule goes through an `intake` that validates
//! and filters it, `accumulator` adds it up in memory bounded by the grid and the panel, and `frame` turns the sums into
//! a [`crate::dataset::SectionCounts`].
//!
//! Platforms whose files are matrices: a `tree` is an HDF5 file or a Zarr store, a `matrix` in it is streamed piece by
//! piece in any layout, `places` say where its observations lie, and `pour` makes molecules of its entries. `visium` (also
//! HD), `xenium_cells`, `anndata` and `spatialdata` say which arrays of which files these are.
//!
//! [`run`] is the stage `s2s-prep` around all that.

mod accumulator;
mod anndata;
mod arguments;
mod csv;
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
mod mtx;
mod places;
mod pour;
mod prepare;
mod regular;
mod spatialdata;
mod spots;
mod tenx;
mod tree;
mod visium;
mod xenium;
mod xenium_cells;

pub use arguments::{Arguments, PlatformChoice};
pub use prepare::run;
