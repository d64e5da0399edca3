//! The Parquet contract between the stages: what `s2s-prep` writes and every later stage reads.
//!
//! `SAMPLE.s2s/` holds `manifest.json`, `bins.parquet`, `measured.parquet`, `patches.parquet`, with guides
//! `guides.parquet`, with serial sections `sections/` and, in benchmark mode, `truth.parquet`, which only `s2s-score` opens.

mod columns;
mod earlier;
mod guides;
mod manifest;
mod neighbours;
mod onto;
mod outline;
mod quantity;
mod reader;
mod truth;
mod writer;

pub use earlier::earlier;
pub use manifest::{FORMAT, GeneEntry, Manifest, Mode, SectionEntry};
pub use neighbours::Neighbour;
pub use outline::{AreaEntry, Outline};
pub use quantity::Quantity;
pub use reader::{Dataset, Patch};
pub use truth::Truth;
pub use writer::{GeneCounts, Guidance, SectionCounts, Settings, check_output, write, write_as};
