//! One fit: a network, what it learns from, and where it ends.

use super::config::{Crop, FitConfig, GeneScale, Statistic};
use super::curves::Curves;
use super::evaluation::HeldOutError;
use super::measured::MeasuredImage;
use super::run::Run;
use crate::calibration::Calibration;
use crate::compute::{StopFlag, computes_in};
use crate::dataset::Dataset;
use crate::images::Bank;
use crate::network::{Cdcin, CdcinConfig, Guide, InputConfig};
use crate::section::{Raster, Scale};
use crate::{Error, Result};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// What a fit is given.
#[derive(Clone)]
pub struct FitSettings<'a> {
    /// The section; `None` learns from natural images alone.
    pub dataset: Option<&'a Dataset>,
    /// The genes to learn, all by one network.
    pub genes: &'a [String],
    /// S.
    pub scale: Scale,
    /// The network's shape.
    pub network: &'a CdcinConfig,
    /// The recipe.
    pub fit: &'a FitConfig,
    /// Natural images; not looked at where the recipe leaves them out.
    pub images: Option<&'a Bank>,
    /// Weights to start from; random ones without it.
    pub init: Option<&'a Init>,
    /// Decides the first weights and every draw.
    pub seed: u64,
    /// Where to compute.
    pub device: &'a Device,
    /// Stop after this many minutes, if at all.
    pub max_minutes: Option<f64>,
    /// How it survives being stopped.
    pub saving: Saving<'a>,
}

impl FitSettings<'_> {
    /// The share of measured bins where they lie on no lattice.
    pub fn rate(&self) -> Option<f64> {
        self.dataset.and_then(|dataset| dataset.sampling().rate())
    }

    /// How measured images become the network's input.
    pub fn input(&self) -> InputConfig {
        InputConfig { scattered: self.rate().is_some(), ..self.fit.input(self.scale) }
    }
}

/// Weights to start from.
#[derive(Clone)]
pub struct Init {
    /// The network that has them.
    pub net: Cdcin,
    /// SHA-256 of their file.
    pub fingerprint: String,
}

/// Where and when a run is saved.
#[derive(Clone, Copy)]
pub struct Saving<'a> {
    /// `NAME.ckpt`, which is resumed from where it exists; nothing is saved without it.
    pub path: Option<&'a Path>,
    /// Time between two savings.
    pub every: Duration,
    /// Save, and end with [`Error::Stopped`], once this is set.
    pub stop: &'a StopFlag,
    /// A folder for the averaged weights of every look at the held-out bins, for reports on when to stop.
    pub snapshots: Option<&'a Path>,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stop {
    /// All its steps were made.
    Steps,
    /// The held-out error had not fallen for as long as the recipe waits.
    Plateau,
    /// Its time was over.
    Minutes,
}

/// What came of a run.
pub struct Fit {
    /// The network: of the step with the lowest held-out error, where bins were held out; averaged if the recipe says so.
    pub net: Cdcin,
    /// The genes, and what their values are divided by before the network.
    pub genes: Vec<FittedGene>,
    /// The losses.
    pub curves: Curves,
    /// Steps made.
    pub steps: usize,
    /// Why there were no more.
    pub stop: Stop,
    /// The kept weights' step and error on held-out bins, where bins were held out.
    pub best: Option<(usize, HeldOutError)>,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// A gene that a network knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FittedGene {
    /// Its name.
    pub name: String,
    /// What its values are divided by before the network and multiplied by after it.
    pub scale: f64,
    /// How far off its predictions are; `None` where no bins were held out to find that out.
    #[serde(default)]
    pub calibration: Option<Calibration>,
}

/// Trains CDCIN (§5 of the method), resuming what [`Saving::path`] holds.
///
/// The same settings, seed, device and number of threads give the same weights, bit for bit, on the CPU, however
/// often the run was stopped and resumed. [`Error::Stopped`] after a signal, once the state is saved.
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

