//! s2s imputes the positions of a tissue section that spatial transcriptomics did not measure
//! (Single-shot Sparser-to-Sparse learning, arXiv 2507.16886).
//!
//! The rooms, in the order in which the data walks through them:
//!
//! platform files → [`ingest`] → [`section`] → [`dataset`] → [`training`] → checkpoint
//! → [`imputation`] (by [`experts`] and [`network`]) → [`store`] → [`scoring`] → report
//!
//! Every stage has a door that takes settings and returns values in memory, without printing and without reading the process:
//! [`ingest::read`], [`training::fit()`](training::fit), [`imputation::predict()`](imputation::predict), [`scoring::score`],
//! [`simulate::simulate()`](simulate::simulate); and one that does the same with files: [`ingest::prepare`], [`training::stage::run`],
//! [`imputation::run`], [`scoring::score_into`], [`simulate::write`]. `examples/impute_table.rs` walks through them.
//!
//! What the stages stand on:
//!
//! - [`section`]: the domain, without I/O: grid, lattice, sampling, normalisation, interpolation, spatial statistics
//! - [`network`] on [`kernels`]: CDCIN, fast on CPUs and made for GPUs; [`images`]: natural images to learn from
//! - [`components`]: what the genes of a panel have in common; [`guides`]: images of the microscope, measured in every bin
//! - [`experts`]: prediction without a fitted network; [`calibration`]: how sure a prediction is
//! - [`compute`]: device, memory, signals, progress; [`files`] and [`provenance`]: outputs whole, and how they came to be
//! - [`cli`]: what the programs share; [`config`]: the parts of all stages, which programs alone know as a whole
//!
//! Arrows between rooms, and between the files of a room, run one way (`tests/house.rs`).
//!
//! What is said on the way are events of `tracing`: nothing is heard where nobody subscribes.

#![warn(missing_docs, unreachable_pub)]
// What is unsafe stands in the kernels, at a GPU's driver and in the allocator, each with its reason.
#![deny(unsafe_code)]

pub mod calibration;
pub mod cli;
pub mod components;
pub mod compute;
pub mod config;
pub mod dataset;
pub mod error;
pub mod experts;
pub mod files;
pub mod guides;
pub mod images;
pub mod imputation;
pub mod ingest;
pub mod kernels;
pub mod network;
pub mod provenance;
pub mod scoring;
pub mod section;
pub mod simulate;
pub mod store;
pub mod training;
mod words;
mod yaml;

pub use error::{Error, Result};
