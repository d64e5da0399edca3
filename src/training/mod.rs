//! Learns genes from the measured bins of one section, helped by natural images (§4 and §5 of the method).
//!
//! [`stage`] is the whole of `s2s-fit`; [`fit()`] one network: its [`FitSettings`] → [`Sampler`] → [`Objective`] →
//! [`Adam`], step by step, saved and resumed as a whole, ended by the bins that were held out.

mod adam;
mod calibrate;
mod computing;
mod config;
mod curves;
mod draws;
mod dropout;
mod estimate;
mod evaluation;
mod fit;
mod fitted;
#[cfg(feature = "gpu")]
mod fused;
mod holdout;
mod identity;
mod learnable;
mod losses;
mod measured;
mod metadata;
mod output;
mod passes;
mod pixels;
#[cfg(feature = "gpu")]
mod replay;
mod run;
mod sampler;
mod schedule;
mod settings;
pub mod stage;
mod state;
mod step;
mod structure;
mod thinning;
#[cfg(feature = "gpu")]
mod told;
mod unread;

pub use adam::Adam;
pub use config::{ByDevice, Crop, Distance, FitConfig, GeneScale, MicroBatch, Precision, Schedule, Statistic};
pub use curves::{Curves, Point};
pub use estimate::{Estimate, estimate};
pub use evaluation::HeldOutError;
pub use fit::fit;
pub use fitted::{Fit, FittedGene, Stop};
pub use identity::Identity;
pub use losses::{Batch, Losses, Objective};
pub use measured::MeasuredImage;
pub use metadata::ModelMetadata;
pub use sampler::Sampler;
pub use settings::{FitSettings, Init, Saving};
pub use thinning::Thinning;
