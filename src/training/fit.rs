//! One fit, from its settings to its network.

use super::fitted::Fit;
use super::learnable::measured;
use super::run::Run;
use super::settings::{FitSettings, check};
use crate::Result;

/// Trains CDCIN (§5 of the method), resuming what [`Saving::path`](super::Saving::path) holds.
///
/// ```no_run
/// use burn::tensor::Device;
/// use s2s::dataset::Dataset;
/// use s2s::network::CdcinConfig;
/// use s2s::training::{FitConfig, FitSettings, fit};
/// use std::path::Path;
///
/// # fn main() -> s2s::Result<()> {
/// let (dataset, device) = (Dataset::open(Path::new("lung.s2s"))?, Device::flex());
/// let (network, genes) = (CdcinConfig { channels: 16, ..CdcinConfig::default() }, ["ERBB2".to_owned()]);
/// let recipe = FitConfig { steps: 100, holdout: 0.1, images: false, ..FitConfig::default() };
/// let fitted = fit(&FitSettings::new(&dataset, &genes, &network, &recipe, &device))?;
/// println!("{}", fitted.summary(&recipe));
/// # Ok(())
/// # }
/// ```
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
