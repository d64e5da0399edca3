//! The prediction store: a Zarr v3 group with the array `imputed` [gene, row, col].

mod reader;

pub use reader::Store;
