//! Learns a gene from the measured bins of one section, helped by natural images (§4 and §5 of the method).

mod average;
mod checkpoint;
mod config;
mod curves;
mod evaluation;
mod fit;
mod holdout;
mod losses;
mod sampler;
mod schedule;

pub use checkpoint::Checkpoint;
pub use config::{Crop, FitConfig, GeneScale, Schedule, Statistic};
pub use evaluation::{HeldOut, HeldOutError};
pub use fit::{Fit, FitSettings, Stop, fit};
pub use holdout::held_out;
pub use losses::{Batch, Losses, Objective, cascade, masked_l1};
pub use sampler::{MeasuredImage, Sampler};
