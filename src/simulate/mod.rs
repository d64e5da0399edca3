//! Synthetic sections in the layout of a Xenium bundle, for tests, demos and benchmarks: their true rates are known.

mod anatomy;
mod bundle;
mod genes;
mod molecules;
mod plan;
mod section;
mod stain;

pub use bundle::write;
pub use molecules::Molecules;
pub use plan::Plan;
pub use section::{SimulatedSection, simulate};
