//! The steps of Adam, from the first or from where an earlier sitting stopped.

use super::calibrate::calibrate;
use super::computing::Computing;
use super::config::{Crop, FitConfig};
use super::curves::Point;
use super::evaluation::HeldOut;
use super::fitted::{Fit, FittedGene, Stop};
use super::identity::Identity;
use super::losses::{Losses, Objective};
use super::measured::MeasuredImage;
use super::metadata::ModelMetadata;
use super::output::snapshot;
#[cfg(feature = "gpu")]
use super::replay::Replays;
use super::sampler::Sampler;
use super::schedule::learning_rate;
use super::settings::{FitSettings, Init};
use super::state::{Best, State};
use super::step::Making;
use super::thinning::Thinning;
use super::unread::Unread;
use crate::compute::Progress;
use crate::dataset::Dataset;
use crate::network::{flatten, unflatten};
use crate::{Error, Result};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use std::rc::Rc;
use std::time::Instant;

/// How many steps of a run are kept in the loss curves, at most.
const RECORDED: usize = 2000;

/// The moving parts of a run.
pub(super) struct Run<'a> {
    settings: &'a FitSettings<'a>,
    identity: Identity,
    making: Rc<Making<'a>>,
    held_out: Option<HeldOut>,
    genes: Vec<FittedGene>,
    state: State,
    #[cfg(feature = "gpu")]
    replays: Option<Replays<'a>>,
    /// Points of the curves that come next.
    unread: Unread,
}

impl<'a> Run<'a> {
    /// At the first step, or where the checkpoint of an earlier sitting stopped.
    ///
    /// `genes` are those of `image`, in the same order.
    pub(super) fn new(
        settings: &'a FitSettings<'a>,
        genes: Vec<FittedGene>,
        image: Option<MeasuredImage>,
    ) -> Result<Self> {
        let FitSettings { fit: config, device, .. } = *settings;
        let objective = Objective { input: settings.input(), lambda: config.lambda, distance: config.loss };
        let thinning = settings.thinning();
        let held_out = image.as_ref().and_then(|image| HeldOut::new(&objective, image, thinning.as_ref(), device));
        let sampler = match (settings.dataset, image) {
            (Some(dataset), Some(image)) => {
                let sampler = sampler(dataset, config, image, thinning.clone(), device)?;
                Some(sampler.by_structure(config.by_structure))
            }
            _ => None,
        };
        let epoch = sampler.as_ref().map_or(1, Sampler::places).div_ceil(config.batch);
        let net = match settings.init {
            Some(init) => init.net.clone(),
            None => settings.network.init(settings.seed, device),
        };
        let net = net.with_embedding(settings.network.gene_embedding, device);
        let net = net.for_genes(&known(settings.init, &genes), settings.seed, device);
        let identity = Identity::of(settings)?;
        let state = match settings.saving.path.filter(|path| path.exists()) {
            Some(path) => State::open(path, &identity, net.num_params(), device)?,
            None => State::start(flatten(&net)),
        };
        let computing = Computing::of(config.precision, &net, &state.learned.borrow().weights);
        #[cfg(feature = "gpu")]
        if let Some(why) = net.by_operations(&computing.weights(&state.learned.borrow().weights)) {
            tracing::warn!(
                "{why}: not in our kernels for GPUs, so that single operations compute it, many times slower"
            );
        }
        let steps = if config.steps > 0 { config.steps } else { config.epochs * epoch };
        let making = Rc::new(Making { settings, steps, sampler, thinning, objective, net, computing });
        #[cfg(feature = "gpu")]
        let replays = Replays::of(making.clone(), &state.learned.borrow().weights);
        Ok(Run {
            settings,
            identity,
            making,
            held_out,
            genes,
            #[cfg(feature = "gpu")]
            replays,
            state,
            unread: Unread::new(),
        })
    }

    /// Makes the steps that are left.
    pub(super) fn finish(mut self) -> Result<Fit> {
        let mut progress = Progress::new(&self.task(), "steps", self.making.steps as u64);
        if self.state.made > 0 {
            tracing::info!("{}: resumed after step {}", self.task(), self.state.made);
        }
        let (start, before) = (Instant::now(), self.state.seconds);
        let mut saved = Instant::now();
        let mut stop = self.ended();
        while stop.is_none() {
            let losses = self.step();
            self.state.seconds = before + start.elapsed().as_secs_f64();
            let held_out = self.evaluate()?;
            if held_out.is_some() || record(self.state.made, self.making.steps) {
                let State { made, seconds, .. } = self.state;
                let rate = learning_rate(self.settings.fit, made - 1, self.making.steps);
                self.unread.push(Point::unread(made, seconds, rate, held_out), losses);
            }
            stop = self.ended();
            let asked = self.settings.saving.stop.is_set() && stop.is_none();
            let saves = asked || saved.elapsed() >= self.settings.saving.every;
            if saves || stop.is_some() || held_out.is_some() || self.unread.due() {
                self.read()?;
                let last = self.state.curves.0.last();
                progress.at(self.state.made as u64, || last.map_or(String::new(), |p| format!("loss {:.5}", p.total)));
            }
            if saves {
                self.save(asked)?;
                saved = Instant::now();
            }
        }
        let kept = self.state.best.as_ref().map_or_else(|| self.state.average(), |best| best.weights.clone());
        let mut fitted = self.fitted(&kept, stop.unwrap_or(Stop::Steps));
        if let Some(sampler) = &self.making.sampler {
            calibrate(self.settings, sampler, self.making.thinning.as_ref(), &mut fitted)?;
        }
        progress.finish(&fitted.summary(self.settings.fit));
        Ok(fitted)
    }

