//! The whole cascade as one operation, on the devices that it has kernels for ([`crate::kernels::ops::cascade`]).

use super::input::Input;
use super::{Cdcin, CdcinConfig};
use crate::kernels::ops::{self, Dimensions, Plan};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

impl Cdcin {
    /// Whether the cascade is one operation for images like `x`.
    pub(super) fn fuses(&self, x: &Tensor<4>) -> bool {
        let own = self.flat.clone().or_else(|| self.stages.first().map(|stage| stage.reconstruct.bias.val()));
        own.is_some_and(|own| computes(self, &own)) && ops::cascade_available(x)
    }

    /// The outputs of all stages, as [`Cdcin::forward`] gives them, for each of these inputs: all of them in one pass.
    pub(super) fn fused(&self, inputs: Vec<Input>) -> Vec<Vec<Tensor<4>>> {
        let mut images = Vec::new();
        let mut sizes = Vec::new();
        // Of each input: images, height and width, and height and width of what goes through the network.
        let mut shapes = Vec::new();
        for Input { x0, mask, guides } in inputs {
            let [b, _, h, w] = x0.dims();
            let stack = Tensor::cat([x0, mask].into_iter().chain(guides).collect(), 1);
            let stack = self.to_windows(stack);
            let [_, tall, wide, channels] = stack.dims();
            sizes.extend(std::iter::repeat_n((tall, wide), b));
            shapes.push([b, h, w, tall, wide]);
            images.push(stack.reshape([b * tall * wide, channels]));
        }
        let plan = Plan { dimensions: dimensions(&self.config), images: sizes };
        let found = ops::cascade(Tensor::cat(images, 0), self.weights(), plan);
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
    net.config.attention
        && net.config.gene_embedding == 0
        && dimensions(&net.config).fit()
        && ops::cascade_available(flat)
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
    }
}
