//! Steps that are all alike, recorded once and replayed: the host then writes where examples lie and how far to go into two small
//! buffers, and launches the whole step as one graph.
//!
//! A step is recorded where every step cuts patches of one size from what lies on the device, in one pass through our kernels, and every
//! loss joins in it. Where measured bins lie on no lattice, the host also writes which of them each example keeps. What is recorded is the step as it is made otherwise, so that both give the same bits.
#![allow(unsafe_code, reason = "a graph is replayed on buffers that nobody checks")]

use super::adam::{IDLE, rates};
use super::computing::Computing;
use super::draws::{Draws, draws};
use super::fused::FusedLosses;
use super::losses::{Batch, Losses, Objective};
use super::sampler::Sampler;
use super::schedule::learning_rate;
use super::settings::FitSettings;
use super::state::{Learned, State, decay};
use super::thinning::{Thinning, masked};
use crate::images::Bank;
use crate::kernels::ops::{self, Copies, RATES, Written};
use crate::network::Cdcin;
use burn::tensor::{Graph, Int, Tensor, capture};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering;

/// Steps of a sitting before one is recorded: they compile and tune the kernels, and short runs do without.
const BEFORE: usize = 8;

/// How a step is made that is like all others.
pub(super) struct Alike<'a> {
    pub(super) settings: &'a FitSettings<'a>,
    /// Steps of the run.
    pub(super) steps: usize,
    pub(super) sampler: Option<Rc<Sampler>>,
    pub(super) thinning: Option<Thinning>,
    pub(super) objective: Objective,
    /// The network's layers, and what its kernels round.
    pub(super) net: Cdcin,
    pub(super) computing: Computing,
}

/// The steps of a sitting that are all alike.
pub(super) struct Replays<'a> {
    alike: Alike<'a>,
    state: Recording<'a>,
}

enum Recording<'a> {
    /// Begins after so many more steps.
    After(usize),
    Made(Box<Replay<'a>>),
    Failed,
}

/// A recorded step.
struct Replay<'a> {
    graph: Graph<FusedLosses, Box<dyn FnMut() -> FusedLosses + 'a>>,
    inputs: Rc<RefCell<Inputs>>,
}

/// What a step is told, on the device.
struct Inputs {
    /// [`RATES`] of Adam, then how natural images are turned; without a lattice, then the masks of the section's examples and of these images.
    reals: Tensor<1>,
    /// Where examples of the section are cut, then where natural images are.
    whole: Tensor<1, Int>,
}

/// How often the vectors are copied while a step is recorded: once each, before what follows changes them in their place.
const COPIED: usize = 4;

impl<'a> Replays<'a> {
    /// The steps of a run with such weights, if they are all alike and the recipe lets them be replayed.
    pub(super) fn of(alike: Alike<'a>, weights: &Tensor<1>) -> Option<Self> {
        (alike.settings.fit.replay && alike.holds(weights)).then(|| Replays { alike, state: Recording::After(BEFORE) })
    }

    /// Makes the next step by replaying the recorded one; `None` where there is none.
    pub(super) fn step(&mut self, state: &mut State) -> Option<Losses> {
        if let Recording::After(steps) = &mut self.state {
            if *steps > 0 {
                *steps -= 1;
                return None;
            }
            let made = self.alike.recorded(state);
            self.state = made.map_or(Recording::Failed, |replay| Recording::Made(Box::new(replay)));
        }
        let Recording::Made(replay) = &mut self.state else { return None };
        let losses = replay.step(self.alike.written(state.made));
        state.made += 1;
        Some(losses)
    }
}

impl<'a> Alike<'a> {
    /// Whether the steps are.
    fn holds(&self, weights: &Tensor<1>) -> bool {
        let (config, sampler) = (self.settings.fit, self.sampler.as_deref());
        let one_pass = config.batch.max(config.image_batch) <= config.most_at_once().unwrap_or(usize::MAX);
        let every_loss =
            (self.bank().is_none() || config.image_every == 1) && (sampler.is_none() || config.dense_every == 1);
        let all_guides = config.guide_dropout == 0.0 || config.stains == 0;
        // Embeddings are looked up by tables that the host makes.
        let ours = self.net.known_genes() == 0 && self.net.is_one_operation(&self.computing.weights(weights));
        ours && one_pass && every_loss && all_guides && sampler.is_none_or(Sampler::repeats)
    }

