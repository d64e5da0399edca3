//! What differs from step to step by the recipe: the learning rate, and which losses join.

use super::config::{FitConfig, Schedule};

/// The learning rate of `step` (from 0) in a run of `steps`.
pub(super) fn learning_rate(config: &FitConfig, step: usize, steps: usize) -> f64 {
    let warm = if step < config.warmup { (step + 1) as f64 / config.warmup as f64 } else { 1.0 };
    let shape = match config.schedule {
        Schedule::Constant => 1.0,
        Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * step as f64 / steps as f64).cos()),
    };
    config.learning_rate * warm * shape
}

/// What joins in a step besides the section's own loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Joins {
    /// Natural images.
    pub(super) images: bool,
    /// The sparse → dense loss.
    pub(super) dense: bool,
}

impl Joins {
    /// In `step` (from 0) of a run with a section, or of one that learns from natural images alone.
    pub(super) fn of(config: &FitConfig, step: usize, section: bool) -> Self {
        // Counted from the end of each round: the first steps then leave a zero start undisturbed.
        let due = |every: usize| (step + 1).is_multiple_of(every);
        Joins { images: config.images && (!section || due(config.image_every)), dense: due(config.dense_every) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosine_starts_at_the_full_rate_and_ends_near_zero() {
        let config = FitConfig { schedule: Schedule::Cosine, learning_rate: 2e-3, ..FitConfig::default() };
        assert_eq!(learning_rate(&config, 0, 100), 2e-3);
        assert!((learning_rate(&config, 50, 100) - 1e-3).abs() < 1e-9);
        assert!(learning_rate(&config, 99, 100) < 1e-5);
    }

    #[test]
    fn warm_up_rises_linearly() {
        let config = FitConfig { warmup: 4, learning_rate: 1.0, ..FitConfig::default() };
        let rates: Vec<f64> = (0..5).map(|step| learning_rate(&config, step, 100)).collect();
        assert_eq!(rates, [0.25, 0.5, 0.75, 1.0, 1.0]);
    }
}
