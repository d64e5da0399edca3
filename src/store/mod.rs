//! Predictions as a SpatialData store (Zarr v3): opens in spatialdata, anndata, napari and zarr-python, and later stages read
//! it back.
//!
//! `SAMPLE.zarr/` holds the images `imputed` and, where there is one, `uncertainty` [gene, row, col] (float32, NaN outside the
//! tissue), the labels `tissue` and `measured`, and the table `bins` (AnnData) of the in-tissue bins. The root's attribute
//! `s2s` is the [`Header`]; `s2s/genes` holds a [`Record`] of each gene that is whole. Every chunk of a prediction belongs to
//! one gene, so that processes can write different genes at the same time. docs/output.md tells all of it.

mod cells;
mod choice;
mod disk;
mod earlier;
mod header;
mod layer;
mod ome;
mod parts;
mod picture;
mod pyramid;
mod reader;
mod record;
mod table;
mod writer;
mod zarr;

pub use cells::fingerprint as cells_fingerprint;
pub use choice::{Advice, Choice, Expected, LEAST_CORRELATION, Predictor};
pub use earlier::earlier;
pub use header::{FORMAT, Header};
pub use reader::Interval;
pub use reader::Store;
pub use record::{Model, Record, Uncertainty};
pub use writer::{Answers, Distribution, Plan, StoreWriter, check_output};