    fn bank(&self) -> Option<&'a Bank> {
        self.settings.images.filter(|_| self.settings.fit.images)
    }

    /// What the step behind `made` is told.
    fn written(&self, made: usize) -> Written {
        let config = self.settings.fit;
        // In the order in which a step that is made by itself draws them.
        let mut rng = draws(self.settings.seed, Draws::Step(made));
        let rate = learning_rate(config, made, self.steps);
        let mut reals = rates(config, rate, made + 1, decay(config, made)).to_vec();
        let of_section = self.sampler.as_ref().map(|sampler| sampler.numbers(config.batch, &mut rng));
        let (mut whole, masks) = of_section.unwrap_or_default();
        let mut of_images = Vec::new();
        if let Some(bank) = self.bank() {
            let (turns, places) = bank.draw(config.image_batch, &mut rng);
            reals.extend(turns);
            whole.extend(places);
            let masks = |thinning: &Thinning| thinning.masks(config.image_batch, (bank.side(), bank.side()), &mut rng);
            of_images = self.thinning.as_ref().map(masks).unwrap_or_default();
        }
        reals.extend(masks);
        reals.extend(of_images);
        Written { reals, whole }
    }

    /// Records a step. What it learns lies in buffers of its own from then on, which the state shows.
    fn recorded(&self, state: &mut State) -> Option<Replay<'a>> {
        let device = state.learned.weights.device();
        // What is run while a step is recorded leaves everything as it is.
        let Written { mut reals, whole } = self.written(state.made);
        reals[..RATES].copy_from_slice(&IDLE);
        let (reals, whole) = (Tensor::from_floats(&reals[..], &device), Tensor::from_ints(&whole[..], &device));
        let inputs = Rc::new(RefCell::new(Inputs { reals, whole }));
        let (learned, copies) = (Rc::new(RefCell::new(state.learned.clone())), Copies::default());
        let graph = capture(&device, self.recordable(inputs.clone(), learned.clone(), copies.clone()));
        // What copies a vector would read the old one in every replay.
        if !graph.is_hardware() || copies.load(Ordering::Relaxed) != COPIED {
            tracing::warn!("steps are made one by one: this GPU does not record one to replay it");
            return None;
        }
        state.learned = learned.borrow().clone();
        Some(Replay { graph, inputs })
    }

    /// A step from what is in these buffers.
    fn recordable(
        &self,
        inputs: Rc<RefCell<Inputs>>,
        learned: Rc<RefCell<Learned>>,
        copies: Copies,
    ) -> Box<dyn FnMut() -> FusedLosses + 'a> {
        let (config, bank, computing) = (self.settings.fit, self.bank(), self.computing);
        let (objective, sampler, net) = (self.objective.clone(), self.sampler.clone(), self.net.clone());
        let (scattered, natural) = (self.thinning.is_some(), if bank.is_some() { config.image_batch } else { 0 });
        Box::new(move || {
            let Inputs { reals, whole } = &*inputs.borrow();
            let part = |from: usize, count: usize| whole.clone().narrow(0, from, count);
            let real = |from: usize, count: usize| reals.clone().narrow(0, from, count);
            let examples = if sampler.is_some() { config.batch } else { 0 };
            let masks = RATES + 7 * natural;
            let of_section = sampler.as_ref().map_or(0, |sampler| sampler.mask_len()) * examples;
            let images = bank.map(|bank| {
                let images = bank.sample(real(RATES, 7 * natural), part(4 * examples, 2 * natural));
                let kept = || real(masks + of_section, 2 * natural * bank.side().pow(2));
                if scattered { masked(images, kept()) } else { images }
            });
            let section = sampler
                .as_ref()
                .map(|sampler| sampler.examples(part(0, 4 * examples), scattered.then(|| real(masks, of_section))));
            let batch = Batch { section, genes: vec![0; examples], images, dense: true };
            let mut learned = learned.borrow_mut();
            let net = computing.trainable(&net, &learned.weights);
            let found = objective.fused_gradient(&net, &batch);
            let (losses, gradient) = found.unwrap_or_else(|| unreachable!("only such steps are recorded"));
            // Nobody else holds the weights then.
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
