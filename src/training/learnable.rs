//! Which genes can be learned, and their measured bins as the network sees them.

use super::config::{GeneScale, Statistic};
use super::draws::{Draws, draws};
use super::fitted::FittedGene;
use super::holdout::held_out;
use super::measured::MeasuredImage;
use super::settings::FitSettings;
use crate::dataset::Dataset;
use crate::section::{Holes, Raster};
use crate::{Error, Result};

/// The measured bins of the genes that have any counts, and what their values are divided by.
pub(super) fn measured(settings: &FitSettings, dataset: &Dataset) -> Result<(Vec<FittedGene>, MeasuredImage)> {
    let tissue = dataset.measured_tissue();
    let config = settings.fit;
    let mut rng = draws(settings.seed, Draws::HeldOut);
    let held = match Holes::of(dataset.sampling(), dataset.tissue()) {
        Some(holes) => holes.moved(&tissue, config.holdout, &mut rng),
        None => held_out(&tissue, config.holdout, config.holdout_block, &mut rng),
    };
    let mut image = MeasuredImage::new(&tissue, &held)
        .guided(dataset.components(config.components)?)
        .stained(dataset, config.stains)?;
    let mut genes = Vec::new();
    for name in settings.genes {
        let values = dataset.values(name)?;
        match gene_scale(config.gene_scale, &values, &tissue) {
            Some(scale) => {
                image = image.with(&values, scale as f32);
                genes.push(FittedGene { name: name.clone(), scale, calibration: None });
            }
            None if settings.genes.len() > 1 => {
                tracing::warn!("gene {name}: left out, no counts in the measured tissue");
            }
            None => {}
        }
    }
    if genes.is_empty() {
        let what = settings.genes.join(", ");
        return Err(Error::Data(format!(
            "gene {what}: no counts in the measured tissue, so there is nothing to learn"
        )));
    }
    Ok((genes, image))
}

/// The divisor of a gene's values; `None` if it has none above zero.
fn gene_scale(scale: GeneScale, values: &Raster<f32>, tissue: &Raster<bool>) -> Option<f64> {
    let inside =
        || values.values().iter().zip(tissue.values()).filter(|(_, inside)| **inside).map(|(v, _)| f64::from(*v));
    let square = inside().map(|value| value * value).sum::<f64>() / inside().count().max(1) as f64;
    (square > 0.0).then_some(match scale {
        GeneScale::Fixed(divisor) => divisor,
        GeneScale::Of(Statistic::Rms) => square.sqrt(),
    })
}
