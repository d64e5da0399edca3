//! The backward pass of the cascade: the gradient of the vector of weights, kernel by kernel from the last stage to the first.

use super::attention_gradient::attention_gradient;
use super::branch::branch_weights;
use super::conv::{Finish, Load};
use super::dense_gradient::{dense_input_gradient, dense_layer_gradient, dense_weights};
use super::forward::{BlockTape, Convolution, HybridTape, StageTape, UNITS, View, cubes};
use super::gates::{self, gates_gradient};
use super::mlp::mlp_gradient;
use super::plan::Pass;
use super::products::CHUNK;
use super::stage::stage_gradient;
use super::weights::{self, sum_rows, weight_gradients};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

/// Rows of partial sums of the convolutions' weights, which have many cubes to a row.
const CONV_ROWS: usize = 32;
/// Rows of partial sums of the hybrid blocks' weights, whose kernels have a cube to a row.
const HYBRID_ROWS: usize = 256;

/// Rows of partial sums, as many as a group of parameters has in a row.
pub(super) struct Partial {
    buffer: CubeTensor,
    rows: usize,
    length: usize,
}

impl Pass {
    fn partial(&self, most: usize, length: usize) -> Partial {
        let rows = self.tiles.count.min(most);
        Partial { buffer: self.empty(rows * length), rows, length }
    }

    /// Sums the rows of one or two groups of parameters that lie at `first`.
    fn sum(&self, gradient: &CubeTensor, first: usize, one: &Partial, two: Option<&Partial>) {
        let length = two.map_or(0, |two| two.length);
        sum_rows::launch(
            &self.weights.client,
            cubes(one.length + length, UNITS as usize),
            CubeDim::new_1d(UNITS),
            one.buffer.clone().into_buffer_arg(),
            two.unwrap_or(one).buffer.clone().into_buffer_arg(),
            gradient.clone().into_buffer_arg(),
            first,
            one.rows,
            one.length,
            two.unwrap_or(one).rows,
            length,
        );
    }

    /// The gradients of a convolution's weights and bias, at `column` of `partial`.
    fn weight_gradients(
        &self,
        partial: &Partial,
        column: usize,
        side: usize,
        (source, inputs): (View, usize),
        (grad, outputs): (View, usize),
    ) {
        let (load, load_grad) = (Load::Plain, Load::Plain);
        let products = self.plan.products;
        let shape =
            weights::Shape { side, outputs, source: source.stride, grad: grad.stride, load, load_grad, products };
        weight_gradients::launch(
            &self.weights.client,
            CubeCount::Static(inputs.div_ceil(CHUNK) as u32, partial.rows as u32, 1),
            CubeDim::new_1d(products.units_of_weights(side, outputs)),
            source.buffer.clone().into_buffer_arg(),
            grad.buffer.clone().into_buffer_arg(),
            self.tiles.buffer.clone().into_buffer_arg(),
            partial.buffer.clone().into_buffer_arg(),
            source.first,
            grad.first,
            inputs,
            column,
            partial.length,
            self.tiles.count,
            shape,
        );
    }

    /// The gradient of all weights, given that of the outputs of all stages; `stages` are what [`Pass::forward`] left.
    pub(super) fn backward(&self, stages: Vec<StageTape>, losses: &CubeTensor) -> CubeTensor {
        let gradient = self.empty(self.plan.parameters());
        // What comes back to the output of a stage, and where it begins.
        let (mut grad, mut first) = (losses.clone(), (self.plan.cascades - 1) * self.pixels);
        for (stage, tape) in stages.into_iter().enumerate().rev() {
            let shallow = self.stage_backward(stage, tape, View::new(&grad, 1).at(first), &gradient);
            if stage > 0 {
                grad = self.before(stage, &shallow, losses, (&grad, first));
                first = 0;
            }
        }
        self.film_weights(&gradient);
        gradient
    }

    /// The gradient of the output of the stage before `stage`.
    fn before(
        &self,
        stage: usize,
        shallow: &CubeTensor,
        losses: &CubeTensor,
        grad: (&CubeTensor, usize),
    ) -> CubeTensor {
        let plan = &self.plan;
        let [deep, out] = [(); 2].map(|()| self.image(1));
        let back = Convolution::back(stage * plan.stage(), 3, plan.input_channels, plan.channels);
        // Of the expression alone: measurement and guides are what they are.
        let back = Convolution { outputs: 1, ..back };
        self.convolve(&back, View::new(shallow, plan.channels), View::new(&deep, 1));
        stage_gradient::launch(
            &self.weights.client,
            cubes(self.pixels, UNITS as usize),
            CubeDim::new_1d(UNITS),
            self.images.clone().into_buffer_arg(),
            losses.clone().into_buffer_arg(),
            deep.into_buffer_arg(),
            grad.0.clone().into_buffer_arg(),
            out.clone().into_buffer_arg(),
            (stage - 1) * self.pixels,
            grad.1,
            self.pixels,
            plan.input_channels + 1,
            plan.data_consistency,
        );
        out
    }

