//! Predicts every in-tissue bin from the measured ones: by a fitted network, window by window, or by interpolation (§6 of
//! the method). Networks also say how sure they are of it.

mod baselines;
mod choice;
mod config;
mod experts;
mod finish;
mod gene;
mod method;
mod models;
mod neighbours;
mod network;
mod predict;
mod reach;
mod scene;
mod stage;
mod stitching;
mod tiles;
mod uncertainty;

pub(crate) use baselines::baseline;
pub use config::PredictConfig;
pub use experts::panel;
pub use finish::finish;
pub use gene::{GenePrediction, PredictedDistribution};
pub use method::{Baseline, Expert, Method};
pub use network::{Imputed, NetworkImputer};
pub use predict::{PredictSettings, Source, predict};
pub use stage::{Job, Output, run};
