//! The Parquet contract between the stages: what `s2s-prep` writes and every later stage reads.
//!
//! `SAMPLE.s2s/` holds `manifest.json`, `bins.parquet`, `measured.parquet`, `patches.parquet` and, in benchmark mode,
//! `truth.parquet`, which only `s2s-score` opens.

mod files;
mod manifest;
mod reader;
mod truth;
mod writer;

pub use files::{Replace, fingerprint, folder_fingerprint, write_atomically};
pub use manifest::{FORMAT, GeneEntry, Input, Manifest, Mode, Provenance, nearest_names};
pub use reader::{Dataset, Patch};
pub use truth::Truth;
pub use writer::{GeneCounts, SectionCounts, Settings, check_output, write};
