//! The losses of a step in a handful of kernels, and their gradient, where the network's cascade is one operation.

use super::config::Distance;
use super::losses::{Batch, HUBER_EDGE, Losses, Objective};
use crate::kernels::ops::{self, StepInput, TERMS, TOTAL, Terms, View};
use crate::network::Cdcin;
use burn::tensor::Tensor;

/// A batch as the kernels take it.
struct Fused {
    /// Of the section, and of natural images; one in place of the other where that is missing.
    stacks: [Tensor<4>; 2],
    step_input: StepInput,
    /// Of each image the gene.
    genes: Vec<Option<usize>>,
    terms: Terms,
    /// Which of the losses join.
    join: [bool; TERMS],
}

impl Objective {
    /// [`Objective::terms`] where the kernels know how: on a GPU, with measured bins on a lattice.
    pub(super) fn fused_terms(&self, net: &Cdcin, batch: &Batch) -> Option<[Option<Tensor<1>>; TERMS]> {
        let Fused { stacks, step_input, genes, terms, join } = self.fused(net, batch)?;
        let (outputs, targets) = net.forward_step(stacks, step_input, genes);
        let losses = ops::losses(outputs, targets, terms);
        Some(std::array::from_fn(|term| join[term].then(|| losses.clone().narrow(0, term, 1))))
    }

    /// [`Objective::gradient`] in one pass where the kernels know how, backwards as well: no autodiff takes part.
    pub(super) fn fused_gradient(&self, net: &Cdcin, batch: &Batch) -> Option<(FusedLosses, Tensor<1>)> {
        let Fused { stacks, step_input, genes, terms, join } = self.fused(net, batch).filter(|_| net.is_flat())?;
        let (outputs, targets, taped) = net.taped_step(stacks, step_input, genes);
        let losses = ops::losses(outputs.clone(), targets.clone(), terms);
        let gradient = taped.gradient(ops::total_gradient(outputs, targets, losses.clone(), terms));
        Some((FusedLosses { all: losses, join }, gradient))
    }

    fn fused(&self, net: &Cdcin, batch: &Batch) -> Option<Fused> {
        let Batch { section, genes, images, dense } = batch;
        let any = section.as_ref().or(images.as_ref())?;
        let columns = net.input_columns(any, &self.input)?;
        let scale = self.input.scale;
        // Of each loss: whether it is of natural images, how many pixels of their stack lie between measured ones, and how many join.
        let count = |stack: &Option<Tensor<4>>| stack.as_ref().map_or(0, |stack| stack.dims()[0]);
        let (examples, natural) = (count(section), count(images));
        let tasks = [
            (false, scale, examples),
            (false, 1, if *dense { examples } else { 0 }),
            (true, scale * scale, natural),
            (true, scale, natural),
        ];
        let views = tasks
            .into_iter()
            .flat_map(|(natural, apart, count)| (0..count).map(move |example| View { natural, example, apart }));
        let stacks = [section, images].map(|stack| stack.as_ref().unwrap_or(any));
        let step_input = StepInput {
            views: views.collect(),
            columns,
            scale,
            window: net.config().window,
            stacks: stacks.map(|stack| stack.dims()).map(|[_, channels, rows, cols]| [channels, rows, cols]),
        };
        let sizes = step_input.sizes();
        let ends = std::array::from_fn(|term| {
            let joined = tasks[..=term].iter().map(|(_, _, count)| count).sum();
            sizes[..joined].iter().map(|(height, width)| height * width).sum()
        });
        // To the network an image is a gene that it does not know.
        let of = |view: &View| genes.get(view.example).copied().filter(|_| !view.natural);
        let genes = step_input.views.iter().map(of).collect();
        let (edge, straight) = self.distance.edge();
        let weights = tasks.map(|(natural, ..)| if natural { 1.0 } else { self.lambda as f32 });
        let terms = Terms { ends, edge, straight, weights };
        Some(Fused { stacks: stacks.map(Tensor::clone), step_input, genes, terms, join: tasks.map(|task| task.2 > 0) })
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