    /// Writes the gradients of a stage's weights, and gives that of the output of its first convolution.
    fn stage_backward(&self, stage: usize, tape: StageTape, grad: View, gradient: &CubeTensor) -> CubeTensor {
        let (plan, c) = (&self.plan, self.plan.channels);
        let base = stage * plan.stage();
        let modulated = |site: usize, grad: View| self.modulate_backward(stage, site, tape.films[site].as_ref(), grad);
        let (stride, fused_channels) = (plan.dense().source, plan.blocks * c);
        let plain = |buffer| View::new(buffer, c);
        let [deep, fused, shallow] = [(); 3].map(|()| self.image(c));
        let features = self.image(stride);
        let all = View::new(&features, stride);

        let ends = self.partial(CONV_ROWS, plan.films() - plan.global_fusion1());
        let column = |offset: usize| offset - plan.global_fusion1();
        self.weight_gradients(&ends, column(plan.reconstruct()), 3, (plain(&tape.deep), c), (grad.clone(), 1));
        self.convolve(&Convolution::back(base + plan.reconstruct(), 3, c, 1), grad, plain(&deep));
        modulated(plan.blocks + 1, plain(&deep));
        self.weight_gradients(&ends, column(plan.global_fusion2()), 3, (plain(&tape.fused), c), (plain(&deep), c));
        self.convolve(&Convolution::back(base + plan.global_fusion2(), 3, c, c), plain(&deep), plain(&fused));
        let source = View::new(&tape.features, stride).at(c);
        self.weight_gradients(&ends, 0, 1, (source, fused_channels), (plain(&fused), c));
        let back = Convolution::back(base + plan.global_fusion1(), 1, fused_channels, c);
        let back = Convolution { outputs: c, back: Some(plan.blocks), ..back };
        self.convolve(&back, plain(&fused), all.clone().at(c));
        self.sum(gradient, base + plan.global_fusion1(), &ends, None);

        for (number, block) in tape.blocks.into_iter().enumerate().rev() {
            modulated(number + 1, all.clone().at((number + 1) * c));
            self.block_backward(base + plan.block(number), number, block, &tape.features, &features, gradient);
        }

        let starts = self.partial(CONV_ROWS, plan.block(0));
        self.weight_gradients(&starts, plan.shallow2(), 3, (plain(&tape.shallow), c), (all.clone(), c));
        let back = Convolution::back(base + plan.shallow2(), 3, c, c);
        let back = Convolution { finish: Finish::Add, other: Some(plain(&deep)), ..back };
        self.convolve(&back, all, plain(&shallow));
        modulated(0, plain(&shallow));
        let source = View::new(&tape.input, plan.input_channels);
        self.weight_gradients(&starts, 0, 3, (source, plan.input_channels), (plain(&shallow), c));
        self.sum(gradient, base, &starts, None);
        shallow
    }

    /// From the gradient of a block's output, behind that of its input in `features`, to the latter.
    pub(super) fn block_backward(
        &self,
        base: usize,
        number: usize,
        tape: BlockTape,
        source: &CubeTensor,
        features: &CubeTensor,
        gradient: &CubeTensor,
    ) {
        let (plan, dense, hybrid) = (&self.plan, self.plan.dense(), self.plan.hybrid());
        let first = number * plan.channels;
        let one = self.partial(CONV_ROWS, dense.parameters());
        let two = self.partial(HYBRID_ROWS, 2 * hybrid.parameters());
        let [regular, shifted] = tape.halves;
        let (base1, base2) = (base + dense.parameters(), base + dense.parameters() + hybrid.parameters());
        let behind = View::new(features, dense.source).at(first + plan.channels);
        let between = self.hybrid_backward(base2, hybrid.parameters(), plan.window / 2, shifted, behind, &two);
        let fused = self.hybrid_backward(base1, 0, 0, regular, View::new(&between, plan.channels), &two);

        let grads = self.image(dense.grown());
        for layer in (0..plan.layers).rev() {
            dense_layer_gradient::launch(
                &self.weights.client,
                CubeCount::Static(self.tiles.count as u32, 1, 1),
                CubeDim::new_1d(plan.products.units(plan.growth)),
                fused.clone().into_buffer_arg(),
                self.weights.clone().into_buffer_arg(),
                self.tiles.buffer.clone().into_buffer_arg(),
                tape.grown.clone().into_buffer_arg(),
                grads.clone().into_buffer_arg(),
                base,
                dense,
                layer,
            );
        }
        dense_weights::launch(
            &self.weights.client,
            CubeCount::Static(dense.all_chunks() as u32, one.rows as u32, 1),
            CubeDim::new_1d(plan.products.units_of_weights(3, plan.channels.max(plan.growth))),
            source.clone().into_buffer_arg(),
            tape.grown.into_buffer_arg(),
            fused.clone().into_buffer_arg(),
            grads.clone().into_buffer_arg(),
            self.tiles.buffer.clone().into_buffer_arg(),
            one.buffer.clone().into_buffer_arg(),
            first,
            self.tiles.count,
            dense,
        );
        dense_input_gradient::launch(
            &self.weights.client,
            CubeCount::Static(self.tiles.count as u32, 1, 1),
            CubeDim::new_1d(plan.products.units(plan.channels)),
            fused.into_buffer_arg(),
            self.weights.clone().into_buffer_arg(),
            self.tiles.buffer.clone().into_buffer_arg(),
            grads.into_buffer_arg(),
            features.clone().into_buffer_arg(),
            base,
            first,
            dense,
            number > 0,
        );
        self.sum(gradient, base, &one, Some(&two));
    }

