//! From a platform's files to a binned section: streams of (gene, position, count) that become counts per gene and bin.
//!
//! `detect` recognises the files, a file per platform reads them (those in text form through `table` and `chunks`), each
//! molecule goes through an `intake` that validates and filters it, `accumulator` adds it up in memory bounded by the grid
//! and the panel, and `frame` turns the sums into a [`crate::dataset::SectionCounts`]. [`run`] is the stage `s2s-prep` around all
//! that.

mod accumulator;
mod arguments;
mod chunks;
mod cosmx;
mod csv;
mod describe;
mod detect;
mod features;
mod frame;
mod intake;
mod key;
mod merscope;
mod positions;
mod prepare;
mod stereo_seq;
mod summary;
mod table;
mod xenium;
mod xenium_csv;

pub use arguments::{Arguments, PlatformChoice};
pub use prepare::run;
