//! Scores predictions against the withheld truth, and shows them (§7 of the method).

pub mod metrics;
pub mod spatial;
pub mod ssim;
