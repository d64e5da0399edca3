//! A step of a run: its examples, drawn from a stream of its own, and the gradient by which it moves the weights.

use super::computing::Computing;
use super::draws::{Draws, draws};
use super::dropout::without_guides;
use super::losses::{Batch, Losses, Objective};
use super::sampler::Sampler;
use super::schedule::{Joins, learning_rate};
use super::settings::FitSettings;
use super::state::State;
use super::thinning::Thinning;
use crate::network::Cdcin;
use burn::tensor::Tensor;

/// How the steps of a run are made.
pub(super) struct Making<'a> {
    pub(super) settings: &'a FitSettings<'a>,
    /// Steps of the run.
    pub(super) steps: usize,
    pub(super) sampler: Option<Sampler>,
    pub(super) thinning: Option<Thinning>,
    pub(super) objective: Objective,
    /// The network's layers; its weights are those of the state.
    pub(super) net: Cdcin,
    /// What single operations compute the network in, and what the kernels of a GPU round.
    pub(super) computing: Computing,
}

impl Making<'_> {
    /// The next step of Adam. Reads nothing from the device.
    pub(super) fn step(&self, state: &mut State) -> Losses {
        let (config, step) = (self.settings.fit, state.made);
        let net = self.computing.trainable(&self.net, &state.learned.borrow().weights);
        let batch = self.batch(step);
        let (losses, gradient) = self.objective.gradient(&net, &batch, config.most_at_once().unwrap_or(usize::MAX));
        // Nobody else holds the weights then: a GPU changes them in their place.
        drop(net);
        state.advance(config, gradient, learning_rate(config, step, self.steps));
        losses
    }

    fn batch(&self, step: usize) -> Batch {
        let config = self.settings.fit;
        let mut rng = draws(self.settings.seed, Draws::Step(step));
        let examples = self.sampler.as_ref().map(|sampler| sampler.batch(config.batch, &mut rng));
        let (section, genes) = examples.map_or((None, Vec::new()), |(section, genes)| {
            let section = without_guides(section, &self.objective.input, config.guide_dropout, &mut rng);
            (Some(Tensor::from_inner(section)), genes)
        });
        let joins = Joins::of(config, step, section.is_some());
        let images = self.settings.images.filter(|_| joins.images).map(|bank| {
            let images = Tensor::from_inner(bank.batch(config.image_batch, &mut rng));
            match &self.thinning {
                Some(thinning) => thinning.with_masks(images, &mut rng),
                None => images,
            }
        });
        Batch { section, genes, images, dense: joins.dense }
    }
}
