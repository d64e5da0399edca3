//! A step that is told by two small buffers what it differs in from others of its kind: where examples lie, and how far to go.
//!
//! It is the step as it is made otherwise, so that both give the same bits.

use super::adam::rates;
use super::draws::{Draws, draws};
use super::dropout;
use super::fused::{FusedLosses, genes_of_images};
use super::losses::Batch;
use super::sampler::{Sampler, Told};
use super::schedule::{Joins, learning_rate};
use super::state::{Learned, decay};
use super::step::Making;
use super::thinning::{Thinning, masked};
use crate::kernels::ops::{self, RATES, Written};
use burn::tensor::{Int, Tensor};
use std::cell::RefCell;
use std::rc::Rc;

/// What steps have in common that differ in numbers alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// The shape of the section's examples.
    shape: (usize, usize),
    joins: Joins,
}

/// What a step is told, on the device.
pub(super) struct Inputs {
    /// [`RATES`] of Adam; then how natural images are turned; which channels examples see, where some drop guides; without a lattice, the
    /// masks of the section's examples and of natural images.
    pub(super) reals: Tensor<1>,
    /// Where examples of the section are cut; then where natural images are, and of a network that knows genes those of all images
    /// ([`genes_of_images`]).
    pub(super) whole: Tensor<1, Int>,
}

/// Takes a buffer apart from its beginning.
struct Parts<'a> {
    inputs: &'a Inputs,
    reals: usize,
    whole: usize,
}

impl Parts<'_> {
    fn reals(&mut self, count: usize) -> Tensor<1> {
        self.reals += count;
        self.inputs.reals.clone().narrow(0, self.reals - count, count)
    }

    /// All whole numbers that are left.
    fn rest(&mut self) -> Tensor<1, Int> {
        self.whole(self.inputs.whole.dims()[0] - self.whole)
    }

    fn whole(&mut self, count: usize) -> Tensor<1, Int> {
        self.whole += count;
        self.inputs.whole.clone().narrow(0, self.whole - count, count)
    }
}

impl<'a> Making<'a> {
    /// Whether two buffers tell a step with such weights: one pass through our kernels, of what lies on the device.
    pub(super) fn repeats(&self, weights: &Tensor<1>) -> bool {
        let config = self.settings.fit;
        let one_pass = config.batch.max(config.image_batch) <= config.most_at_once().unwrap_or(usize::MAX);
        let ours = self.net.is_one_operation(&self.computing.weights(weights));
        ours && one_pass && self.sampler.as_ref().is_none_or(Sampler::repeats)
    }

    /// Whether one recording serves all steps.
    pub(super) fn is_of_one_kind(&self) -> bool {
        let (config, sampler) = (self.settings.fit, self.sampler.as_ref());
        let images = !config.images || sampler.is_none() || config.image_every == 1;
        images && config.dense_every == 1 && sampler.is_none_or(Sampler::has_one_shape)
    }

    /// How many numbers say which channels examples of a section see; 0 where none drops any.
    fn channels(&self) -> usize {
        let drops = self.settings.fit.guide_dropout > 0.0 && self.objective.input.stains > 0;
        self.sampler.as_ref().filter(|_| drops).map_or(0, |sampler| self.settings.fit.batch * sampler.channels())
    }

    /// What the step behind `made` is told.
    pub(super) fn told(&self, made: usize) -> (Kind, Written) {
        let config = self.settings.fit;
        // In the order in which a step that is made by itself draws them.
        let mut rng = draws(self.settings.seed, Draws::Step(made));
        let rate = learning_rate(config, made, self.steps);
        let mut reals = rates(config, rate, made + 1, decay(config, made)).to_vec();
        let of_section = self.sampler.as_ref().map(|sampler| sampler.told(config.batch, &mut rng));
        let Told { shape, genes, numbers: mut whole, masks } = of_section.unwrap_or_default();
        let kept = self.sampler.as_ref().and_then(|sampler| {
            dropout::kept(config.batch, sampler.channels(), &self.objective.input, config.guide_dropout, &mut rng)
        });
        let joins = Joins::of(config, made, self.sampler.is_some());
        let (mut of_images, mut natural) = (Vec::new(), 0);
        if let Some(bank) = self.settings.images.filter(|_| joins.images) {
            natural = config.image_batch;
            let (turns, places) = bank.draw(natural, &mut rng);
            reals.extend(turns);
            whole.extend(places);
            let masks = |thinning: &Thinning| thinning.masks(natural, (bank.side(), bank.side()), &mut rng);
            of_images = self.thinning.as_ref().map(masks).unwrap_or_default();
        }
        let known = self.net.known_genes();
        if known > 0 {
            let genes = genes_of_images(&genes, joins.dense, natural);
            whole.extend(ops::gene_numbers(&genes, known).map(|gene| gene as i32));
        }
        reals.extend(kept.unwrap_or_default());
        reals.extend(masks);
        reals.extend(of_images);
        (Kind { shape, joins }, Written { reals, whole })
    }

    /// A step of this kind from what is in these buffers.
    pub(super) fn of_kind(
        self: &Rc<Self>,
        kind: Kind,
        inputs: Rc<RefCell<Inputs>>,
        learned: Rc<RefCell<Learned>>,
    ) -> Box<dyn FnMut() -> FusedLosses + 'a> {
        let making = self.clone();
        Box::new(move || {
            let inputs = &*inputs.borrow();
            let mut parts = Parts { inputs, reals: 0, whole: 0 };
            let rates = parts.reals(RATES);
            let (batch, genes) = making.batch_told(kind, parts);
            let mut learned = learned.borrow_mut();
            let net = making.computing.trainable(&making.net, &learned.weights);
            let found = making.objective.fused_gradient(&net, &batch, genes);
            let (losses, gradient) = found.unwrap_or_else(|| unreachable!("only such steps are recorded"));
            // Nobody else holds the weights then.
            drop(net);
            learned.advance(making.settings.fit, gradient, rates);
            losses
        })
    }

    /// The batch that the rest of these buffers tells, and what stands in place of its genes.
    fn batch_told(&self, Kind { shape, joins }: Kind, mut parts: Parts) -> (Batch, Option<Tensor<1, Int>>) {
        let (config, scattered, channels) = (self.settings.fit, self.thinning.is_some(), self.channels());
        let examples = if self.sampler.is_some() { config.batch } else { 0 };
        let places = parts.whole(4 * examples);
        let bank = self.settings.images.filter(|_| joins.images);
        let images =
            bank.map(|bank| bank.sample(parts.reals(7 * config.image_batch), parts.whole(2 * config.image_batch)));
        let seen = (channels > 0).then(|| parts.reals(channels));
        let section = self.sampler.as_ref().map(|sampler| {
            let masks = scattered.then(|| parts.reals(examples * shape.0 * shape.1));
            let examples = sampler.examples(shape, places, masks);
            seen.map_or(examples.clone(), |seen| dropout::with(examples, seen))
        });
        let images = images.map(|images| {
            let pixels = images.dims().iter().product::<usize>();
            if scattered { masked(images, parts.reals(2 * pixels)) } else { images }
        });
        let genes = (self.net.known_genes() > 0).then(|| parts.rest());
        (Batch { section, genes: vec![0; examples], images, dense: joins.dense }, genes)
    }
}
