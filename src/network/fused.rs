//! The whole cascade as one operation, on the devices that it has kernels for ([`crate::kernels::ops::cascade`]).

use super::input::{Guide, Input, InputConfig, Upsampling};
use super::{Cdcin, CdcinConfig, Rounding};
use crate::kernels::ops::{self, Column, Dimensions, Plan, Products, StepInput, Taped};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, Device, Int, Tensor};

impl Cdcin {
    /// Whether the cascade is one operation for images like `x`.
    pub(super) fn fuses(&self, x: &Tensor<4>) -> bool {
        let own = self.flat.clone().or_else(|| self.stages.first().map(|stage| stage.reconstruct.bias.val()));
        own.is_some_and(|own| computes(self, &own)) && ops::cascade_available(x)
    }

    /// The outputs of all stages, as [`Cdcin::forward_of`] gives them, for each of these inputs and its genes: all of them in one pass.
    pub(super) fn fused(&self, inputs: Vec<(Input, Vec<Option<usize>>)>) -> Vec<Vec<Tensor<4>>> {
        let mut images = Vec::new();
        let (mut sizes, mut genes) = (Vec::new(), Vec::new());
        // Of each input: images, height and width, and height and width of what goes through the network.
        let mut shapes = Vec::new();
        for (Input { x0, mask, guides }, own) in inputs {
            let [b, _, h, w] = x0.dims();
            let stack = Tensor::cat([x0, mask].into_iter().chain(guides).collect(), 1);
            let stack = self.to_windows(stack);
            let [_, tall, wide, channels] = stack.dims();
            sizes.extend(std::iter::repeat_n((tall, wide), b));
            genes.extend(own);
            shapes.push([b, h, w, tall, wide]);
            images.push(stack.reshape([b * tall * wide, channels]));
        }
        let found = self.cascade(Tensor::cat(images, 0), sizes, genes);
        let mut first = 0;
        let mut of = |[b, h, w, tall, wide]: [usize; 5]| {
            let own = found.clone().narrow(1, first, b * tall * wide);
            first += b * tall * wide;
            let stage =
                |k: usize| own.clone().narrow(0, k, 1).reshape([b, 1, tall, wide]).narrow(2, 0, h).narrow(3, 0, w);
            (0..self.config.cascades).map(stage).collect()
        };
        shapes.into_iter().map(&mut of).collect()
    }

    /// Why a network of such weights on a GPU is computed by burn's operations, if it is.
    pub(crate) fn by_operations(&self, weights: &Tensor<1>) -> Option<&'static str> {
        let precise = (weights.dtype() != DType::F32).then_some("fit.precision is not f32");
        precise.or(unknown(&self.config)).filter(|_| !ops::on_cpu(&weights.device()))
    }

    /// Whether a network of such weights is one operation.
    pub(crate) fn is_one_operation(&self, weights: &Tensor<1>) -> bool {
        computes(self, weights)
    }

    /// The columns of the network's input, where kernels make it from stacks like `x`, without a lattice from filled ones ([`ops::filled`]).
    pub(crate) fn input_columns(&self, x: &Tensor<4>, input: &InputConfig) -> Option<Vec<Column>> {
        // What the tissue is between measured pixels is not filled.
        let known = !input.scattered || !input.guides.contains(&Guide::Tissue);
        (self.fuses(x) && known).then(|| if input.scattered { filled_columns(input) } else { columns(input) })
    }

    /// The outputs of all stages for the input of a step, made of stacks of the section and of natural images, and what they are held against;
    /// `genes` are those of its images.
    ///
    /// # Shapes
    ///
    /// - output: `[cascades, pixels]`, `[pixels, 2]`, as [`ops::step_input`] lays the pixels
    pub(crate) fn forward_step(
        &self,
        stacks: [Tensor<4>; 2],
        step_input: StepInput,
        genes: Vec<Option<usize>>,
    ) -> (Tensor<2>, Tensor<2>) {
        let [section, natural] = stacks;
        let sizes = step_input.sizes();
        let (inputs, targets) = ops::step_input(section, natural, step_input);
        (self.cascade(inputs, sizes, genes), targets)
    }

    /// The same without autodiff, and last what gives the gradient of the weights. What is `told` of the genes, their
    /// [`ops::gene_numbers`] on the device, stands in their place.
    pub(crate) fn taped_step(
        &self,
        stacks: [Tensor<4>; 2],
        step_input: StepInput,
        genes: Vec<Option<usize>>,
        told: Option<Tensor<1, Int>>,
    ) -> (Tensor<2>, Tensor<2>, Taped) {
        let [section, natural] = stacks.map(Tensor::inner);
        let plan = self.plan(step_input.sizes(), genes);
        let (inputs, targets) = ops::step_input(section, natural, step_input);
        let (outputs, taped) = ops::taped_cascade(inputs, self.weights().inner(), plan, told);
        (outputs, targets, taped)
    }

    pub(super) fn cascade(
        &self,
        images: Tensor<2>,
        sizes: Vec<(usize, usize)>,
        genes: Vec<Option<usize>>,
    ) -> Tensor<2> {
        ops::cascade(images, self.weights(), self.plan(sizes, genes))
    }

    /// What a pass of images of these sizes and genes computes.
    fn plan(&self, images: Vec<(usize, usize)>, genes: Vec<Option<usize>>) -> Plan {
        let products = match self.rounding {
            Rounding::None => Products::F32,
            Rounding::Tf32 => Products::TF32,
            Rounding::Bf16 => Products::BF16,
        };
        let dimensions = Dimensions { genes: self.known_genes(), products, ..dimensions(&self.config) };
        Plan { dimensions, images, genes }
    }

    /// Whether its weights are one vector, of which the cascade is one operation.
    pub(crate) fn is_flat(&self) -> bool {
        self.flat.is_some()
    }

    /// The weights as one vector, with their gradients if they have them.
    fn weights(&self) -> Tensor<1> {
        struct Collect(Vec<Tensor<1>>);
        impl ModuleVisitor for Collect {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                self.0.push(param.val().flatten(0, D - 1));
            }
        }
        self.flat.clone().unwrap_or_else(|| {
            let mut collect = Collect(Vec::new());
            self.visit(&mut collect);
            Tensor::cat(collect.0, 0)
        })
    }
}

