//! What training minimises (method §4): the distance to measured bins and natural images, weighted over the cascade.
//!
//! Pure functions of tensors; nothing here reads a value back from the device.

use super::config::Distance;
use crate::network::{Cdcin, InputConfig, subsample};
use burn::tensor::Tensor;

impl Distance {
    /// Mean distance of `pred` from `target` where `mask` is 1; 0 where it is nowhere 1.
    ///
    /// # Shapes
    ///
    /// - pred, target, mask: `[b, 1, h, w]`
    pub fn masked(self, pred: Tensor<4>, target: Tensor<4>, mask: Tensor<4>) -> Tensor<1> {
        (self.each(pred - target) * mask.clone()).sum() / mask.sum().clamp_min(1.0)
    }

    /// The distance that each of these errors is.
    pub fn each(self, error: Tensor<4>) -> Tensor<4> {
        match self {
            Distance::L1 => error.abs(),
            Distance::L2 => error.square(),
            // (|e| − min(|e|, ½)) + min(|e|, ½)²: e² near 0, |e| − ¼ beyond ½.
            Distance::Huber => {
                let size = error.abs();
                let near = size.clone().clamp_max(HUBER_EDGE);
                (size - near.clone()) * (2.0 * HUBER_EDGE) + near.square()
            }
        }
    }
}

/// Where [`Distance::Huber`] turns from square to straight, in units of the gene's scale.
pub(super) const HUBER_EDGE: f64 = 0.5;

/// Σ k/K · loss_k over the K stages.
pub(super) fn cascade(losses: &[Tensor<1>]) -> Tensor<1> {
    let share = |k: usize| (k + 1) as f64 / losses.len() as f64;
    let weighted = losses.iter().enumerate().map(|(k, loss)| loss.clone() * share(k));
    Tensor::cat(weighted.collect(), 0).sum()
}

/// The losses of one step and their weighted sum, each `[1]`; `None` where one does not join in it.
#[derive(Clone, Debug)]
pub struct Losses {
    /// L_m^st, sparser → sparse on the section.
    pub st_m: Option<Tensor<1>>,
    /// L_h^st, sparse → dense on the section, seen only where measured.
    pub st_h: Option<Tensor<1>>,
    /// L_m^gni, the same step as `st_m` on natural images.
    pub gni_m: Option<Tensor<1>>,
    /// L_h^gni, sparse → dense on natural images, seen everywhere.
    pub gni_h: Option<Tensor<1>>,
    /// λ·(`st_m` + `st_h`) + `gni_m` + `gni_h`: what to minimise.
    pub total: Tensor<1>,
}

/// What one step of training sees.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The measured image X_m: scaled values; 1 inside the tissue; 1 where the losses look. `[b, 3, P/S, P/S]`
    /// with the components behind them, or
    /// any other sides that are multiples of S. `None` learns from natural images alone.
    pub section: Option<Tensor<4>>,
    /// The gene of each of these, as the network counts those that it knows.
    pub genes: Vec<usize>,
    /// X_h^gni, natural images in [0, 1]: `[b', 1, P, P]`, P a multiple of S², without a lattice `[b', 3, P, P]` with M and
    /// the sparser M behind them; `None` leaves them out of this step.
    pub images: Option<Tensor<4>>,
    /// Whether L_h^st joins in this step.
    pub dense: bool,
}

/// How the losses see the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// How a measured image becomes the network's input.
    pub input: InputConfig,
    /// λ, the weight of the section against the images. Paper: 10
    pub lambda: f64,
    /// How an output is held against its target. Paper: L1
    pub distance: Distance,
}

/// A measured image with its tissue, and what its outputs are held against.
struct Task {
    /// `[b, 3, m, n]`: values, tissue, and where to look, of the low-resolution image.
    sparse: Tensor<4>,
    /// `[b, 3, ·, ·]`: the same of the target.
    target: Tensor<4>,
    /// Every how many output pixels the target lies: 1 is everywhere, S is 𝒟.
    stride: usize,
    /// `[b, stains, ·, ·]`: the stains of the output.
    stains: Option<Tensor<4>>,
    /// What each example is of: a gene, or an image.
    genes: Vec<Option<usize>>,
}

impl Objective {
    /// All losses of `net` on `batch`.
    pub fn losses(&self, net: &Cdcin, batch: Batch) -> Losses {
        let terms = self.terms(net, batch);
        self.weighted(terms)
    }

    /// L_m^st, L_h^st, L_m^gni, L_h^gni of `net` on `batch`; `None` where one does not join.
    pub(super) fn terms(&self, net: &Cdcin, batch: Batch) -> [Option<Tensor<1>>; 4] {
        #[cfg(feature = "gpu")]
        if let Some(terms) = self.fused_terms(net, &batch) {
            return terms;
        }
        let Batch { section, genes, images, dense } = batch;
        let genes: Vec<Option<usize>> = genes.into_iter().map(Some).collect();
        let coarser = |x: &Tensor<4>, genes: &[Option<usize>]| Task {
            genes: genes.to_vec(),
            sparse: self.input.sparser(x),
            target: x.clone(),
            stride: 1,
            stains: self.input.stains_at(x),
        };
        let seen = |x: &Tensor<4>| Task {
            genes: genes.clone(),
            sparse: x.clone(),
            target: x.clone(),
            stride: self.input.factor(),
            stains: self.input.stains_across(x),
        };
        let (mid, images) = images.map_or((None, None), |images| {
            let (mid, images) = self.images(images);
            (Some(mid), Some(images))
        });

        // To the network an image is a gene that it does not know.
        let image = |x: &Tensor<4>| coarser(x, &vec![None; x.dims()[0]]);
        let of_genes = section.as_ref().map(|x| coarser(x, &genes));
        let mut groups = together([(0, of_genes), (2, mid.as_ref().map(image))]);
        let section = section.filter(|_| dense);
        groups.extend(together([(1, section.as_ref().map(seen)), (3, images.as_ref().map(image))]));
        let inputs = groups.iter().map(|group| {
            let genes = group.tasks.iter().flat_map(|(_, task)| task.genes.clone()).collect();
            (self.input.of_stack(&group.sparse, group.stains.clone()), genes)
        });
        let mut terms = [const { None }; 4];
        for (outputs, group) in net.forward_each(inputs).zip(&groups) {
            let mut first = 0;
            for (term, task) in &group.tasks {
                let count = task.sparse.dims()[0];
                terms[*term] = Some(task.loss(self.distance, &outputs, first, count));
                first += count;
            }
        }
        terms
    }

