//! What predicts beside the network.

mod forest;

pub use forest::{Distribution, Features, Forest, Settings};
