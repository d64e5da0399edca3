//! What predicts beside the network: estimators that need no training at a sparser lattice, and their mean.
//!
//! They see the measured bins of one gene and the panel's components there ([`Panel`]), and nothing else:
//!
//! - smoothed: measured bins averaged with those most alike in expression and surroundings, then interpolated ([`Graph`]);
//! - cokriging: the linear prediction of least variance from the gene and the components of the nearest measured bins;
//! - kriging: the same from the gene alone, for genes that the panel says nothing of;
//! - forest: the distribution of the gene given what the surroundings say of a bin's components ([`Context`]), learned
//!   from measured bins at the distance of the unmeasured ones ([`mix`](context)).
//!
//! [`Experts`] holds what all genes share; [`Trials`] predict a quarter of the measured bins from the others, and so find out for each gene what
//! the experts weigh in its mean ([`Weights`]) and what is to be expected of it ([`Evidence`]). docs/experts.md tells how they were chosen, and what each gives.

mod context;
mod coregionalisation;
mod covariances;
mod evidence;
mod forest;
mod graph;
mod guided;
mod kriging;
mod levels;
mod panel;
mod prediction;
mod said;
mod shared;
mod sites;
mod views;
mod weights;

pub use context::Context;
pub use evidence::{Evidence, Trials};
pub use forest::{Distribution, Features, Forest, Settings};
pub use graph::Graph;
pub use panel::{Known, Panel};
pub use prediction::Prediction;
pub use shared::Experts;
pub use weights::Weights;
