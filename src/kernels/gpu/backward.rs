//! The backward pass of the cascade: the gradient of the vector of weights, kernel by kernel from the last stage to the first.

use super::attention_gradient::attention_gradient;
use super::branch::branch_gradient;
use super::conv::Finish;
use super::forward::{BlockTape, Convolution, HybridTape, Loaded, StageTape, UNITS, View, cubes};
use super::gates::{self, gates_gradient};
use super::mlp::mlp_gradient;
use super::plan::Pass;
use super::products::CHUNK;
use super::stage::stage_gradient;
use super::weights::{self, sum_rows, weight_gradients};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

/// Rows of partial sums of a convolution's weights, which have a few cubes to a row.
const CONV_ROWS: usize = 32;
/// The same of a dense block's, which have many.
const DENSE_ROWS: usize = 16;
/// Rows of partial sums of the hybrid blocks' weights, where kernels have a cube to a row.
const HYBRID_ROWS: usize = 256;
/// Cubes that sum, image by image, the gradients of what the gates follow.
const GATE_CUBES: usize = 256;

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

    /// Rows of partial sums of the gates' weights: their kernel has an image to a cube.
    fn gate_rows(&self) -> usize {
        self.extents.count.min(HYBRID_ROWS)
    }

    /// Sums the rows of one or two groups of parameters that lie at `first`, of which the second is the hybrid blocks'.
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
            self.tiles.count.min(CONV_ROWS),
            self.gate_rows(),
            length,
            self.plan.hybrid(),
        );
    }

    /// The gradients of a convolution's weights and bias, at `column` of `partial`.
    fn weight_gradients(
        &self,
        partial: &Partial,
        column: usize,
        side: usize,
        (source, inputs, load): (View, usize, Loaded),
        (grad, outputs): (View, usize),
    ) {
        let products = self.plan.products;
        let (load, table, norm) = load.parts(&source);
        let shape = weights::Shape {
            side,
            outputs,
            source: source.stride,
            grad: grad.stride,
            load,
            grad_halves: grad.halves,
            products,
        };
        weight_gradients::launch(
            &self.weights.client,
            CubeCount::Static(inputs.div_ceil(CHUNK) as u32, self.tiles.count.min(CONV_ROWS) as u32, 1),
            CubeDim::new_1d(products.units_of_weights(side, outputs)),
            source.buffer.clone().into_buffer_arg(),
            grad.buffer.clone().into_buffer_arg(),
            table.clone().into_buffer_arg(),
            self.weights.clone().into_buffer_arg(),
            self.tiles.buffer.clone().into_buffer_arg(),
            partial.buffer.clone().into_buffer_arg(),
            source.first,
            grad.first,
            inputs,
            norm,
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
        let plain = |buffer| View::new(buffer, c);
        let read = |view, inputs| (view, inputs, Loaded::Plain);
        let [deep, last, shallow] = [(); 3].map(|()| self.image(c));
        let (fused, halves) = (self.words(self.pixels * plan.hybrid().middle()), plan.products.halves);
        let by_twos = |buffer| View::by_twos(buffer, c, halves);

        let ends = self.partial(CONV_ROWS, plan.films() - plan.global_fusion1());
        let column = |offset: usize| offset - plan.global_fusion1();
        self.weight_gradients(&ends, column(plan.reconstruct()), 3, read(plain(&tape.deep), c), (grad.clone(), 1));
        self.convolve(&Convolution::back(base + plan.reconstruct(), 3, c, 1), grad, plain(&deep));
        modulated(plan.blocks + 1, plain(&deep));
        self.weight_gradients(
            &ends,
            column(plan.global_fusion2()),
            3,
            read(by_twos(&tape.fused), c),
            (plain(&deep), c),
        );
        self.convolve(&Convolution::back(base + plan.global_fusion2(), 3, c, c), plain(&deep), by_twos(&fused));
        let source = View::new(&tape.features, plan.dense().source).at(c);
        self.weight_gradients(&ends, 0, 1, read(source, plan.blocks * c), (by_twos(&fused), c));
        // What it gives back to the other blocks is added where the gradients of their outputs are made.
        let back = Convolution::back(base + plan.global_fusion1() + (plan.blocks - 1) * c, 1, c, c);
        let back = Convolution { forward_inputs: plan.blocks * c, ..back };
        self.convolve(&back, by_twos(&fused), View::new(&last, c));
        self.sum(gradient, base + plan.global_fusion1(), &ends, None);

        let mut above = last;
        for (number, block) in tape.blocks.into_iter().enumerate().rev() {
            modulated(number + 1, View::new(&above, c));
            above = self.block_backward((base, number), block, &tape.features, (&above, &fused), gradient);
        }

        let starts = self.partial(CONV_ROWS, plan.block(0));
        self.weight_gradients(&starts, plan.shallow2(), 3, read(plain(&tape.shallow), c), (View::new(&above, c), c));
        let back = Convolution::back(base + plan.shallow2(), 3, c, c);
        let back = Convolution { finish: Finish::Add, other: Some(plain(&deep)), ..back };
        self.convolve(&back, View::new(&above, c), plain(&shallow));
        modulated(0, plain(&shallow));
        let source = View::new(&tape.input, plan.input_channels);
        self.weight_gradients(&starts, 0, 3, read(source, plan.input_channels), (plain(&shallow), c));
        self.sum(gradient, base, &starts, None);
        shallow
    }

    /// The gradient of what block `number` of the stage at `base` read from the features `source`, given those of its output and of
    /// the fusion of all blocks.
    pub(super) fn block_backward(
        &self,
        (base, number): (usize, usize),
        tape: BlockTape,
        source: &CubeTensor,
        (above, top): (&CubeTensor, &CubeTensor),
        gradient: &CubeTensor,
    ) -> CubeTensor {
        let (plan, dense, hybrid) = (&self.plan, self.plan.dense(), self.plan.hybrid());
        let own = base + plan.block(number);
        let one = self.partial(DENSE_ROWS, dense.parameters());
        let two = self.partial(HYBRID_ROWS, 2 * hybrid.parameters());
        let [regular, shifted] = tape.halves;
        let regular_base = own + dense.parameters();
        let shifted_base = regular_base + hybrid.parameters();
        let between = self.words(self.pixels * plan.channels);
        let fused = self.words(self.pixels * hybrid.middle());
        let column = hybrid.parameters();
        self.hybrid_backward(shifted_base, column, plan.window / 2, shifted, above, &two, (&between, false));
        self.hybrid_backward(regular_base, 0, 0, regular, &between, &two, (&fused, hybrid.products.halves));

        let grads = self.dense_gradients(own, &fused, &tape.masks);
        let read = (source, number * plan.channels);
        self.dense_weights(read, tape.grown, (&fused, &grads), (&one.buffer, one.rows));
        self.sum(gradient, own, &one, Some(&two));
        let top_base = base + plan.global_fusion1() + number.saturating_sub(1) * plan.channels;
        self.dense_input((own, top_base), (fused, grads), above, top, (number > 0).then_some(plan.blocks))
    }

    /// The gradient of a hybrid block's input, into `out`, which may be bf16 by twos, given that of its output.
    #[allow(clippy::too_many_arguments)]
    fn hybrid_backward(
        &self,
        base: usize,
        column: usize,
        shift: usize,
        tape: HybridTape,
        grad: &CubeTensor,
        partial: &Partial,
        (out, out_halves): (&CubeTensor, bool),
    ) {
        let (plan, hybrid) = (&self.plan, self.plan.hybrid());
        let (c, few, halves) = (plan.channels, plan.few, hybrid.products.halves);
        let client = &self.weights.client;
        let rows = CubeCount::Static(partial.rows as u32, 1, 1);
        let middle = self.image(c);
        let twos = self.words(if halves { self.pixels * c / 2 } else { 1 });
        let aside = self.empty(partial.rows * hybrid.tokens() * c);
        mlp_gradient::launch(
            client,
            rows.clone(),
            CubeDim::new_1d(hybrid.gradient_units()),
            tape.middle.into_buffer_arg(),
            grad.clone().into_buffer_arg(),
            self.weights.clone().into_buffer_arg(),
            middle.clone().into_buffer_arg(),
            twos.clone().into_buffer_arg(),
            partial.buffer.clone().into_buffer_arg(),
            base,
            column,
            partial.length,
            self.pixels,
            hybrid,
        );
        // What is multiplied alone.
        let multiplied = if halves { &twos } else { &middle };
        let affine = self.gates_backward((base, column), &tape.active, tape.gates, multiplied, partial);
        let narrow = self.words(self.pixels * hybrid.narrow());
        let back = Convolution {
            load: Loaded::Affine(&affine),
            finish: Finish::Slope,
            other: Some(View::by_twos(&tape.compressed, few, halves)),
            ..Convolution::back(base + hybrid.conv2(), 3, few, c)
        };
        self.convolve(&back, View::by_twos(multiplied, c, halves), View::by_twos(&narrow, few, halves));
        let source = (View::by_twos(&tape.x, c, halves), c, Loaded::Norm(&tape.moments, base + hybrid.norm1()));
        self.weight_gradients(partial, column + hybrid.conv1(), 3, source, (View::by_twos(&narrow, few, halves), few));
        attention_gradient::launch(
            client,
            rows,
            CubeDim::new_1d(hybrid.attention_units()),
            tape.x.into_buffer_arg(),
            tape.moments.into_buffer_arg(),
            tape.logs.into_buffer_arg(),
            middle.into_buffer_arg(),
            narrow.into_buffer_arg(),
            self.weights.clone().into_buffer_arg(),
            self.windows.buffer.clone().into_buffer_arg(),
            aside.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            partial.buffer.clone().into_buffer_arg(),
            base,
            column,
            partial.length,
            self.windows.count,
            shift,
            hybrid.scale(),
            hybrid,
            out_halves,
        );
    }

    /// By what the gradient of a hybrid block's middle is multiplied, and what is added, image by image, to be that of what the channel
    /// attention's second convolution gave.
    fn gates_backward(
        &self,
        (base, column): (usize, usize),
        active: &CubeTensor,
        gates: CubeTensor,
        middle: &CubeTensor,
        partial: &Partial,
    ) -> CubeTensor {
        let (plan, hybrid, images) = (&self.plan, self.plan.hybrid(), self.extents.count);
        let lanes = self.tiles.count.div_ceil(images).min(GATE_CUBES.div_ceil(images));
        let sums = self.empty(images * lanes * hybrid.expanding());
        branch_gradient::launch(
            &self.weights.client,
            CubeCount::Static(plan.few.div_ceil(CHUNK) as u32, (images * lanes) as u32, 1),
            CubeDim::new_1d(plan.products.units_of_weights(3, plan.channels)),
            active.clone().into_buffer_arg(),
            middle.clone().into_buffer_arg(),
            self.weights.clone().into_buffer_arg(),
            self.tiles.buffer.clone().into_buffer_arg(),
            self.extents.buffer.clone().into_buffer_arg(),
            sums.clone().into_buffer_arg(),
            lanes,
            hybrid,
            plan.products,
        );
        let affine = self.empty(images * 2 * plan.channels);
        gates_gradient::launch(
            &self.weights.client,
            CubeCount::Static(self.gate_rows() as u32, 1, 1),
            CubeDim::new_1d(gates::UNITS),
            sums.into_buffer_arg(),
            self.weights.clone().into_buffer_arg(),
            self.extents.buffer.clone().into_buffer_arg(),
            gates.into_buffer_arg(),
            affine.clone().into_buffer_arg(),
            partial.buffer.clone().into_buffer_arg(),
            base,
            column,
            partial.length,
            images,
            lanes,
            plan.alpha,
            hybrid,
        );
        affine
    }
}
