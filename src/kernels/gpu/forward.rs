//! The forward pass of the cascade, kernel by kernel, and what it leaves for the backward pass.

use super::attention::attention;
use super::conv::{self, Finish, convolve};
use super::dense::dense_layer;
use super::dense_end::dense_end;
use super::gates::{self, gate_channels};
use super::load::Load;
use super::plan::Pass;
use super::stage::stage_input;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

/// What a hybrid block leaves.
pub(super) struct HybridTape {
    /// Its input; of bf16 by twos, normalised.
    pub(super) x: CubeTensor,
    /// The moments by which its input is normalised, `[pixels, 2]`.
    pub(super) moments: CubeTensor,
    /// What the channel attention's first convolution gives, before and after GELU.
    pub(super) compressed: CubeTensor,
    pub(super) active: CubeTensor,
    pub(super) gates: CubeTensor,
    /// See [`attention`].
    pub(super) logs: CubeTensor,
    /// The input of the MLP, of bf16 by twos where products are.
    pub(super) middle: CubeTensor,
}

/// What a hybrid block reads.
struct Pixels {
    x: CubeTensor,
    /// The moments by which a LayerNorm normalises them, `[pixels, 2]`.
    moments: CubeTensor,
    /// What it then has, before scale and shift, of bf16 by twos where it is kept so.
    normal: CubeTensor,
}

/// What a block leaves.
pub(super) struct BlockTape {
    pub(super) grown: CubeTensor,
    /// What the ReLU of every layer let through.
    pub(super) masks: CubeTensor,
    /// The two hybrid blocks.
    pub(super) halves: [HybridTape; 2],
}

/// What a stage leaves.
pub(super) struct StageTape {
    pub(super) input: CubeTensor,
    pub(super) shallow: CubeTensor,
    /// `[pixels, (1 + blocks)·channels]`: what goes into the first block, and what comes out of each.
    pub(super) features: CubeTensor,
    pub(super) blocks: Vec<BlockTape>,
    /// After the first and the second global fusion.
    pub(super) fused: CubeTensor,
    pub(super) deep: CubeTensor,
    /// The features of every site before they were scaled and shifted, where the network knows genes.
    pub(super) films: Vec<Option<CubeTensor>>,
}

/// One number of a buffer, and how many lie between two pixels.
#[derive(Clone)]
pub(super) struct View<'a> {
    pub(super) buffer: &'a CubeTensor,
    pub(super) first: usize,
    pub(super) stride: usize,
    /// Whether they are bf16 by twos.
    pub(super) halves: bool,
}

impl<'a> View<'a> {
    /// A buffer of so many numbers a pixel.
    pub(super) fn new(buffer: &'a CubeTensor, stride: usize) -> Self {
        View { buffer, first: 0, stride, halves: false }
    }

    /// A buffer of so many numbers a pixel, which may be bf16 by twos.
    pub(super) fn by_twos(buffer: &'a CubeTensor, stride: usize, halves: bool) -> Self {
        View { halves, ..View::new(buffer, stride) }
    }

    /// The same buffer from another number on.
    pub(super) fn at(self, first: usize) -> Self {
        View { first, ..self }
    }
}

/// What becomes of the numbers that a convolution reads.
#[derive(Clone, Copy)]
pub(super) enum Loaded<'a> {
    Plain,
    /// They are multiplied and added to, for each image and channel.
    Affine(&'a CubeTensor),
    /// They are normalised, given their moments, by the norm that begins there. Of bf16 they are normal, but for the norm's scale and shift.
    Norm(&'a CubeTensor, usize),
}

impl<'a> Loaded<'a> {
    /// How kernels load them from a view, the table that they are loaded by (or that view), and where the norm begins.
    pub(super) fn parts(self, from: &View<'a>) -> (Load, &'a CubeTensor, usize) {
        match (self, from.halves) {
            (Loaded::Plain, false) => (Load::Plain, from.buffer, 0),
            (Loaded::Plain, true) => (Load::Halves, from.buffer, 0),
            (Loaded::Affine(table), false) => (Load::Affine, table, 0),
            (Loaded::Affine(table), true) => (Load::AffineHalves, table, 0),
            (Loaded::Norm(moments, norm), false) => (Load::Norm, moments, norm),
            (Loaded::Norm(moments, norm), true) => (Load::NormalHalves, moments, norm),
        }
    }
}

/// A convolution from one view to another.
pub(super) struct Convolution<'a> {
    /// Where its weights begin.
    pub(super) base: usize,
    pub(super) side: usize,
    /// Channels that are read and written, and inputs of the convolution in the forward direction.
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) forward_inputs: usize,
    /// Gives the gradient of the input, for so many times `outputs` channels side by side.
    pub(super) back: Option<usize>,
    pub(super) load: Loaded<'a>,
    pub(super) finish: Finish,
    /// What the result is put with.
    pub(super) other: Option<View<'a>>,
}

