//! One run: a gene, a section, and the steps of Adam between them.

use super::average::Average;
use super::config::{Crop, FitConfig, GeneScale};
use super::curves::{Curves, Point};
use super::losses::{Batch, Losses, Objective};
use super::sampler::{MeasuredImage, Sampler};
use super::schedule::learning_rate;
use crate::cli::Progress;
use crate::dataset::Dataset;
use crate::images::Images;
use crate::network::{Cdcin, CdcinConfig};
use crate::section::Raster;
use crate::{Error, Result};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use std::time::Instant;

/// How many steps of a run are kept in the loss curves, at most.
const RECORDED: usize = 2000;

/// What a run is given.
pub struct FitSettings<'a> {
    /// The section.
    pub dataset: &'a Dataset,
    /// The gene to learn.
    pub gene: &'a str,
    /// The network's shape.
    pub network: &'a CdcinConfig,
    /// The recipe.
    pub fit: &'a FitConfig,
    /// Natural images; not looked at where the recipe leaves them out.
    pub images: Option<&'a Images>,
    /// Decides the first weights and every draw.
    pub seed: u64,
    /// Where to compute.
    pub device: &'a Device,
}

/// What came of a run.
pub struct Fit {
    /// The network, its weights averaged if the recipe says so.
    pub net: Cdcin,
    /// What the gene's values are divided by before the network.
    pub scale: f64,
    /// The losses.
    pub curves: Curves,
    /// Steps made.
    pub steps: usize,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// Trains CDCIN on one gene (§5 of the method).
///
/// The same settings, seed, device and number of threads give the same weights, bit for bit, on the CPU.
pub fn fit(settings: &FitSettings) -> Result<Fit> {
    let FitSettings { dataset, gene, fit: config, .. } = *settings;
    check(settings)?;
    let values = dataset.values(gene)?;
    let tissue = dataset.measured_tissue();
    let scale = gene_scale(config.gene_scale, &values, &tissue).ok_or_else(|| {
        Error::Data(format!("gene {gene}: no counts in any measured bin, so there is nothing to learn"))
    })?;
    let image = MeasuredImage::new(&values, &tissue, scale as f32);
    let sampler = sampler(dataset, config, image)?;
    let epoch = sampler.places().div_ceil(config.batch);
    let steps = if config.steps > 0 { config.steps } else { config.epochs * epoch };
    let mut run = Run::new(settings, sampler, steps);
    let start = Instant::now();
    let mut progress = Progress::new(&format!("fit {gene}"), "steps", steps as u64);
    for step in 0..steps {
        let losses = run.step(step);
        if record(step, steps) {
            let point = run.point(step, &losses, start.elapsed().as_secs_f64())?;
            progress.at(step as u64 + 1, || format!("loss {:.5}", point.total));
            run.curves.0.push(point);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    progress.finish(&format!("{steps} steps in {seconds:.1} s"));
    Ok(Fit { net: run.average.net().clone(), scale, curves: run.curves, steps, seconds })
}

/// What is wrong with the settings is told before anything is computed.
fn check(settings: &FitSettings) -> Result<()> {
    let FitSettings { dataset, network, fit: config, .. } = *settings;
    let scale = dataset.lattice().scale;
    network.check()?;
    config.check(scale)?;
    let channels = config.guides.len() + 1;
    if network.input_channels != channels {
        return Err(Error::Usage(format!(
            "network.input_channels: found {}, expected {channels}: the expression and one for each of fit.guides ({} listed)",
            network.input_channels,
            config.guides.len()
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

fn sampler(dataset: &Dataset, config: &FitConfig, image: MeasuredImage) -> Result<Sampler> {
    let scale = dataset.lattice().scale;
    if config.crop == Crop::Whole {
        return Ok(Sampler::whole(image, scale));
    }
    let patches = dataset.patches()?;
    let side = dataset.manifest().patch;
    if patches.is_empty() {
        return Err(Error::Data(format!(
            "{}: no patch of {side} × {side} bins has more than half of its bins in tissue. Run s2s-prep again with a smaller prep.patch, or set fit.crop to whole",
            dataset.folder().display()
        )));
    }
    Ok(Sampler::patches(image, &patches, side, scale))
}

/// The divisor of a gene's values; `None` if it has none above zero.
fn gene_scale(scale: GeneScale, values: &Raster<f32>, tissue: &Raster<bool>) -> Option<f64> {
    let inside =
        || values.values().iter().zip(tissue.values()).filter(|(_, inside)| **inside).map(|(v, _)| f64::from(*v));
    let square = inside().map(|value| value * value).sum::<f64>() / inside().count().max(1) as f64;
    (square > 0.0).then_some(match scale {
        GeneScale::Fixed(divisor) => divisor,
        GeneScale::Of(super::config::Statistic::Rms) => square.sqrt(),
    })
}

/// Every step of a short run is recorded, and evenly spaced ones of a long run; the last one always.
fn record(step: usize, steps: usize) -> bool {
    (step + 1).is_multiple_of(steps.div_ceil(RECORDED)) || step + 1 == steps
}

/// The moving parts of a run.
struct Run<'a> {
    settings: &'a FitSettings<'a>,
    steps: usize,
    sampler: Sampler,
    objective: Objective,
    net: Cdcin,
    optimiser: ModuleOptimizer,
    average: Average,
    rng: Xoshiro256PlusPlus,
    curves: Curves,
}

impl<'a> Run<'a> {
    fn new(settings: &'a FitSettings<'a>, sampler: Sampler, steps: usize) -> Self {
        let config = settings.fit;
        let device = settings.device.clone().autodiff();
        let net = settings.network.init(settings.seed, &device);
        let adam = AdamConfig::new()
            .with_beta_1(config.betas[0] as f32)
            .with_beta_2(config.betas[1] as f32)
            .with_epsilon(config.epsilon as f32);
        Run {
            settings,
            steps,
            sampler,
            objective: Objective { input: config.input(settings.dataset.lattice().scale), lambda: config.lambda },
            average: Average::new(&net, config.average),
            optimiser: adam.init(),
            net,
            // The weights have the seed's own stream; the draws of the examples take the next one.
            rng: Xoshiro256PlusPlus::seed_from_u64(settings.seed.wrapping_add(1)),
            curves: Curves::default(),
        }
    }

    /// One step of Adam.
    fn step(&mut self, step: usize) -> Losses {
        let config = self.settings.fit;
        let device = self.settings.device.clone().autodiff();
        let section = self.sampler.batch(config.batch, &mut self.rng, &device);
        let images = self.image_batch(step, &device);
        let dense = step.is_multiple_of(config.dense_every);
        let losses = self.objective.losses(&self.net, Batch { section, images, dense });
        let gradients = GradientsParams::from_grads(losses.total.backward(), &self.net);
        let rate = learning_rate(config, step, self.steps);
        self.net = self.optimiser.step(rate, self.net.clone(), gradients);
        self.average.update(&self.net);
        losses
    }

    fn image_batch(&mut self, step: usize, device: &Device) -> Option<Tensor<4>> {
        let config = self.settings.fit;
        let images = self.settings.images.filter(|_| config.images && step.is_multiple_of(config.image_every))?;
        let side = config.image_patch;
        let pixels = images.batch(config.image_batch, side, &mut self.rng);
        let data = burn::tensor::TensorData::new(pixels, [config.image_batch, 1, side, side]);
        Some(Tensor::from_data(data, device))
    }

    /// Reads the losses of a step from the device; [`Error::Data`] once they are no longer finite.
    fn point(&self, step: usize, losses: &Losses, seconds: f64) -> Result<Point> {
        let rate = learning_rate(self.settings.fit, step, self.steps);
        let point = Point::of(losses, step + 1, seconds, rate);
        if point.total.is_finite() {
            return Ok(point);
        }
        Err(Error::Data(format!(
            "gene {}: the loss became {} at step {}. Try a lower fit.learning_rate",
            self.settings.gene, point.total, point.step
        )))
    }
}
