//! Stacks of images whose measured pixels lie on no lattice, filled between them: pixel by pixel outwards, the mean of those of the eight neighbours
//! that have a value, those beside weighing twice those at the corners. A cube has a tile, and as much around it as a value can come from.
#![allow(clippy::collapsible_if, reason = "a kernel computes both sides of &&, and what is read has to be there")]

use super::load::turns;
use super::tables::kept;
use super::tiles::{TILE, Tile, count, tiles};
use burn::backend::TensorMetadata;
use burn::tensor::{DType, Shape};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

/// A stack of examples, and how it is filled. What comes out is a stack of `4 + components + stains` channels: the values as they are, where they
/// are known, where the losses look, components and stains, and last the values, filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Scattered {
    /// Channels of natural images are values, where they are measured, and where they are known one step sparser; they have no components and
    /// stains. Those of a section are values, tissue, where to look, components, stains, and what of it is kept one step sparser.
    pub(crate) natural: bool,
    pub(crate) components: usize,
    /// Known everywhere.
    pub(crate) stains: usize,
    /// How far values spread.
    pub(crate) reach: usize,
    /// 1: all examples one step sparser. 2: behind them all once more, as they are known.
    pub(crate) views: usize,
}

impl Scattered {
    fn channels(&self) -> usize {
        4 + self.components + self.stains
    }

    /// The shape of a filled stack.
    pub(super) fn shape(&self, stack: &Shape) -> Shape {
        Shape::from([stack[0] * self.views, self.channels(), stack[2], stack[3]])
    }

    /// Pixels along a side of a tile with all around it.
    const fn across(&self) -> usize {
        TILE + 2 * self.reach
    }

    pub(super) fn filled(&self, stack: CubeTensor) -> CubeTensor {
        let stack = into_contiguous(stack);
        let (client, shape) = (stack.client.clone(), self.shape(&stack.shape()));
        let tiled = tiles(&vec![(shape[2], shape[3]); shape[0]], TILE);
        let handle = client.empty(shape.num_elements() * size_of::<f32>());
        let filled = CubeTensor::new_contiguous(client.clone(), stack.device.clone(), shape, handle, DType::F32);
        let (examples, channels) = (stack.shape()[0], stack.shape()[1]);
        fill_stack::launch(
            &client,
            CubeCount::Static(count(&tiled) as u32, 1, 1),
            CubeDim::new_1d((TILE * TILE) as u32),
            stack.clone().into_buffer_arg(),
            kept(&stack, tiled).into_buffer_arg(),
            filled.clone().into_buffer_arg(),
            examples,
            channels,
            *self,
        );
        filled
    }
}

/// Row and column of a place around a tile, and its pixel in the image, if it lies in one.
#[cube]
fn place_around(tile: &Tile, place: usize, #[comptime] of: Scattered) -> (usize, bool) {
    let across = comptime!(of.across());
    // The image lies `reach` further: row and col are never negative.
    let (row, col) = (tile.top + place / across, tile.left + place % across);
    let inside = row >= of.reach && row < tile.height + of.reach && col >= of.reach && col < tile.width + of.reach;
    ((row - of.reach) * tile.width + col - of.reach, inside)
}

/// Of each place the distance to the nearest that is known along a row (`apart` 1), or, given those, along both axes (`apart` a row).
#[cube]
fn nearest_along(from: &[u32], to: &mut [u32], apart: usize, #[comptime] of: Scattered) {
    let (across, places) = comptime!((of.across(), of.across() * of.across()));
    for turn in 0..turns(places) {
        let place = turn * CUBE_DIM as usize + UNIT_POS as usize;
        if place < places {
            let position = if apart == 1 { place % across } else { place / across };
            let mut least = from[place];
            for step in 1..comptime!(of.reach + 1) {
                if position >= step {
                    least = min(least, max(from[place - step * apart], step as u32));
                }
                if position + step < across {
                    least = min(least, max(from[place + step * apart], step as u32));
                }
            }
            to[place] = least;
        }
    }
}

/// The mean of those of the eight neighbours of a place that have a value before this step.
#[cube]
fn mean_of_neighbours(values: &[f32], away: &[u32], place: usize, step: u32, #[comptime] across: usize) -> f32 {
    let mut sum = f32::new(0.0);
    let mut weight = f32::new(0.0);
    for neighbour in 0..9usize {
        let (down, right) = (neighbour / 3, neighbour % 3);
        let (row, col) = (place / across + down, place % across + right);
        if row > 0 && row <= across && col > 0 && col <= across {
            let other = (row - 1) * across + col - 1;
            if away[other] < step {
                let share = if down == 1 || right == 1 { f32::new(2.0) } else { f32::new(1.0) };
                sum += share * values[other];
                weight += share;
            }
        }
    }
    // At the rim, where what it comes from lies beyond, nobody asks for it.
    sum / max(weight, f32::new(1.0))
}

