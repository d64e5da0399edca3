//! Ways to read matrices of observations × genes: a `tree` is an HDF5 file or a Zarr store, the `entries` of a matrix in it
//! are streamed piece by piece in any layout, `places` say where its observations lie, and a `sink` makes molecules of the
//! entries. `anndata`, `tenx` (HDF5) and `mtx` say which arrays of which files these are.

mod anndata;
mod anndata_places;
mod columns;
mod entries;
mod features;
mod lattice;
mod mtx;
mod observations;
mod places;
mod positions;
mod scalefactors;
mod sections;
mod sink;
mod squares;
mod tenx;
mod tree;

pub(crate) use anndata::{is_table, read_table};
pub(crate) use anndata_places::squares_um;
pub(crate) use mtx::Mtx;
pub(crate) use places::{Places, full_columns};
pub(crate) use squares::{Square, side_in_name};
pub(crate) use tenx::TenX;
pub(crate) use tree::Tree;
