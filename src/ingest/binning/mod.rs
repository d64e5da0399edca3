//! What happens to molecules: each is validated and filtered (`intake`), gets a number for its gene (`features`) and a bin
//! (`bin`, `grid`, `measured`, `set`), and by both (`key`) is added up in memory bounded by the grid and the panel (`accumulator`), and the sums become a
//! section (`frame`).

mod accumulator;
mod bin;
mod features;
mod frame;
mod grid;
mod intake;
mod key;
mod measured;
mod set;
mod strays;

pub(crate) use accumulator::Accumulator;
pub(crate) use bin::AbsoluteBin;
pub(crate) use features::{Feature, Features};
pub(crate) use frame::{Framed, frame};
pub(crate) use grid::Binning;
pub(crate) use intake::{Collector, Intake, Molecule};
pub(crate) use key::MAX_FEATURES;
pub(crate) use measured::MeasuredBins;
pub(crate) use set::BinSet;

pub use intake::ReadStats;
