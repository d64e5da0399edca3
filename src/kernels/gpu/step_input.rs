//! What the network sees in a step of training and what its outputs are held against, pixel by pixel from stacks of measured
//! images: subsampled, upsampled, mirrored up to whole windows, and laid side by side, in one kernel.

use super::tables::kept;
use super::tiles::{Size, TILE, Tile, count, tiles};
use burn::backend::fusion::custom::TensorSpec;
use burn::tensor::{DType, Shape};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use std::sync::Arc;

/// What a column of the network's input is, most often of a channel of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// 1 at measured pixels, else 0.
    Lattice,
    /// Every measured pixel fills its block.
    Nearest(usize),
    /// Bilinear between measured pixels.
    Bilinear(usize),
    /// The same, of those in the tissue.
    InTissue(usize),
    /// As the stack has it, and bilinear between its pixels.
    Known(usize),
}

impl Column {
    /// A number for the kind, and the channel.
    fn numbers(self) -> [usize; 2] {
        match self {
            Column::Lattice => [LATTICE, 0],
            Column::Nearest(channel) => [NEAREST, channel],
            Column::Bilinear(channel) => [BILINEAR, channel],
            Column::InTissue(channel) => [IN_TISSUE, channel],
            Column::Known(channel) => [KNOWN, channel],
        }
    }
}

const LATTICE: usize = 0;
const NEAREST: usize = 1;
const BILINEAR: usize = 2;
const IN_TISSUE: usize = 3;
const KNOWN: usize = 4;

/// An image that goes through the network, as it lies in its stack `[examples, channels, rows, columns]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// A natural image. Where its stack has a single channel it is tissue and looked at everywhere, and nothing else is known of it.
    pub(crate) natural: bool,
    pub(crate) example: usize,
    /// Pixels of the stack from one measured pixel to the next.
    pub(crate) apart: usize,
}

impl View {
    /// Which stack it is of, and how that is read, for the kernel.
    fn kind(&self, channels: usize) -> usize {
        match (self.natural, channels) {
            (false, _) => SECTION,
            (true, 1) => NATURAL,
            (true, _) => NATURAL_STACK,
        }
    }
}

const SECTION: usize = 0;
const NATURAL: usize = 1;
const NATURAL_STACK: usize = 2;

/// The images of a pass, and how the network sees them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StepInput {
    pub(crate) views: Vec<View>,
    pub(crate) columns: Vec<Column>,
    /// S, output pixels from one measured pixel to the next.
    pub(crate) scale: usize,
    /// By what the sides of images can be divided when they go through the network.
    pub(crate) window: usize,
    /// Channels, rows and columns of the section's stack, and of the natural images'.
    pub(crate) stacks: [[usize; 3]; 2],
}

impl StepInput {
    /// Height and width of an image's output.
    fn size(&self, view: &View) -> Size {
        let [_, rows, cols] = self.stacks[usize::from(view.natural)];
        (rows * self.scale / view.apart, cols * self.scale / view.apart)
    }

    /// The sizes in which the images go through the network.
    pub(crate) fn sizes(&self) -> Vec<Size> {
        let whole = |length: usize| length.next_multiple_of(self.window);
        self.views.iter().map(|view| self.size(view)).map(|(height, width)| (whole(height), whole(width))).collect()
    }

    /// What is made: `[pixels, columns]`, and `[pixels, 2]`.
    pub(super) fn specs(&self) -> (TensorSpec, TensorSpec) {
        let pixels: usize = self.sizes().iter().map(|(height, width)| height * width).sum();
        let spec = |columns: usize| TensorSpec::new(Shape::from([pixels, columns]), DType::F32);
        (spec(self.columns.len()), spec(2))
    }

    fn table(&self) -> Vec<u32> {
        let entry = |view: &View| {
            let [channels, rows, cols] = self.stacks[usize::from(view.natural)];
            let (height, width) = self.size(view);
            let first = view.example * channels * rows * cols;
            [view.kind(channels), first, rows * cols, cols, view.apart, height, width].map(|n| n as u32)
        };
        self.views.iter().flat_map(entry).collect()
    }

    /// The network's input, and of each output pixel its target and whether the losses look at it.
    pub(super) fn made(&self, section: CubeTensor, natural: CubeTensor) -> (CubeTensor, CubeTensor) {
        let [section, natural] = [section, natural].map(into_contiguous);
        let client = section.client.clone();
        let tiled = tiles(&self.sizes(), TILE);
        let cubes = CubeCount::Static(count(&tiled) as u32, 1, 1);
        let columns = self.columns.iter().flat_map(|column| column.numbers()).map(|number| number as u32);
        let empty = |spec: TensorSpec| {
            let handle = client.empty(spec.shape.num_elements() * size_of::<f32>());
            CubeTensor::new_contiguous(client.clone(), section.device.clone(), spec.shape, handle, spec.dtype)
        };
        let (inputs, targets) = self.specs();
        let (inputs, targets) = (empty(inputs), empty(targets));
        make_input::launch(
            &client,
            cubes,
            CubeDim::new_1d((TILE * TILE) as u32),
            section.clone().into_buffer_arg(),
            natural.into_buffer_arg(),
            kept(&section, tiled).into_buffer_arg(),
            kept(&section, self.table()).into_buffer_arg(),
            kept(&section, columns.collect()).into_buffer_arg(),
            inputs.clone().into_buffer_arg(),
            targets.clone().into_buffer_arg(),
            self.columns.len(),
            self.scale,
        );
        (inputs, targets)
    }
}