    fn task(&self) -> String {
        match self.genes.as_slice() {
            [] => "fit images".to_owned(),
            [gene] => format!("fit {}", gene.name),
            genes => format!("fit {} genes jointly", genes.len()),
        }
    }

    fn fitted(&self, weights: &Tensor<1>, stop: Stop) -> Fit {
        let State { made: steps, seconds, .. } = self.state;
        Fit {
            net: unflatten(&self.making.net, weights, false),
            genes: self.genes.clone(),
            curves: self.state.curves.clone(),
            steps,
            stop,
            best: self.state.best.as_ref().map(|best| (best.step, best.error)),
            seconds,
        }
    }

    /// One step of Adam. Reads nothing from the device.
    pub(super) fn step(&mut self) -> Losses {
        #[cfg(feature = "gpu")]
        if let Some(losses) = self.replays.as_mut().and_then(|replays| replays.step(&mut self.state)) {
            return losses;
        }
        self.making.step(&mut self.state)
    }

    /// Looks at the held-out bins where it is time to, and keeps the weights if they are the best so far.
    fn evaluate(&mut self) -> Result<Option<f64>> {
        let made = self.state.made;
        let due = made.is_multiple_of(self.settings.fit.evaluate_every) || made == self.making.steps;
        if !due || self.held_out.is_none() {
            return Ok(None);
        }
        // The look waits for the device anyway.
        self.read()?;
        let Some(held_out) = &self.held_out else { return Ok(None) };
        let error = held_out.error(&unflatten(&self.making.net, &self.state.average(), false));
        if self.state.best.as_ref().is_none_or(|best| error.network < best.error.network) {
            // Of its own: what a replayed step learns lies in the same buffers in every step.
            let weights = self.state.average() * 1.0;
            self.state.best = Some(Best { weights, step: made, error });
        }
        self.snapshot()?;
        Ok(Some(error.network))
    }

    fn snapshot(&self) -> Result<()> {
        let Some(folder) = self.settings.saving.snapshots else { return Ok(()) };
        let now = self.fitted(&self.state.average(), Stop::Steps);
        let path = snapshot(folder, self.state.made);
        ModelMetadata::of(self.settings, &now, serde_json::Value::Null, &[])?.save(&now, &path)
    }

    /// Whether the run is over.
    fn ended(&self) -> Option<Stop> {
        let FitSettings { fit: FitConfig { patience, .. }, max_minutes, .. } = self.settings;
        let made = self.state.made;
        if made >= self.making.steps {
            return Some(Stop::Steps);
        }
        let waited = self.state.best.as_ref().map_or(0, |best| made - best.step);
        if *patience > 0 && waited >= *patience {
            return Some(Stop::Plateau);
        }
        max_minutes.is_some_and(|most| made > 0 && self.state.seconds / 60.0 >= most).then_some(Stop::Minutes)
    }

    /// Saves the state; if a signal `asked` for it, that is the end of this sitting.
    fn save(&self, asked: bool) -> Result<()> {
        let path = self.settings.saving.path;
        path.map_or(Ok(()), |path| self.state.save(path, &self.identity))?;
        if !asked {
            return Ok(());
        }
        let kept = path.map_or("nothing is kept".to_owned(), |path| {
            format!("saved in {}. Run the same command again to resume", path.display())
        });
        Err(Error::Stopped(format!(
            "stopped by a signal after step {} of {}, {kept}",
            self.state.made, self.making.steps
        )))
    }

    /// Reads the losses that are still on the device; [`Error::Data`] once they are no longer finite.
    fn read(&mut self) -> Result<()> {
        for point in self.unread.read() {
            if !point.total.is_finite() {
                return Err(Error::Data(format!(
                    "gene {}: the loss became {} at step {}. Try a lower fit.learning_rate, or fit.clip: 1",
                    self.settings.genes.join(", "),
                    point.total,
                    point.step
                )));
            }
            self.state.curves.0.push(point);
        }
        Ok(())
    }

    /// Places that examples of the section are cut from, for all genes.
    pub(super) fn places(&self) -> usize {
        self.making.sampler.as_ref().map_or(0, Sampler::places)
    }

    /// Number of parameters.
    pub(super) fn parameters(&self) -> usize {
        self.making.net.num_params()
    }
}

/// Which of the genes of the first weights each of `genes` is; natural images alone are one gene that is not known.
fn known(init: Option<&Init>, genes: &[FittedGene]) -> Vec<Option<usize>> {
    let position = |gene: &FittedGene| init.and_then(|init| init.genes.iter().position(|name| *name == gene.name));
    if genes.is_empty() { vec![None] } else { genes.iter().map(position).collect() }
}

fn sampler(
    dataset: &Dataset,
    config: &FitConfig,
    image: MeasuredImage,
    thinning: Option<Thinning>,
    device: &Device,
) -> Result<Sampler> {
    let scale = dataset.lattice().scale;
    if config.crop == Crop::Whole {
        return Ok(match thinning {
            None => Sampler::whole(image, scale, device),
            Some(thinning) => Sampler::scattered(image, None, thinning, device),
        });
    }
    let patches = dataset.patches()?;
    let side = dataset.manifest().patch;
    if patches.is_empty() {
        return Err(Error::Data(format!(
            "{}: no patch of {side} × {side} bins has more than half of its bins in tissue. Run s2s-prep again with a smaller prep.patch, or set fit.crop to whole",
            dataset.folder().display()
        )));
    }
    Ok(match thinning {
        None => Sampler::patches(image, &patches, side, scale, device),
        Some(thinning) => Sampler::scattered(image, Some((&patches, side)), thinning, device),
    })
}

/// Whether the losses after `made` steps are kept: all of a short run, evenly spaced ones of a long run, the last one always.
fn record(made: usize, steps: usize) -> bool {
    made.is_multiple_of(steps.div_ceil(RECORDED)) || made == steps
}
