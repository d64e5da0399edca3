//! The domain, without I/O: a tissue section as a grid of bins, and what is measured of it.

mod border;
mod components;
mod grid;
mod interpolate;
mod inverse_distance;
mod kriging;
mod lattice;
mod neighbourhood;
mod normalise;
mod raster;
mod sampling;
mod scattered;
mod spatial;
mod symmetric;
mod tissue;
mod variogram;

pub use border::border_distance;
pub use components::{Components, principal_components};
pub use grid::{Bin, Grid};
pub use interpolate::{Interpolation, interpolate};
pub use inverse_distance::inverse_distance;
pub use kriging::krige;
pub use lattice::{Lattice, Scale};
pub use normalise::{log_normalise, normalisation_target};
pub use raster::Raster;
pub use sampling::{Pattern, Sampling};
pub use scattered::{REACH, fill};
pub use spatial::{Neighbours, gearys_c, morans_i};
pub use tissue::infer_tissue;
pub use variogram::{Lag, Variogram, empirical as empirical_variogram};
