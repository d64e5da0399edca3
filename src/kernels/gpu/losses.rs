//! The losses of all stages and images of a pass, and the gradient of what they are taken of, in few kernels.

use super::forward::cubes;
use super::tables::kept;
use burn::backend::TensorMetadata;
use burn::tensor::{DType, Shape};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

/// Losses of a pass at most.
pub(crate) const TERMS: usize = 4;
/// Rows of partial sums of a loss.
const ROWS: usize = 64;
/// Units of a cube.
const UNITS: u32 = 128;

/// Numbers of what [`Terms::losses`] gives: each loss, by how many pixels it was divided, its weight, and the weighted sum of all.
pub(super) const NUMBERS: usize = 3 * TERMS + 1;
/// Where the weights begin.
pub(super) const WEIGHTS: usize = 2 * TERMS;
/// The place of the sum.
pub(crate) const TOTAL: usize = 3 * TERMS;

/// The losses of a pass: each the mean distance of the outputs from the targets over those of its pixels that are looked at,
/// weighted over the stages by k/K.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Terms {
    /// Behind which pixel of the list each ends; the next begins there.
    pub(crate) ends: [usize; TERMS],
    /// The distance of an error e: straight·(|e| − min(|e|, edge)) + min(|e|, edge)².
    pub(crate) edge: f32,
    pub(crate) straight: f32,
    /// What each counts in the sum of all.
    pub(crate) weights: [f32; TERMS],
}

impl Terms {
    fn ends(&self, like: &CubeTensor) -> CubeTensor {
        kept(like, self.ends.map(|end| end as u32).to_vec())
    }

    /// The losses of `outputs` `[stages, pixels]` as [`NUMBERS`] says; `targets` are values and whether they are looked at,
    /// `[pixels, 2]`.
    pub(super) fn losses(&self, outputs: CubeTensor, targets: CubeTensor) -> CubeTensor {
        let [outputs, targets] = [outputs, targets].map(into_contiguous);
        let client = outputs.client.clone();
        let empty = |count: usize| {
            let handle = client.empty(count * size_of::<f32>());
            CubeTensor::new_contiguous(client.clone(), outputs.device.clone(), Shape::from([count]), handle, DType::F32)
        };
        let (partial, losses) = (empty(2 * TERMS * ROWS), empty(NUMBERS));
        distances::launch(
            &client,
            CubeCount::Static(ROWS as u32, TERMS as u32, 1),
            CubeDim::new_1d(UNITS),
            outputs.clone().into_buffer_arg(),
            targets.into_buffer_arg(),
            self.ends(&outputs).into_buffer_arg(),
            partial.clone().into_buffer_arg(),
            outputs.shape()[0],
            outputs.shape()[1],
            self.edge,
            self.straight,
        );
        let [first, second, third, fourth] = self.weights;
        means::launch(
            &client,
            CubeCount::Static(1, 1, 1),
            CubeDim::new_1d(UNITS),
            partial.into_buffer_arg(),
            losses.clone().into_buffer_arg(),
            first,
            second,
            third,
            fourth,
        );
        losses
    }

    /// The gradient of the outputs, given that of the losses, which begins at `first` of `grad`.
    pub(super) fn gradient(
        &self,
        outputs: CubeTensor,
        targets: CubeTensor,
        losses: CubeTensor,
        grad: CubeTensor,
        first: usize,
    ) -> CubeTensor {
        let [outputs, targets, losses, grad] = [outputs, targets, losses, grad].map(into_contiguous);
        let client = outputs.client.clone();
        let shape = outputs.shape();
        let (stages, pixels) = (shape[0], shape[1]);
        let handle = client.empty(stages * pixels * size_of::<f32>());
        let out = CubeTensor::new_contiguous(client.clone(), outputs.device.clone(), shape, handle, DType::F32);
        slopes::launch(
            &client,
            cubes(stages * pixels, UNITS as usize),
            CubeDim::new_1d(UNITS),
            outputs.clone().into_buffer_arg(),
            targets.into_buffer_arg(),
            losses.into_buffer_arg(),
            grad.into_buffer_arg(),
            self.ends(&outputs).into_buffer_arg(),
            out.clone().into_buffer_arg(),
            first,
            stages,
            pixels,
            self.edge,
            self.straight,
        );
        out
    }
}

