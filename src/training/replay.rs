//! Steps that are all alike, recorded once and replayed: the host then writes where examples lie and how far to go into two small
//! buffers, and launches the whole step as one graph.
//!
//! A step is recorded where every step cuts patches of one size from what lies on the device, in one pass through our kernels, and every
//! loss joins in it. What is recorded is the step as it is made otherwise, so that both give the same bits.
#![allow(unsafe_code, reason = "a graph is replayed on buffers that nobody checks")]

use super::adam::{IDLE, rates};
use super::draws::{Draws, draws};
use super::fused::FusedLosses;
use super::losses::{Batch, Losses};
use super::run::Run;
use super::sampler::Sampler;
use super::schedule::learning_rate;
use super::settings::FitSettings;
use super::state::{Learned, decay};
use crate::kernels::ops::{self, Copies, RATES, Written};
use crate::network::{Cdcin, trainable};
use burn::tensor::{Graph, Int, Tensor, capture};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering;

/// Steps of a sitting before one is recorded: they compile and tune the kernels, and short runs do without.
const BEFORE: usize = 8;

/// Whether steps are replayed.
pub(super) enum Replays<'a> {
    /// After so many more steps.
    After(usize),
    /// They are.
    Now(Box<Replay<'a>>),
    /// They are not.
    Never,
}

impl Replays<'_> {
    /// At the start of a sitting whose steps are all alike, if they are.
    pub(super) fn new(alike: bool) -> Self {
        if alike { Replays::After(BEFORE) } else { Replays::Never }
    }
}

/// A recorded step.
pub(super) struct Replay<'a> {
    graph: Graph<FusedLosses, Box<dyn FnMut() -> FusedLosses + 'a>>,
    inputs: Rc<RefCell<Inputs>>,
}

/// What a step is told, on the device.
struct Inputs {
    /// [`RATES`] of Adam, then how natural images are turned.
    reals: Tensor<1>,
    /// Where examples of the section are cut, then where natural images are.
    whole: Tensor<1, Int>,
}

/// Whether a run's steps are all alike, and the recipe lets them be replayed.
pub(super) fn alike(settings: &FitSettings, net: &Cdcin, sampler: Option<&Sampler>, weights: &Tensor<1>) -> bool {
    let config = settings.fit;
    let images = config.images && settings.images.is_some();
    let one_pass = config.batch.max(config.image_batch) <= config.most_at_once().unwrap_or(usize::MAX);
    let every_loss = (!images || config.image_every == 1) && (sampler.is_none() || config.dense_every == 1);
    let all_guides = config.guide_dropout == 0.0 || config.stains == 0;
    let weights = weights.clone().cast(config.precision.dtype());
    // Embeddings are looked up by tables that the host makes.
    config.replay
        && one_pass
        && every_loss
        && all_guides
        && net.known_genes() == 0
        && net.is_one_operation(&weights)
        && sampler.is_none_or(Sampler::repeats)
}

/// How often the vectors are copied while a step is recorded: once each, before what follows changes them in their place.
const COPIED: usize = 4;

impl<'a> Run<'a> {
    /// Makes a step by replaying the recorded one; `None` where there is none.
    pub(super) fn replayed(&mut self) -> Option<Losses> {
        if let Replays::After(steps) = &mut self.replays {
            if *steps > 0 {
                *steps -= 1;
                return None;
            }
            self.replays = self.recorded().map_or(Replays::Never, |replay| Replays::Now(Box::new(replay)));
        }
        let written = self.written();
        let Replays::Now(replay) = &mut self.replays else { return None };
        self.state.made += 1;
        Some(replay.step(written))
    }