    /// The gradient of a hybrid block's input, given that of its output.
    fn hybrid_backward(
        &self,
        base: usize,
        column: usize,
        shift: usize,
        tape: HybridTape,
        grad: View,
        partial: &Partial,
    ) -> CubeTensor {
        let (plan, hybrid) = (&self.plan, self.plan.hybrid());
        let (c, few) = (plan.channels, plan.few);
        let client = &self.weights.client;
        let rows = CubeCount::Static(partial.rows as u32, 1, 1);
        let [middle, normal, out] = [(); 3].map(|()| self.image(c));
        mlp_gradient::launch(
            client,
            rows.clone(),
            CubeDim::new_1d(hybrid.gradient_units()),
            tape.middle.into_buffer_arg(),
            grad.buffer.clone().into_buffer_arg(),
            self.weights.clone().into_buffer_arg(),
            middle.clone().into_buffer_arg(),
            partial.buffer.clone().into_buffer_arg(),
            base,
            grad.first,
            grad.stride,
            column,
            partial.length,
            self.pixels,
            hybrid,
        );
        let affine = self.empty(self.extents.count * 2 * c);
        gates_gradient::launch(
            client,
            rows.clone(),
            CubeDim::new_1d(gates::UNITS),
            tape.expanded.into_buffer_arg(),
            middle.clone().into_buffer_arg(),
            self.weights.clone().into_buffer_arg(),
            self.extents.buffer.clone().into_buffer_arg(),
            tape.gates.into_buffer_arg(),
            affine.clone().into_buffer_arg(),
            partial.buffer.clone().into_buffer_arg(),
            base,
            column,
            partial.length,
            self.extents.count,
            plan.alpha,
            hybrid,
        );
        let narrow = self.image(few);
        let back = Convolution {
            affine: Some(&affine),
            finish: Finish::Slope,
            other: Some(View::new(&tape.compressed, few)),
            ..Convolution::back(base + hybrid.conv2(), 3, few, c)
        };
        self.convolve(&back, View::new(&middle, c), View::new(&narrow, few));
        let back = Convolution::back(base + hybrid.conv1(), 3, c, few);
        self.convolve(&back, View::new(&narrow, few), View::new(&normal, c));
        branch_weights::launch(
            client,
            CubeCount::Static((c.div_ceil(CHUNK) + few.div_ceil(CHUNK)) as u32, partial.rows as u32, 1),
            CubeDim::new_1d(plan.products.units_of_weights(3, c)),
            tape.normal.into_buffer_arg(),
            narrow.into_buffer_arg(),
            tape.compressed.into_buffer_arg(),
            middle.clone().into_buffer_arg(),
            affine.into_buffer_arg(),
            self.tiles.buffer.clone().into_buffer_arg(),
            partial.buffer.clone().into_buffer_arg(),
            column,
            partial.length,
            self.tiles.count,
            hybrid,
            plan.products,
        );
        attention_gradient::launch(
            client,
            rows,
            CubeDim::new_1d(hybrid.attention_units()),
            tape.x.into_buffer_arg(),
            tape.kept.into_buffer_arg(),
            middle.into_buffer_arg(),
            normal.into_buffer_arg(),
            self.weights.clone().into_buffer_arg(),
            self.windows.buffer.clone().into_buffer_arg(),
            out.clone().into_buffer_arg(),
            partial.buffer.clone().into_buffer_arg(),
            base,
            column,
            partial.length,
            self.windows.count,
            shift,
            hybrid.scale(),
            hybrid,
        );
        out
    }
}