/// Whether the cascade is one operation for a network of these weights.
pub(super) fn computes(net: &Cdcin, flat: &Tensor<1>) -> bool {
    unknown(&net.config).is_none() && ops::cascade_available(flat)
}

/// Whether a device has kernels for such a network.
pub(crate) fn has_kernels(config: &CdcinConfig, device: &Device) -> bool {
    unknown(config).is_none() && ops::cascade_on(device)
}

/// Why the kernels cannot compute such a network in bf16, if so.
pub(super) fn without_halves(config: &CdcinConfig) -> Option<&'static str> {
    (!dimensions(config).even())
        .then_some("network.channels, network.growth and network.channels / network.compress are not all even")
}

/// What of a network the kernels do not know.
fn unknown(config: &CdcinConfig) -> Option<&'static str> {
    if !config.attention {
        Some("network.attention is false")
    } else if !dimensions(config).fit() {
        Some("a layer needs more than 32 KiB of shared memory (network.channels, growth, layers, window)")
    } else {
        None
    }
}

/// What [`InputConfig::of_stack`] gives, column by column.
fn columns(input: &InputConfig) -> Vec<Column> {
    let start = match input.upsampling {
        Upsampling::Nearest => Column::Nearest(0),
        Upsampling::Bilinear => Column::InTissue(0),
    };
    let guides = input.guides.iter().map(|guide| match guide {
        Guide::Lattice => Column::Lattice,
        Guide::Tissue => Column::Bilinear(1),
    });
    let stains = 3 + input.components;
    [start, Column::Lattice]
        .into_iter()
        .chain(guides)
        .chain((3..stains).map(Column::InTissue))
        .chain((stains..stains + input.stains).map(Column::Known))
        .collect()
}

/// The same without a lattice, of a filled stack.
fn filled_columns(input: &InputConfig) -> Vec<Column> {
    let last = 3 + input.components + input.stains;
    let guides = input.guides.iter().map(|_| 1);
    [last, 1].into_iter().chain(guides).chain(3..last).map(Column::Known).collect()
}

fn dimensions(config: &CdcinConfig) -> Dimensions {
    Dimensions {
        cascades: config.cascades,
        blocks: config.blocks,
        input_channels: config.input_channels,
        channels: config.channels,
        growth: config.growth,
        layers: config.layers,
        window: config.window,
        heads: config.heads,
        alpha: config.alpha as f32,
        few: config.channels / config.compress,
        squeezed: config.channels / config.squeeze,
        hidden: config.channels * config.mlp_ratio,
        data_consistency: config.data_consistency,
        embedding: config.gene_embedding,
        genes: 0,
        products: Products::F32,
    }
}
