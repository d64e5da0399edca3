//! The domain, without I/O: a tissue section as a grid of bins, and what is measured of it.

mod components;
mod grid;
mod interpolate;
mod lattice;
mod normalise;
mod raster;
mod sampling;
mod scattered;
mod spatial;
mod symmetric;
mod tissue;

pub use components::{Components, principal_components};
pub use grid::{Bin, Grid};
pub use interpolate::{Interpolation, interpolate};
pub use lattice::{Lattice, Scale};
pub use normalise::{log_normalise, normalisation_target};
pub use raster::Raster;
pub use sampling::{Pattern, Sampling};
pub use scattered::{REACH, fill};
pub use spatial::{Neighbours, morans_i};
pub use tissue::infer_tissue;
