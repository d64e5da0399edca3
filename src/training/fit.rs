//! One run: a gene, a section, and the steps of Adam between them.

use super::average::Average;
use super::config::{Crop, FitConfig, GeneScale};
use super::curves::{Curves, Point};
use super::evaluation::{HeldOut, HeldOutError};
use super::holdout::held_out;
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
use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
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
    /// Stop after this many minutes, if at all.
    pub max_minutes: Option<f64>,
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
    /// What the gene's values are divided by before the network.
    pub scale: f64,
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
    let mut run = Run::new(settings, &values, &tissue, scale)?;
    let start = Instant::now();
    let mut progress = Progress::new(&format!("fit {gene}"), "steps", run.steps as u64);
    let mut stop = Stop::Steps;
    let mut made = 0;
    while made < run.steps {
        let losses = run.step(made);
        made += 1;
        let held_out = run.evaluate(made);
        if held_out.is_some() || record(made, run.steps) {
            let point = run.point(made, &losses, start.elapsed().as_secs_f64(), held_out)?;
            progress.at(made as u64, || format!("loss {:.5}", point.total));
            run.curves.0.push(point);
        }
        if let Some(reason) = run.ended(made, start) {
            stop = reason;
            break;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let (net, best) =
        run.best.map_or((run.average.net().clone(), None), |best| (best.net, Some((best.step, best.error))));
    let fitted = Fit { net, scale, curves: run.curves, steps: made, stop, best, seconds };
    progress.finish(&fitted.summary(config));
    Ok(fitted)
}

impl Fit {
    /// One line: how long it took, why it stopped, how good it is on bins that it has not seen.
    fn summary(&self, config: &FitConfig) -> String {
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

/// Whether the losses after `made` steps are kept: all of a short run, evenly spaced ones of a long run, the last one always.
fn record(made: usize, steps: usize) -> bool {
    made.is_multiple_of(steps.div_ceil(RECORDED)) || made == steps
}

/// The best weights so far.
struct Best {
    net: Cdcin,
    step: usize,
    error: HeldOutError,
}

/// The moving parts of a run.
struct Run<'a> {
    settings: &'a FitSettings<'a>,
    steps: usize,
    sampler: Sampler,
    objective: Objective,
    held_out: Option<HeldOut>,
    net: Cdcin,
    optimiser: ModuleOptimizer,
    average: Average,
    best: Option<Best>,
    rng: Xoshiro256PlusPlus,
    curves: Curves,
}

impl<'a> Run<'a> {
    fn new(settings: &'a FitSettings<'a>, values: &Raster<f32>, tissue: &Raster<bool>, scale: f64) -> Result<Self> {
        let FitSettings { dataset, fit: config, .. } = *settings;
        let input = config.input(dataset.lattice().scale);
        // The weights have the seed's own stream; the draws of bins and examples take the next one.
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(settings.seed.wrapping_add(1));
        let held = held_out(tissue, config.holdout, config.holdout_block, &mut rng);
        let image = MeasuredImage::new(values, tissue, &held, scale as f32);
        let held_out = HeldOut::new(&input, &image.values, tissue, &held, settings.device);
        let sampler = sampler(dataset, config, image)?;
        let epoch = sampler.places().div_ceil(config.batch);
        let net = settings.network.init(settings.seed, &settings.device.clone().autodiff());
        let adam = AdamConfig::new()
            .with_beta_1(config.betas[0] as f32)
            .with_beta_2(config.betas[1] as f32)
            .with_epsilon(config.epsilon as f32);
        Ok(Run {
            settings,
            steps: if config.steps > 0 { config.steps } else { config.epochs * epoch },
            sampler,
            objective: Objective { input, lambda: config.lambda },
            held_out,
            average: Average::new(&net, config.average),
            optimiser: adam.init(),
            net,
            best: None,
            rng,
            curves: Curves::default(),
        })
    }

    /// One step of Adam; `step` counts from 0.
    fn step(&mut self, step: usize) -> Losses {
        let config = self.settings.fit;
        let device = self.settings.device.clone().autodiff();
        let section = self.sampler.batch(config.batch, &mut self.rng, &device);
        let images = self.image_batch(step, &device);
        // Counted from the end of each round: the first steps then leave the zero start undisturbed.
        let dense = (step + 1).is_multiple_of(config.dense_every);
        let losses = self.objective.losses(&self.net, Batch { section, images, dense });
        let gradients = GradientsParams::from_grads(losses.total.backward(), &self.net);
        let rate = learning_rate(config, step, self.steps);
        self.net = self.optimiser.step(rate, self.net.clone(), gradients);
        self.average.update(&self.net);
        losses
    }

    fn image_batch(&mut self, step: usize, device: &Device) -> Option<Tensor<4>> {
        let config = self.settings.fit;
        let joins = config.images && (step + 1).is_multiple_of(config.image_every);
        let images = self.settings.images.filter(|_| joins)?;
        let side = config.image_patch;
        let pixels = images.batch(config.image_batch, side, &mut self.rng);
        Some(Tensor::from_data(TensorData::new(pixels, [config.image_batch, 1, side, side]), device))
    }

    /// Looks at the held-out bins where it is time to, and keeps the weights if they are the best so far.
    fn evaluate(&mut self, made: usize) -> Option<f64> {
        let due = made.is_multiple_of(self.settings.fit.evaluate_every) || made == self.steps;
        let error = self.held_out.as_ref().filter(|_| due)?.error(self.average.net());
        if self.best.as_ref().is_none_or(|best| error.network < best.error.network) {
            self.best = Some(Best { net: self.average.net().clone(), step: made, error });
        }
        Some(error.network)
    }

    /// Whether the run ends before all its steps are made.
    fn ended(&self, made: usize, start: Instant) -> Option<Stop> {
        let patience = self.settings.fit.patience;
        let waited = self.best.as_ref().map_or(0, |best| made - best.step);
        if patience > 0 && waited >= patience && made < self.steps {
            return Some(Stop::Plateau);
        }
        let minutes = start.elapsed().as_secs_f64() / 60.0;
        self.settings.max_minutes.is_some_and(|most| minutes >= most && made < self.steps).then_some(Stop::Minutes)
    }

    /// Reads the losses of a step from the device; [`Error::Data`] once they are no longer finite.
    fn point(&self, made: usize, losses: &Losses, seconds: f64, held_out: Option<f64>) -> Result<Point> {
        let rate = learning_rate(self.settings.fit, made - 1, self.steps);
        let point = Point::of(losses, made, seconds, rate, held_out);
        if point.total.is_finite() {
            return Ok(point);
        }
        Err(Error::Data(format!(
            "gene {}: the loss became {} at step {made}. Try a lower fit.learning_rate",
            self.settings.gene, point.total
        )))
    }
}
