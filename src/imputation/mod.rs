//! Predicts every in-tissue bin from the measured ones: by a fitted network, window by window, or by interpolation (§6 of
//! the method).

mod baselines;
mod finish;
mod network;
mod stage;
mod stitching;
mod tiles;

pub use baselines::Method;
pub use finish::finish;
pub use network::NetworkImputer;
pub use stage::{Job, Output, Source, run};
pub use stitching::stitch;
pub use tiles::{Tile, tiles};