/// Gives values to all places, those `away` by one step first; what was beyond an image keeps none.
#[cube]
fn spread(values: &mut [f32], away: &[u32], #[comptime] of: Scattered) {
    let (across, places) = comptime!((of.across(), of.across() * of.across()));
    for step in 1..comptime!(of.reach as u32 + 1) {
        for turn in 0..turns(places) {
            let place = turn * CUBE_DIM as usize + UNIT_POS as usize;
            if place < places {
                if away[place] == step {
                    values[place] = mean_of_neighbours(&*values, away, place, step, across);
                }
            }
        }
        sync_cube();
    }
}

/// How many steps outwards each place takes its value; beyond the reach, and beyond the image, more than that. `along` is room for it.
#[cube]
#[allow(clippy::too_many_arguments)]
fn measure(
    stack: &[f32],
    tile: &Tile,
    first: usize,
    channels: usize,
    sparser: bool,
    away: &mut [u32],
    along: &mut [u32],
    #[comptime] of: Scattered,
) {
    let places = comptime!(of.across() * of.across());
    let far = comptime!(of.reach as u32 + 1);
    for turn in 0..turns(places) {
        let place = turn * CUBE_DIM as usize + UNIT_POS as usize;
        if place < places {
            let (pixel, inside) = place_around(tile, place, of);
            away[place] = far;
            if inside {
                if is_known(stack, first + pixel, tile.height * tile.width, channels, sparser, of) {
                    away[place] = 0u32;
                }
            }
        }
    }
    sync_cube();
    nearest_along(&*away, along, 1usize, of);
    sync_cube();
    nearest_along(&*along, away, of.across(), of);
    for turn in 0..turns(places) {
        let place = turn * CUBE_DIM as usize + UNIT_POS as usize;
        if place < places {
            let (_, inside) = place_around(tile, place, of);
            if !inside {
                away[place] = far;
            }
        }
    }
    sync_cube();
}

/// [`Scattered::filled`]: a tile to a cube, of which a unit writes a pixel.
#[cube(launch)]
fn fill_stack(
    stack: &[f32],
    tiles: &[u32],
    filled: &mut [f32],
    examples: usize,
    channels: usize,
    #[comptime] of: Scattered,
) {
    let places = comptime!(of.across() * of.across());
    let mut values = Shared::new_slice(places);
    let mut away = Shared::new_slice(places);
    let mut along = Shared::new_slice(places);
    let tile = Tile::of(tiles, CUBE_POS);
    let plane = tile.height * tile.width;
    let first = (tile.image % examples) * channels * plane;
    measure(stack, &tile, first, channels, tile.image < examples, &mut away, &mut along, of);

    let own = (of.reach + UNIT_POS as usize / TILE) * of.across() + of.reach + UNIT_POS as usize % TILE;
    let (own_pixel, writes) = place_around(&tile, own, of);
    let to = tile.image * comptime!(of.channels()) * plane + own_pixel;
    for channel in 0..comptime!(of.channels()) {
        let last = channel == comptime!(of.channels() - 1);
        let source = if last { 0usize } else { channel };
        let spreads = last || (channel > 2 && channel < comptime!(3 + of.components));
        if spreads {
            for turn in 0..turns(places) {
                let place = turn * CUBE_DIM as usize + UNIT_POS as usize;
                if place < places {
                    let (pixel, _) = place_around(&tile, place, of);
                    let mut value = f32::new(0.0);
                    if away[place] == 0 {
                        value = of_stack(stack, first + pixel, plane, source, of);
                    }
                    values[place] = value;
                }
            }
            sync_cube();
            spread(&mut values, &away, of);
        }
        if writes {
            let mut value = f32::new(0.0);
            if spreads {
                value = values[own];
            } else if channel != 1 {
                value = of_stack(stack, first + own_pixel, plane, source, of);
            } else if away[own] == 0 {
                value = f32::new(1.0);
            }
            filled[to + channel * plane] = value;
        }
        sync_cube();
    }
}

/// Whether a pixel of an example is known; `at` is where it lies in the first channel.
#[cube]
fn is_known(stack: &[f32], at: usize, plane: usize, channels: usize, sparser: bool, #[comptime] of: Scattered) -> bool {
    let mut known = stack[at + plane] > 0.0;
    if sparser {
        let kept = stack[at + (channels - 1) * plane] > 0.0;
        known = if comptime!(of.natural) { kept } else { known && kept };
    }
    known
}

/// A number of an example: natural images are looked at everywhere, and have neither components nor stains.
#[cube]
fn of_stack(stack: &[f32], at: usize, plane: usize, channel: usize, #[comptime] of: Scattered) -> f32 {
    let mut value = f32::new(0.0);
    if comptime!(!of.natural) {
        value = stack[at + channel * plane];
    } else if channel == 0 {
        value = stack[at];
    } else if channel == 2 {
        value = f32::new(1.0);
    }
    value
}
