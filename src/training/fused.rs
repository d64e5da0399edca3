//! The losses of a step in a handful of kernels, and their gradient, where the network's cascade is one operation.

use super::config::Distance;
use super::losses::{Batch, HUBER_EDGE, Losses, Objective};
use crate::kernels::ops::{self, Scattered, StepInput, TERMS, TOTAL, Terms, View};
use crate::network::{Cdcin, InputConfig};
use crate::section::REACH;
use burn::tensor::{Int, Tensor};

/// A batch as the kernels take it.
struct Fused {
    /// Of the section, and of natural images.
    stacks: [Tensor<4>; 2],
    step_input: StepInput,
    /// Of each image the gene.
    genes: Vec<Option<usize>>,
    terms: Terms,
    /// Which of the losses join.
    join: [bool; TERMS],
}

impl Objective {
    /// [`Objective::terms`] where the kernels know how: on a GPU.
    pub(super) fn fused_terms(&self, net: &Cdcin, batch: &Batch) -> Option<[Option<Tensor<1>>; TERMS]> {
        let Fused { stacks, step_input, genes, terms, join } = self.fused(net, batch)?;
        let (outputs, targets) = net.forward_step(stacks, step_input, genes);
        let losses = ops::losses(outputs, targets, terms);
        Some(std::array::from_fn(|term| join[term].then(|| losses.clone().narrow(0, term, 1))))
    }

    /// [`Objective::gradient`] in one pass where the kernels know how, backwards as well: no autodiff takes part. What is `told` of the
    /// genes on the device, the [`ops::gene_numbers`] of [`genes_of_images`], stands in place of the batch's.
    pub(super) fn fused_gradient(
        &self,
        net: &Cdcin,
        batch: &Batch,
        told: Option<Tensor<1, Int>>,
    ) -> Option<(FusedLosses, Tensor<1>)> {
        let Fused { stacks, step_input, genes, terms, join } = self.fused(net, batch).filter(|_| net.is_flat())?;
        let (outputs, targets, taped) = net.taped_step(stacks, step_input, genes, told);
        let losses = ops::losses(outputs.clone(), targets.clone(), terms);
        let gradient = taped.gradient(ops::total_gradient(outputs, targets, losses.clone(), terms));
        Some((FusedLosses { all: losses, join }, gradient))
    }

    fn fused(&self, net: &Cdcin, batch: &Batch) -> Option<Fused> {
        let Batch { section, genes, images, dense } = batch;
        let any = section.as_ref().or(images.as_ref())?;
        let columns = net.input_columns(any, &self.input)?;
        let (stacks, tasks) = self.stacks(section.as_ref(), images.as_ref(), *dense);
        let views: Vec<View> = tasks.iter().flat_map(Task::views).collect();
        let step_input = StepInput {
            views,
            columns,
            scale: self.input.factor(),
            window: net.config().window,
            stacks: stacks.each_ref().map(Tensor::dims).map(|[_, channels, rows, cols]| [channels, rows, cols]),
        };
        let sizes = step_input.sizes();
        let ends = std::array::from_fn(|term| {
            let joined = tasks[..=term].iter().map(|task| task.count).sum();
            sizes[..joined].iter().map(|(height, width)| height * width).sum()
        });
        let genes = genes_of_images(genes, *dense, tasks[2].count);
        let (edge, straight) = self.distance.edge();
        let weights = tasks.each_ref().map(|task| if task.natural { 1.0 } else { self.lambda as f32 });
        let terms = Terms { ends, edge, straight, weights };
        Some(Fused { stacks, step_input, genes, terms, join: tasks.map(|task| task.count > 0) })
    }

    /// The stacks that kernels read, and what each loss is taken of.
    fn stacks(
        &self,
        section: Option<&Tensor<4>>,
        images: Option<&Tensor<4>>,
        dense: bool,
    ) -> ([Tensor<4>; 2], [Task; TERMS]) {
        let (scale, scattered) = (self.input.factor(), self.input.scattered);
        let count = |stack: Option<&Tensor<4>>| stack.map_or(0, |stack| stack.dims()[0]);
        let (examples, natural) = (count(section), count(images));
        let seen = if dense { examples } else { 0 };
        let task = |natural: bool, apart: usize, count: usize, first: usize| Task { natural, apart, count, first };
        // Without a lattice, examples lie in the filled stack one step sparser first, and then as they are.
        let behind = |examples: usize| if scattered { examples } else { 0 };
        let tasks = [
            task(false, scale, examples, 0),
            task(false, 1, seen, behind(examples)),
            task(true, scale * scale, natural, 0),
            task(true, scale, natural, behind(natural)),
        ];
        let filled = |stack: &Tensor<4>, natural: bool| {
            let InputConfig { components, stains, .. } = self.input;
            let views = if natural || dense { 2 } else { 1 };
            ops::filled(stack.clone(), Scattered { natural, components, stains, reach: REACH, views })
        };
        let [section, images] = [(section, false), (images, true)]
            .map(|(stack, natural)| stack.map(|stack| if scattered { filled(stack, natural) } else { stack.clone() }));
        // One in place of the other where that is missing.
        let stacks = match (section, images) {
            (Some(section), Some(images)) => [section, images],
            (Some(stack), None) | (None, Some(stack)) => [stack.clone(), stack],
            (None, None) => unreachable!("a batch has examples"),
        };
        (stacks, tasks)
    }
}

/// The genes of a step's images in their order: of the examples, once more if the sparse → dense loss joins, and of the natural images of
/// both their losses. To the network an image is a gene that it does not know.
pub(super) fn genes_of_images(genes: &[usize], dense: bool, natural: usize) -> Vec<Option<usize>> {
    let examples = genes.repeat(if dense { 2 } else { 1 });
    examples.into_iter().map(Some).chain(std::iter::repeat_n(None, 2 * natural)).collect()
}

/// What a loss is taken of.
struct Task {
    /// Of natural images.
    natural: bool,
    /// Pixels of their stack from one measured pixel to the next.
    apart: usize,
    /// How many images, and the first of them in the stack.
    count: usize,
    first: usize,
}

impl Task {
    fn views(&self) -> impl Iterator<Item = View> {
        let Task { natural, apart, count, first } = *self;
        (first..first + count).map(move |example| View { natural, example, apart })
    }
}

/// All losses in one vector, as [`ops::losses`] gives them.
#[derive(Clone)]
pub(super) struct FusedLosses {
    pub(super) all: Tensor<1>,
    /// Which of them join.
    pub(super) join: [bool; TERMS],
}

impl FusedLosses {
    /// Each by itself, and their sum.
    pub(super) fn each(&self) -> Losses {
        let one = |place: usize| self.all.clone().narrow(0, place, 1);
        let [st_m, st_h, gni_m, gni_h] = std::array::from_fn(|term| self.join[term].then(|| one(term)));
        Losses { st_m, st_h, gni_m, gni_h, total: one(TOTAL) }
    }
}

impl Distance {
    /// Up to which size of an error the distance is its square, and its slope beyond.
    fn edge(self) -> (f32, f32) {
        match self {
            Distance::L1 => (0.0, 1.0),
            Distance::L2 => (f32::MAX, 0.0),
            Distance::Huber => (HUBER_EDGE as f32, 2.0 * HUBER_EDGE as f32),
        }
    }
}