    /// What the next step is told.
    fn written(&self) -> Written {
        let (config, step) = (self.settings.fit, self.state.made);
        // As Run::batch draws it.
        let mut rng = draws(self.settings.seed, Draws::Step(step));
        let rate = learning_rate(config, step, self.steps);
        let mut reals = rates(config, rate, step + 1, decay(config, step)).to_vec();
        let mut whole = Vec::new();
        if let Some(sampler) = &self.sampler {
            whole = sampler.numbers(config.batch, &mut rng);
        }
        if let Some(bank) = self.settings.images.filter(|_| config.images) {
            let (turns, places) = bank.draw(config.image_batch, &mut rng);
            reals.extend(turns);
            whole.extend(places);
        }
        Written { reals, whole }
    }

    /// Records a step. What it learns lies in buffers of its own from then on, which the state shows.
    fn recorded(&mut self) -> Option<Replay<'a>> {
        let device = self.state.learned.weights.device();
        // What is run while a step is recorded leaves everything as it is.
        let Written { mut reals, whole } = self.written();
        reals[..RATES].copy_from_slice(&IDLE);
        let (reals, whole) = (Tensor::from_floats(&reals[..], &device), Tensor::from_ints(&whole[..], &device));
        let inputs = Rc::new(RefCell::new(Inputs { reals, whole }));
        let (learned, copies) = (Rc::new(RefCell::new(self.state.learned.clone())), Copies::default());
        let step = self.recordable(inputs.clone(), learned.clone(), copies.clone());
        let graph = capture(&device, step);
        // What copies a vector would read the old one in every replay.
        if !graph.is_hardware() || copies.load(Ordering::Relaxed) != COPIED {
            tracing::warn!("steps are not replayed: the GPU's driver does not record one; they are made one by one");
            return None;
        }
        self.state.learned = learned.borrow().clone();
        Some(Replay { graph, inputs })
    }

    /// A step as [`Run::step`] makes it, from what is in these buffers.
    fn recordable(
        &self,
        inputs: Rc<RefCell<Inputs>>,
        learned: Rc<RefCell<Learned>>,
        copies: Copies,
    ) -> Box<dyn FnMut() -> FusedLosses + 'a> {
        let (config, objective, sampler) = (self.settings.fit, self.objective.clone(), self.sampler.clone());
        let bank = self.settings.images.filter(|_| config.images);
        let (net, tf32) = (self.net.clone(), self.tf32);
        Box::new(move || {
            let Inputs { reals, whole } = &*inputs.borrow();
            let part = |from: usize, count: usize| whole.clone().narrow(0, from, count);
            let places = if sampler.is_some() { 4 * config.batch } else { 0 };
            let turns = || reals.clone().narrow(0, RATES, 7 * config.image_batch);
            let batch = Batch {
                section: sampler.as_ref().map(|sampler| sampler.examples(part(0, places))),
                genes: if sampler.is_some() { vec![0; config.batch] } else { Vec::new() },
                images: bank.map(|bank| bank.sample(turns(), part(places, 2 * config.image_batch))),
                dense: true,
            };
            let mut learned = learned.borrow_mut();
            let net = trainable(&net, &learned.weights).with_tf32(tf32);
            let found = objective.fused_gradient(&net, &batch);
            let (losses, gradient) = found.unwrap_or_else(|| unreachable!("only such steps are recorded"));
            drop(net);
            learned.advance(config, gradient, reals.clone().narrow(0, 0, RATES), &copies);
            losses
        })
    }
}

impl Replay<'_> {
    /// The step that is told this.
    fn step(&mut self, written: Written) -> Losses {
        let mut inputs = self.inputs.borrow_mut();
        let (reals, whole) = ops::write(inputs.reals.clone(), inputs.whole.clone(), written);
        *inputs = Inputs { reals, whole };
        // SAFETY: the graph holds the memory of all that it was recorded with, and its inputs and what it learns are held here and by the
        // state as well; both are written and read by this thread alone, in the order in which it asks for it.
        let FusedLosses { all, join } = unsafe { self.graph.replay() };
        // The next step writes over them.
        FusedLosses { all: all.clone() * 1.0, join: *join }.each()
    }
}
