//! Synthetic sections in the layout of a Xenium bundle, for tests, demos and benchmarks: their true rates are known.

mod anatomy;
mod bundle;
mod genes;
mod molecules;
mod plan;
mod section;

pub use anatomy::{Anatomy, Field, Site};
pub use bundle::write;
pub use genes::{Pattern, SimulatedGene, panel};
pub use molecules::Molecules;
pub use plan::Plan;
pub use section::{SimulatedSection, simulate};