    /// The terms with their weighted sum.
    pub(super) fn weighted(&self, [st_m, st_h, gni_m, gni_h]: [Option<Tensor<1>>; 4]) -> Losses {
        let weighted = |losses: [&Option<Tensor<1>>; 2], weight: f64| {
            losses.into_iter().flatten().map(move |loss| loss.clone() * weight).collect::<Vec<_>>()
        };
        let all = [weighted([&st_m, &st_h], self.lambda), weighted([&gni_m, &gni_h], 1.0)].concat();
        let total = Tensor::cat(all, 0).sum();
        Losses { st_m, st_h, gni_m, gni_h, total }
    }

    /// Natural images as stacks like those of the section, to be learned from one step sparser (L_m) and as they are (L_h).
    fn images(&self, images: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        if !self.input.scattered {
            let dense = self.stacked(images, None);
            return (subsample(dense.clone(), self.input.scale), dense);
        }
        let [image, measured, kept] = [0, 1, 2].map(|index| channel(&images, index));
        (self.stacked(image.clone(), Some(kept)), self.stacked(image, Some(measured)))
    }

    /// Natural images as a stack: tissue everywhere, looked at everywhere, without components and stains; `kept` comes last.
    fn stacked(&self, images: Tensor<4>, kept: Option<Tensor<4>>) -> Tensor<4> {
        let nothing = self.input.components + self.input.stains * self.input.factor().pow(2);
        let nothing = (0..nothing).map(|_| images.zeros_like());
        let first = [images.clone(), images.ones_like(), images.ones_like()];
        Tensor::cat(first.into_iter().chain(nothing).chain(kept).collect(), 1)
    }
}

/// Tasks whose images have one size and go through the network side by side, each with its place among the losses.
struct Group {
    sparse: Tensor<4>,
    stains: Option<Tensor<4>>,
    tasks: Vec<(usize, Task)>,
}

/// A section's and an images' task: in one group where they have the same size.
fn together(tasks: [(usize, Option<Task>); 2]) -> Vec<Group> {
    let size = |task: &Task| task.sparse.dims()[2..].to_vec();
    let alone = |(term, task): (usize, Task)| Group {
        sparse: task.sparse.clone(),
        stains: task.stains.clone(),
        tasks: vec![(term, task)],
    };
    let [(first, st), (second, gni)] = tasks;
    match (st, gni) {
        (Some(st), Some(gni)) if size(&st) == size(&gni) => {
            let sparse = Tensor::cat(vec![st.sparse.clone(), gni.sparse.clone()], 0);
            let stains = st.stains.clone().zip(gni.stains.clone()).map(|(st, gni)| Tensor::cat(vec![st, gni], 0));
            vec![Group { sparse, stains, tasks: vec![(first, st), (second, gni)] }]
        }
        (st, gni) => st.map(|st| (first, st)).into_iter().chain(gni.map(|gni| (second, gni))).map(alone).collect(),
    }
}

impl Task {
    /// The cascade-weighted distance of those outputs of a batch that are this task's.
    fn loss(&self, distance: Distance, outputs: &[Tensor<4>], first: usize, count: usize) -> Tensor<1> {
        let (target, looked_at) = (channel(&self.target, 0), channel(&self.target, 2));
        let stage = |output: &Tensor<4>| {
            let own = subsample(output.clone().narrow(0, first, count), self.stride);
            distance.masked(own, target.clone(), looked_at.clone())
        };
        cascade(&outputs.iter().map(stage).collect::<Vec<_>>())
    }
}

/// One channel of a stack `[b, c, h, w]`, as `[b, 1, h, w]`.
fn channel(stack: &Tensor<4>, index: usize) -> Tensor<4> {
    stack.clone().narrow(1, index, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    fn image(values: Vec<f32>, h: usize, w: usize) -> Tensor<4> {
        Tensor::from_data(TensorData::new(values, [1, 1, h, w]), &Device::flex())
    }

    #[test]
    fn an_empty_mask_gives_a_loss_of_zero() {
        for distance in [Distance::L1, Distance::Huber, Distance::L2] {
            let zero = distance.masked(image(vec![1.0; 4], 2, 2), image(vec![3.0; 4], 2, 2), image(vec![0.0; 4], 2, 2));
            assert_eq!(zero.into_scalar::<f32>(), 0.0);
        }
    }

    #[test]
    fn huber_is_the_square_near_zero_and_straight_with_the_same_slope_beyond() {
        let of = |error: f32| {
            let one = image(vec![1.0], 1, 1);
            Distance::Huber.masked(image(vec![error], 1, 1), one.zeros_like(), one).into_scalar::<f32>()
        };
        for (error, expected) in [(0.1, 0.01), (-0.4, 0.16), (0.5, 0.25), (2.0, 1.75), (-3.0, 2.75)] {
            assert!((of(error) - expected).abs() < 1e-6, "{error}: {}", of(error));
        }
    }
}
