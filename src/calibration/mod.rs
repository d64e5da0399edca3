//! How sure a prediction is: intervals that hold a stated share of the unmeasured bins, calibrated on measured bins alone.
//!
//! A network predicts every measured bin from a sparser lattice; how far off it is there ([`Case`]) gives, in this order: how
//! the error varies from bin to bin ([`Difficulty`]), how much smaller it is at the real spacing ([`Distance`]), how
//! much larger on bins that were not learned (`optimism`), and which multiple of the expected error covers a share of all
//! bins ([`Quantiles`]). docs/uncertainty.md explains and tests every step.

mod conformal;
mod difficulty;
mod distance;
mod intervals;
mod local;
mod noise;
mod optimism;

pub(crate) use conformal::LEVELS;
pub use conformal::Quantiles;
pub use difficulty::{Difficulty, Features};
pub use distance::Distance;
pub use intervals::{Calibration, Case};
pub(crate) use local::{Layout, local_variance};
pub(crate) use noise::count_noise;