/// Numbers of a view in its table.
const FIELDS: usize = 7;

/// A [`View`] with where its example begins in the stack, the pixels of a channel, those of a row, and the size of the output.
#[derive(CubeType, Clone, Copy)]
struct DeviceView {
    kind: usize,
    first: usize,
    plane: usize,
    cols: usize,
    apart: usize,
    height: usize,
    width: usize,
}

#[cube]
impl DeviceView {
    fn of(table: &[u32], number: usize) -> DeviceView {
        let at = number * FIELDS;
        DeviceView {
            kind: table[at] as usize,
            first: table[at + 1] as usize,
            plane: table[at + 2] as usize,
            cols: table[at + 3] as usize,
            apart: table[at + 4] as usize,
            height: table[at + 5] as usize,
            width: table[at + 6] as usize,
        }
    }
}

/// A number of the stack that a view is of.
#[cube]
fn stacked(section: &[f32], natural: &[f32], view: &DeviceView, channel: usize, row: usize, col: usize) -> f32 {
    let at = view.first + row * view.cols + col;
    let mut value = f32::new(0.0);
    if view.kind == SECTION {
        value = section[at + channel * view.plane];
    } else if view.kind == NATURAL_STACK {
        value = natural[at + channel * view.plane];
    } else if channel == 0 {
        value = natural[at];
    } else if channel < 3 {
        value = f32::new(1.0);
    }
    value
}

/// The mean of the four measured pixels around one of the output, each by how near it is, and by whether it is in the tissue
/// if that is asked for; 0 where none is.
#[cube]
#[allow(clippy::too_many_arguments)]
fn between(
    section: &[f32],
    natural: &[f32],
    view: &DeviceView,
    channel: usize,
    row: usize,
    col: usize,
    scale: usize,
    in_tissue: bool,
) -> f32 {
    let mut sum = f32::new(0.0);
    let mut total = f32::new(0.0);
    for corner in 0..4usize {
        let (below, right) = (corner / 2, corner % 2);
        let nearness = near(row % scale, scale, below) * near(col % scale, scale, right);
        // Beyond the last measured pixel it is repeated.
        let y = min(row / scale + below, view.height / scale - 1) * view.apart;
        let x = min(col / scale + right, view.width / scale - 1) * view.apart;
        let mut share = nearness;
        if in_tissue {
            share *= stacked(section, natural, view, 1usize, y, x);
        }
        sum += share * stacked(section, natural, view, channel, y, x);
        total += share;
    }
    let mut mean = f32::new(0.0);
    if total > 1e-6 {
        mean = sum / total;
    }
    mean
}

/// How near a pixel that is `past` a measured one is to it, or to the next (`which` 1).
#[cube]
fn near(past: usize, scale: usize, which: usize) -> f32 {
    let share = f32::cast_from(past as u32) / f32::cast_from(scale as u32);
    if which == 0 { f32::new(1.0) - share } else { share }
}

/// Where a pixel of a padded axis comes from: it is mirrored beyond the `length`, or the last one if that is too short.
#[cube]
fn mirrored(at: usize, padded: usize, length: usize) -> usize {
    let mut from = at;
    if at >= length {
        from = length - 1;
        if padded - length < length {
            from = 2 * (length - 1) - at;
        }
    }
    from
}

/// [`StepInput::made`]: a tile to a cube, a pixel to a unit.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
fn make_input(
    section: &[f32],
    natural: &[f32],
    tiles: &[u32],
    views: &[u32],
    columns: &[u32],
    inputs: &mut [f32],
    targets: &mut [f32],
    column_count: usize,
    scale: usize,
) {
    let tile = Tile::of(tiles, CUBE_POS);
    let view = DeviceView::of(views, tile.image);
    let (down, along) = (tile.top + UNIT_POS as usize / TILE, tile.left + UNIT_POS as usize % TILE);
    if down < tile.height && along < tile.width {
        let pixel = tile.first + down * tile.width + along;
        let (row, col) = (mirrored(down, tile.height, view.height), mirrored(along, tile.width, view.width));
        let measured = row % scale + col % scale == 0;
        // The pixel of the stack that it is, unless the stack has none there.
        let (y, x) = (row * view.apart / scale, col * view.apart / scale);
        let known = (row * view.apart) % scale + (col * view.apart) % scale == 0;
        for column in 0..column_count {
            let (kind, channel) = (columns[2 * column] as usize, columns[2 * column + 1] as usize);
            let mut value = f32::new(0.0);
            if kind == LATTICE {
                if measured {
                    value = f32::new(1.0);
                }
            } else if kind == NEAREST {
                let (y, x) = (row / scale * view.apart, col / scale * view.apart);
                value = stacked(section, natural, &view, channel, y, x);
            } else if kind == KNOWN && known {
                value = stacked(section, natural, &view, channel, y, x);
            } else {
                value = between(section, natural, &view, channel, row, col, scale, kind == IN_TISSUE);
            }
            inputs[pixel * column_count + column] = value;
        }
        let mut target = f32::new(0.0);
        let mut looked_at = f32::new(0.0);
        if known && down < view.height && along < view.width {
            target = stacked(section, natural, &view, 0usize, y, x);
            looked_at = stacked(section, natural, &view, 2usize, y, x);
        }
        targets[2 * pixel] = target;
        targets[2 * pixel + 1] = looked_at;
    }
}

pub(super) fn specs(step_input: &Arc<StepInput>) -> (TensorSpec, TensorSpec) {
    step_input.specs()
}
