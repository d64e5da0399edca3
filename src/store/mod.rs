//! A prediction as a Zarr v3 store: opens with zarr-python, and later stages read it back.
//!
//! `SAMPLE.zarr/` is a group with the arrays `imputed` [gene, row, col] (float32, one gene per chunk, NaN outside the
//! tissue), `uncertainty` of the same shape where networks say how sure they are ([`Uncertainty`]), `measured` and `tissue` [row, col] (bool). Its attribute `s2s` is the [`Header`].

mod header;
mod reader;
mod writer;

pub use header::{FORMAT, Header, Uncertainty};
pub use reader::Store;
pub use writer::StoreWriter;