/// What is wrong with the settings is told before anything is computed.
pub(super) fn check(settings: &FitSettings) -> Result<()> {
    let FitSettings { dataset, network, fit: config, scale, .. } = *settings;
    network.check()?;
    config.check(scale)?;
    if !computes_in(settings.device, config.precision.dtype()) {
        return Err(Error::Usage(
            "fit.precision: found bf16, expected f32 on this device, which does not compute in bf16".to_owned(),
        ));
    }
    let channels = 1 + config.guides.len() + config.components;
    if network.input_channels != channels {
        return Err(Error::Usage(format!(
            "network.input_channels: found {}, expected {channels}: the expression, one for each of fit.guides ({} listed), and fit.components ({})",
            network.input_channels,
            config.guides.len(),
            config.components
        )));
    }
    let Some(dataset) = dataset else { return check_images_alone(settings) };
    if settings.rate().is_some() && config.guides.contains(&Guide::Tissue) {
        return Err(Error::Usage(format!(
            "fit.guides: found tissue, expected none but lattice for {}, whose measured bins lie on no lattice ({})",
            dataset.folder().display(),
            dataset.sampling().pattern()
        )));
    }
    let (patch, block) = (dataset.manifest().patch, scale.get() * scale.get());
    if config.crop == Crop::Patches && !patch.is_multiple_of(block) {
        return Err(Error::Data(format!(
            "{}: patches of {patch} bins, expected a multiple of scale² = {block}. Run s2s-prep again with another prep.patch, or set fit.crop to whole",
            dataset.folder().display()
        )));
    }
    Ok(())
}

fn check_images_alone(settings: &FitSettings) -> Result<()> {
    let config = settings.fit;
    if settings.images.is_none() {
        return Err(Error::Usage("fit.images: found false, expected true with --images-only".to_owned()));
    }
    if config.steps == 0 {
        return Err(Error::Usage(
            "fit.steps: found 0, expected 1 or more with --images-only: images have no epochs".into(),
        ));
    }
    Ok(())
}

/// The measured bins of the genes that have any counts, and what their values are divided by.
pub(super) fn measured(settings: &FitSettings, dataset: &Dataset) -> Result<(Vec<FittedGene>, MeasuredImage)> {
    let tissue = dataset.measured_tissue();
    let config = settings.fit;
    let held = super::holdout::held_out(
        &tissue,
        config.holdout,
        config.holdout_block,
        &mut super::draws(settings.seed, super::Draws::HeldOut),
    );
    let mut image = MeasuredImage::new(&tissue, &held).guided(dataset.components(config.components)?);
    let mut genes = Vec::new();
    for name in settings.genes {
        let values = dataset.values(name)?;
        match gene_scale(config.gene_scale, &values, &tissue) {
            Some(scale) => {
                image = image.with(&values, scale as f32);
                genes.push(FittedGene { name: name.clone(), scale, calibration: None });
            }
            None if settings.genes.len() > 1 => {
                eprintln!("warning: gene {name}: left out, no counts in any measured bin");
            }
            None => {}
        }
    }
    if genes.is_empty() {
        let what = settings.genes.join(", ");
        return Err(Error::Data(format!("gene {what}: no counts in any measured bin, so there is nothing to learn")));
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

impl Fit {
    /// One line: how long it took, why it stopped, how good it is on bins that it has not seen.
    pub fn summary(&self, config: &FitConfig) -> String {
        let why = match self.stop {
            Stop::Steps => "all steps made".to_owned(),
            Stop::Plateau => format!("no lower held-out error for {} steps", config.patience),
            Stop::Minutes => "its time was over".to_owned(),
        };
        let best = self.best.map_or(String::new(), |(step, error)| {
            let ratio = error.network / error.start;
            format!("; kept step {step}, held-out error {ratio:.3} of the interpolation it starts from")
        });
        format!("{} steps in {:.1} s, {why}{best}", self.steps, self.seconds)
    }
}
