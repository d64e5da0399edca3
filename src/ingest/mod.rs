//! From a platform's files to a binned section: streams of (gene, position, count) that become counts per gene and bin.
//!
//! `detect` recognises the files, `xenium` and `csv` read them, each molecule goes through an `intake` that validates
//! and filters it, `accumulator` adds it up in memory bounded by the grid and the panel, and `frame` turns the sums into
//! a [`crate::dataset::SectionCounts`]. [`run`] is the stage `s2s-prep` around all that.

mod accumulator;
mod arguments;
mod csv;
mod detect;
mod features;
mod frame;
mod intake;
mod key;
mod prepare;
mod xenium;

pub use arguments::{Arguments, PlatformChoice};
pub use prepare::run;
