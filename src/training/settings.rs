//! What a fit is given, and what is wrong with it.

use super::config::{Crop, FitConfig};
use super::thinning::Thinning;
use crate::compute::{StopFlag, computes_in};
use crate::dataset::Dataset;
use crate::images::Bank;
#[cfg(feature = "gpu")]
use crate::network::has_kernels;
use crate::network::{Cdcin, CdcinConfig, Guide, InputConfig};
use crate::section::Scale;
use crate::{Error, Result};
use burn::tensor::Device;
use std::path::Path;
use std::sync::LazyLock;
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

impl<'a> FitSettings<'a> {
    /// Settings that learn `genes` of `dataset` by one network of this shape and recipe, from random weights, without natural
    /// images and without saving anything on the way.
    pub fn new(
        dataset: &'a Dataset,
        genes: &'a [String],
        network: &'a CdcinConfig,
        fit: &'a FitConfig,
        device: &'a Device,
    ) -> Self {
        let (scale, saving) = (dataset.lattice().scale, Saving::default());
        let (images, init, seed, max_minutes) = (None, None, 0, None);
        FitSettings {
            dataset: Some(dataset),
            genes,
            scale,
            network,
            fit,
            images,
            init,
            seed,
            device,
            max_minutes,
            saving,
        }
    }

    /// The share of measured bins where they lie on no lattice.
    pub fn rate(&self) -> Option<f64> {
        self.dataset.and_then(|dataset| dataset.sampling().rate())
    }

    /// How its measured bins are dropped in training, where they lie on no lattice.
    pub(super) fn thinning(&self) -> Option<Thinning> {
        Thinning::of(self.dataset?, self.seed)
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
    /// The genes that it knows, in the order of their embeddings.
    pub genes: Vec<String>,
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

/// Never set: who saves nothing is stopped by nothing.
static NEVER: LazyLock<StopFlag> = LazyLock::new(StopFlag::default);

impl Default for Saving<'_> {
    /// Nothing is saved, and nothing asks for a stop.
    fn default() -> Self {
        Saving { path: None, every: Duration::MAX, stop: &NEVER, snapshots: None }
    }
}

/// What is wrong with the settings is told before anything is computed.
pub(super) fn check(settings: &FitSettings) -> Result<()> {
    let FitSettings { dataset, network, fit: config, scale, .. } = *settings;
    network.check()?;
    config.check(scale)?;
    #[cfg(feature = "gpu")]
    let kernels = has_kernels(network, settings.device);
    #[cfg(not(feature = "gpu"))]
    let kernels = false;
    if !kernels && !computes_in(settings.device, config.precision.dtype()) {
        return Err(Error::Usage(
            "fit.precision: found bf16, expected f32 on this device, which does not compute in bf16".to_owned(),
        ));
    }
    let channels = 1 + config.guides.len() + config.components + config.stains;
    if network.input_channels != channels {
        return Err(Error::Usage(format!(
            "network.input_channels: found {}, expected {channels}: the expression, one for each of fit.guides ({} listed), fit.components ({}), and fit.stains ({})",
            network.input_channels,
            config.guides.len(),
            config.components,
            config.stains
        )));
    }
    if config.guide_dropout > 0.0 && config.stains == 0 {
        return Err(Error::Usage(format!(
            "fit.guide_dropout: found {}, expected 0 where the network sees no guides (fit.stains is 0). Set fit.stains",
            config.guide_dropout
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
