//! One fit, from its settings to its network.

use super::fitted::Fit;
use super::learnable::measured;
use super::run::Run;
use super::settings::{FitSettings, check};
use crate::Result;

/// Trains CDCIN (§5 of the method), resuming what [`Saving::path`](super::Saving::path) holds.
///
/// The same settings, seed, device and number of threads give the same weights, bit for bit, on the CPU, however
/// often the run was stopped and resumed. [`Error::Stopped`](crate::Error::Stopped) after a signal, once the state is saved.
pub fn fit(settings: &FitSettings) -> Result<Fit> {
    check(settings)?;
    let (genes, image) = match settings.dataset {
        Some(dataset) => {
            let (genes, image) = measured(settings, dataset)?;
            (genes, Some(image))
        }
        None => (Vec::new(), None),
    };
    Run::new(settings, genes, image)?.finish()
}