impl Convolution<'_> {
    /// Forward, and nothing more.
    pub(super) fn forward(base: usize, side: usize, inputs: usize, outputs: usize) -> Self {
        let (forward_inputs, load, finish) = (inputs, Loaded::Plain, Finish::Plain);
        Convolution { base, side, inputs, outputs, forward_inputs, back: None, load, finish, other: None }
    }

    /// The gradient of the input of [`Convolution::forward`] with the same numbers.
    pub(super) fn back(base: usize, side: usize, inputs: usize, outputs: usize) -> Self {
        let forward = Convolution::forward(base, side, outputs, inputs);
        Convolution { forward_inputs: inputs, back: Some(1), ..forward }
    }
}

/// As many cubes as pixels of `each` at a time ask for, in two dimensions where one would be too long.
pub(super) fn cubes(count: usize, each: usize) -> CubeCount {
    const LONGEST: usize = 1 << 15;
    let count = count.div_ceil(each).max(1);
    CubeCount::Static(count.min(LONGEST) as u32, count.div_ceil(LONGEST) as u32, 1)
}

/// Units of a cube of the kernels that know nothing of tiles.
pub(super) const UNITS: u32 = 64;

impl Pass {
    pub(super) fn convolve<'a>(&self, convolution: &Convolution<'a>, source: View<'a>, out: View) {
        let Convolution { base, side, inputs, outputs, forward_inputs, back, load, finish, .. } = *convolution;
        let other = convolution.other.clone().unwrap_or(View::new(source.buffer, source.stride));
        let (load, table, norm) = load.parts(&source);
        let shape = conv::Shape {
            side,
            inputs,
            outputs,
            source: source.stride,
            out: out.stride,
            other: other.stride,
            out_halves: out.halves,
            other_halves: other.halves,
            back: back.is_some(),
            load,
            finish,
            products: self.plan.products,
        };
        convolve::launch(
            &self.weights.client,
            CubeCount::Static(self.tiles.count as u32, back.unwrap_or(1) as u32, 1),
            CubeDim::new_1d(shape.products.units(outputs)),
            source.buffer.clone().into_buffer_arg(),
            self.weights.clone().into_buffer_arg(),
            self.tiles.buffer.clone().into_buffer_arg(),
            table.clone().into_buffer_arg(),
            other.buffer.clone().into_buffer_arg(),
            out.buffer.clone().into_buffer_arg(),
            base,
            source.first,
            out.first,
            other.first,
            forward_inputs,
            norm,
            shape,
        );
    }

    /// The outputs of all stages, `[cascades, pixels]`; hands each stage's tape to `keep`.
    pub(super) fn forward(&self, mut keep: impl FnMut(StageTape)) -> CubeTensor {
        let outputs = self.empty(self.plan.cascades * self.pixels);
        for stage in 0..self.plan.cascades {
            keep(self.stage(stage, &outputs));
        }
        outputs
    }

    fn stage(&self, stage: usize, outputs: &CubeTensor) -> StageTape {
        let plan = &self.plan;
        let (c, channels) = (plan.channels, plan.input_channels);
        let (base, dense) = (stage * plan.stage(), plan.dense());
        let input = self.image(channels);
        stage_input::launch(
            &self.weights.client,
            cubes(self.pixels * channels, UNITS as usize),
            CubeDim::new_1d(UNITS),
            self.images.clone().into_buffer_arg(),
            outputs.clone().into_buffer_arg(),
            input.clone().into_buffer_arg(),
            stage.saturating_sub(1) * self.pixels,
            self.pixels,
            channels,
            stage == 0,
            plan.data_consistency,
        );
        let [shallow, deep] = [(); 2].map(|()| self.image(c));
        let fused = self.words(self.pixels * plan.hybrid().middle());
        let by_twos = View::by_twos(&fused, c, plan.products.halves);
        let features = self.image(dense.source);
        let plain = |buffer| View::new(buffer, c);
        let of_input = View::new(&input, channels);
        let all = View::new(&features, dense.source);
        self.convolve(&Convolution::forward(base, 3, channels, c), of_input.clone(), plain(&shallow));
        let mut films = vec![self.modulate(stage, 0, plain(&shallow))];
        self.convolve(&Convolution::forward(base + plan.shallow2(), 3, c, c), plain(&shallow), all.clone());
        let block = |number: usize| {
            let block = self.block(base + plan.block(number), number, &features);
            films.push(self.modulate(stage, number + 1, all.clone().at((number + 1) * c)));
            block
        };
        let blocks = (0..plan.blocks).map(block).collect();
        let fusion = Convolution::forward(base + plan.global_fusion1(), 1, plan.blocks * c, c);
        self.convolve(&fusion, all.at(c), by_twos.clone());
        let last = Convolution::forward(base + plan.global_fusion2(), 3, c, c);
        let last = Convolution { finish: Finish::Add, other: Some(plain(&shallow)), ..last };
        self.convolve(&last, by_twos, plain(&deep));
        films.push(self.modulate(stage, plan.blocks + 1, plain(&deep)));
        let residual = Convolution::forward(base + plan.reconstruct(), 3, c, 1);
        let residual = Convolution { finish: Finish::Add, other: Some(of_input), ..residual };
        self.convolve(&residual, plain(&deep), View::new(outputs, 1).at(stage * self.pixels));
        StageTape { input, shallow, features, blocks, fused, deep, films }
    }

    /// A block whose parameters begin at `base`, from one place of the features to the next.
    pub(super) fn block(&self, base: usize, number: usize, features: &CubeTensor) -> BlockTape {
        let (plan, dense, hybrid) = (&self.plan, self.plan.dense(), self.plan.hybrid());
        let first = number * plan.channels;
        let grown = self.words(self.pixels * dense.words(dense.kept()));
        let masks = self.words(plan.layers * self.tiles.count * dense.mask());
        let tiles = CubeCount::Static(self.tiles.count as u32, 1, 1);
        for layer in 0..plan.layers - 1 {
            dense_layer::launch(
                &self.weights.client,
                tiles.clone(),
                CubeDim::new_1d(plan.products.units(plan.growth)),
                features.clone().into_buffer_arg(),
                self.weights.clone().into_buffer_arg(),
                self.tiles.buffer.clone().into_buffer_arg(),
                grown.clone().into_buffer_arg(),
                masks.clone().into_buffer_arg(),
                base,
                first,
                dense,
                layer,
            );
        }
        let [one, two] = [(); 2].map(|()| self.pixels_of_half());
        dense_end::launch(
            &self.weights.client,
            tiles,
            CubeDim::new_1d(dense.end_units()),
            features.clone().into_buffer_arg(),
            self.weights.clone().into_buffer_arg(),
            self.tiles.buffer.clone().into_buffer_arg(),
            grown.clone().into_buffer_arg(),
            masks.clone().into_buffer_arg(),
            one.x.clone().into_buffer_arg(),
            one.moments.clone().into_buffer_arg(),
            one.normal.clone().into_buffer_arg(),
            base,
            first,
            dense,
        );
        let regular = base + dense.parameters();
        let shifted = regular + hybrid.parameters();
        let one = self.hybrid(regular, 0, one, &two, None);
        let nothing = Pixels { x: features.clone(), moments: one.moments.clone(), normal: self.words(1) };
        let two = self.hybrid(shifted, plan.window / 2, two, &nothing, Some(first));
        BlockTape { grown, masks, halves: [one, two] }
    }

    /// New pixels.
    fn pixels_of_half(&self) -> Pixels {
        let words = if self.plan.products.halves { self.pixels * self.plan.channels / 2 } else { 1 };
        Pixels { x: self.image(self.plan.channels), moments: self.image(2), normal: self.words(words) }
    }

    /// A hybrid block, from pixels to others; with `last`, its output goes behind that number of the features.
    fn hybrid(
        &self,
        base: usize,
        shift: usize,
        Pixels { x, moments, normal }: Pixels,
        out: &Pixels,
        last: Option<usize>,
    ) -> HybridTape {
        let (plan, hybrid) = (&self.plan, self.plan.hybrid());
        let (c, few) = (plan.channels, plan.few);
        let [compressed, active] = [(); 2].map(|()| self.words(self.pixels * hybrid.narrow()));
        let load = Loaded::Norm(&moments, base + hybrid.norm1());
        let narrow = Convolution { load, ..Convolution::forward(base + hybrid.conv1(), 3, c, few) };
        let halves = hybrid.products.halves;
        let kept = if halves { normal } else { x.clone() };
        self.convolve(&narrow, View::by_twos(&kept, c, halves), View::by_twos(&compressed, few, halves));
        let gates = self.empty(self.extents.count * hybrid.gates());
        gate_channels::launch(
            &self.weights.client,
            CubeCount::Static(self.extents.count as u32, 1, 1),
            CubeDim::new_1d(gates::UNITS),
            compressed.clone().into_buffer_arg(),
            self.weights.clone().into_buffer_arg(),
            self.extents.buffer.clone().into_buffer_arg(),
            active.clone().into_buffer_arg(),
            gates.clone().into_buffer_arg(),
            base,
            hybrid,
        );
        let (logs, middle) = (self.image(plan.heads), self.words(self.pixels * hybrid.middle()));
        attention::launch(
            &self.weights.client,
            CubeCount::Static(self.windows.count as u32, 1, 1),
            CubeDim::new_1d(hybrid.attention_units()),
            x.clone().into_buffer_arg(),
            active.clone().into_buffer_arg(),
            gates.clone().into_buffer_arg(),
            self.weights.clone().into_buffer_arg(),
            self.windows.buffer.clone().into_buffer_arg(),
            logs.clone().into_buffer_arg(),
            middle.clone().into_buffer_arg(),
            out.x.clone().into_buffer_arg(),
            out.moments.clone().into_buffer_arg(),
            out.normal.clone().into_buffer_arg(),
            base,
            shift,
            last.unwrap_or(0),
            plan.dense().source,
            hybrid.scale(),
            plan.alpha,
            hybrid,
            last.is_some(),
        );
        HybridTape { x: kept, moments, compressed, active, gates, logs, middle }
    }
}
