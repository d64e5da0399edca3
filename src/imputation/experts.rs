//! What a dataset's panel tells the experts.

use crate::Result;
use crate::dataset::Dataset;
use crate::experts::Panel;
use crate::section::Raster;

/// The panel of `dataset`, for the experts.
pub fn panel(dataset: &Dataset) -> Result<Panel> {
    let manifest = dataset.manifest();
    let total = manifest.panel_variance.map_or_else(|| variance(dataset), Ok)?;
    let variances = manifest.components.iter().map(|share| share * total).collect();
    let components = dataset.component_maps(manifest.components.len())?;
    let (sampling, tissue, guides) = (dataset.sampling().clone(), dataset.tissue().clone(), dataset.guide_maps()?);
    Ok(Panel { sampling, tissue, components, variances, guides })
}

/// The sum over the genes of the variance of their values in the measured tissue bins.
fn variance(dataset: &Dataset) -> Result<f64> {
    let inside = dataset.measured_tissue();
    let of = |values: Raster<f32>| {
        let known = || values.values().iter().zip(inside.values()).filter(|(_, inside)| **inside);
        let count = known().count().max(1) as f64;
        let mean = known().map(|(value, _)| f64::from(*value)).sum::<f64>() / count;
        known().map(|(value, _)| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count
    };
    dataset.manifest().genes.iter().map(|gene| Ok(of(dataset.values(&gene.name)?))).sum()
}