/// Sums of distances and of what is looked at, a row to a cube: `[TERMS, ROWS, 2]`.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
fn distances(
    outputs: &[f32],
    targets: &[f32],
    ends: &[u32],
    partial: &mut [f32],
    stages: usize,
    pixels: usize,
    edge: f32,
    straight: f32,
) {
    let mut sums = Shared::new_slice(2 * UNITS as usize);
    let (unit, term) = (UNIT_POS as usize, CUBE_POS_Y as usize);
    let mut pixel = CUBE_POS_X as usize * UNITS as usize + unit;
    if term > 0 {
        pixel += ends[term - 1] as usize;
    }
    let end = ends[term] as usize;
    let mut distance = f32::new(0.0);
    let mut seen = f32::new(0.0);
    while pixel < end {
        let (target, looked_at) = (targets[2 * pixel], targets[2 * pixel + 1]);
        let mut own = f32::new(0.0);
        for stage in 0..stages {
            let size = (outputs[stage * pixels + pixel] - target).abs();
            let near = min(size, edge);
            own += f32::cast_from(stage as u32 + 1) * ((size - near) * straight + near * near);
        }
        distance += own * looked_at;
        seen += looked_at;
        pixel += comptime!(ROWS * UNITS as usize);
    }
    sums[2 * unit] = distance / f32::cast_from(stages as u32);
    sums[2 * unit + 1] = seen;
    sync_cube();
    #[unroll]
    for step in 0..comptime!(UNITS.ilog2() as usize) {
        let half = comptime!(UNITS as usize >> (step + 1));
        if unit < half {
            sums[2 * unit] += sums[2 * (unit + half)];
            sums[2 * unit + 1] += sums[2 * (unit + half) + 1];
        }
        sync_cube();
    }
    if unit < 2 {
        partial[(term * ROWS + CUBE_POS_X as usize) * 2 + unit] = sums[unit];
    }
}

/// What [`NUMBERS`] says, from the rows of [`distances`].
#[cube(launch)]
fn means(partial: &[f32], losses: &mut [f32], first: f32, second: f32, third: f32, fourth: f32) {
    let mut weighted = Shared::new_slice(TERMS);
    let term = UNIT_POS as usize;
    if term < TERMS {
        let mut distance = f32::new(0.0);
        let mut seen = f32::new(0.0);
        for row in 0..ROWS {
            distance += partial[(term * ROWS + row) * 2];
            seen += partial[(term * ROWS + row) * 2 + 1];
        }
        let seen = max(seen, f32::new(1.0));
        let mut weight = first;
        if term == 1 {
            weight = second;
        } else if term == 2 {
            weight = third;
        } else if term == 3 {
            weight = fourth;
        }
        losses[term] = distance / seen;
        losses[TERMS + term] = seen;
        losses[WEIGHTS + term] = weight;
        weighted[term] = weight * (distance / seen);
    }
    sync_cube();
    if term == 0 {
        let mut total = f32::new(0.0);
        for other in 0..TERMS {
            total += weighted[other];
        }
        losses[TOTAL] = total;
    }
}

/// The gradient of the outputs.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
fn slopes(
    outputs: &[f32],
    targets: &[f32],
    losses: &[f32],
    grad: &[f32],
    ends: &[u32],
    out: &mut [f32],
    first: usize,
    stages: usize,
    pixels: usize,
    edge: f32,
    straight: f32,
) {
    if ABSOLUTE_POS < stages * pixels {
        let (stage, pixel) = (ABSOLUTE_POS / pixels, ABSOLUTE_POS % pixels);
        let (one, two, three) = (ends[0] as usize, ends[1] as usize, ends[2] as usize);
        let behind = u32::cast_from(pixel >= one) + u32::cast_from(pixel >= two) + u32::cast_from(pixel >= three);
        let term = behind as usize;
        let error = outputs[ABSOLUTE_POS] - targets[2 * pixel];
        let mut slope = 2.0 * error;
        if error > edge {
            slope = straight;
        } else if error < -edge {
            slope = -straight;
        }
        let share = f32::cast_from(stage as u32 + 1) / f32::cast_from(stages as u32);
        out[ABSOLUTE_POS] = grad[first + term] * share * slope * targets[2 * pixel + 1] / losses[TERMS + term];
    }
}
