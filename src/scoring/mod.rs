//! Scores predictions against the withheld truth, and shows them (§7 of the method).
//!
//! Tissue is the truth's own; scores are taken over all of its bins and, the honest number, over the unmeasured ones.

mod biology;
mod ceiling;
mod clusters;
mod evaluate;
mod gain;
mod intervals;
pub mod metrics;
mod multiqc;
mod outcome;
mod panel;
mod prediction;
mod profiles;
pub mod registry;
mod report;
pub mod ssim;
mod stage;
mod summary;
mod tables;
mod verdict;

pub use evaluate::{Beside, Comparison, Region, Regions, Score, Values};
pub use gain::{Gain, gain_map};
pub use intervals::Intervals;
pub use outcome::{BinCounts, FORMAT, MaskAgreement, Method, Outcome};
pub use panel::{PanelScore, PanelScores};
pub use prediction::{Names, Prediction, ReadGene, ReadInterval, ReadMedian};
pub use profiles::{By, ProfileRow};
pub use stage::{Target, run, score, score_into};
pub use summary::MethodSummary;
pub use tables::text;
