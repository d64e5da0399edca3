//! Ways to read matrices of observations × genes: a `tree` is an HDF5 file or a Zarr store, the `entries` of a matrix in it
//! are streamed in `pieces` in any layout, `places` say where its observations lie, and a `sink` makes molecules of the
//! entries. `anndata`, `tenx` (HDF5) and `mtx` say which arrays of which files these are.

mod anndata;
mod anndata_places;
mod channels;
mod columns;
mod entries;
mod features;
mod lattice;
mod lattice_places;
mod mtx;
mod observations;
mod pieces;
mod places;
mod positions;
mod scalefactors;
mod sections;
mod sink;
mod squares;
mod tenx;
mod tree;
mod wide;

pub(crate) use anndata::{check_table, is_table, observed, read_table, read_table_at};
pub(crate) use anndata_places::{corner_um, names, squares_um};
pub(crate) use channels::Channels;
pub(crate) use entries::{Matrix, ranges};
pub(crate) use features::Features;
pub(crate) use mtx::Mtx;
pub(crate) use pieces::read_pieces;
pub(crate) use places::{Places, full_columns};
pub(crate) use sink::{Gene, MatrixSink};
pub(crate) use squares::{Square, side_in_name};
pub(crate) use tenx::TenX;
pub(crate) use tree::{Array, ELEMENTS, MAX_ROWS, Tree, whole_chunks};
pub(crate) use wide::{PlacesOf, read_wide};
