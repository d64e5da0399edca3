//! Scores predictions against the withheld truth, and shows them (§7 of the method).
//!
//! Tissue is the truth's own; scores are taken over all of its bins and, the honest number, over the unmeasured ones.
//! A [`Metric`] is one entry of the [`registry`], over which every file, table and chart walks.

pub mod agreement;
mod ceiling;
mod clusters;
mod comparison;
mod expectations;
mod gain;
mod intervals;
mod metric;
mod multiqc;
mod outcome;
mod output;
mod panel;
mod panel_scores;
pub mod plan;
mod prediction;
mod profiles;
mod regions;
pub mod registry;
mod report;
mod score;
mod scored_gene;
mod scorer;
mod shared_genes;
pub mod ssim;
mod stage;
mod summary;
mod tables;
mod verdict;
mod warnings;

pub use comparison::{Comparison, Context, References};
pub use expectations::Expectation;
pub use gain::{Gain, gain_map};
pub use intervals::Intervals;
pub use metric::{Against, Better, Metric, Of, Place, Values};
pub use outcome::{BinCounts, FORMAT, MaskAgreement, Method, Outcome};
pub use output::Target;
pub use panel::PanelComparison;
pub use panel_scores::{PanelScore, PanelScores};
pub use prediction::{Names, Prediction, ReadGene, ReadInterval, ReadMedian};
pub use profiles::{By, ProfileRow};
pub use regions::{Region, Regions};
pub use score::{IntervalScore, Score};
pub use scorer::{ScoreSettings, score};
pub use stage::{Job, run, score_into};
pub use summary::MethodSummary;
pub use tables::text;
pub use verdict::verdicts;
