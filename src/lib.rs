//! s2s imputes the positions of a tissue section that spatial transcriptomics did not measure
//! (Single-shot Sparser-to-Sparse learning, arXiv 2507.16886).
//!
//! The rooms, in the order in which the data walks through them:
//!
//! platform files → [`ingest`] → [`section`] → [`dataset`] → [`training`] → checkpoint
//! → [`imputation`] (by [`experts`] and [`network`]) → [`store`] → [`scoring`] → report

#![warn(missing_docs)]

pub mod calibration;
pub mod cli;
pub mod compute;
pub mod config;
pub mod dataset;
pub mod error;
pub mod experts;
pub mod files;
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
mod yaml;

pub use error::{Error, Result};
