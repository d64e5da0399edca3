//! The images of a pass, of whatever sizes, side by side in one list of pixels, and the square tiles that kernels work on.

use cubecl::prelude::*;

/// Pixels along a side of a tile of convolutions.
pub(super) const TILE: usize = 8;

/// Height and width of an image.
pub(crate) type Size = (usize, usize);

/// Numbers of a tile in its table.
const FIELDS: usize = 6;

/// A square of an image; it may reach beyond the lower and the right border.
#[derive(CubeType, Clone, Copy)]
pub(super) struct Tile {
    /// The image's first pixel in the list.
    pub(super) first: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) top: usize,
    pub(super) left: usize,
    /// The number of the image.
    pub(super) image: usize,
}

#[cube]
impl Tile {
    /// The tile of this number.
    pub(super) fn of(table: &[u32], number: usize) -> Tile {
        let at = number * FIELDS;
        Tile {
            first: table[at] as usize,
            height: table[at + 1] as usize,
            width: table[at + 2] as usize,
            top: table[at + 3] as usize,
            left: table[at + 4] as usize,
            image: table[at + 5] as usize,
        }
    }

    /// The number of the pixel at this row and column of the tile, and whether it lies in the image.
    pub(super) fn pixel(&self, row: usize, col: usize) -> (usize, bool) {
        let (row, col) = (self.top + row, self.left + col);
        (self.first + row * self.width + col, row < self.height && col < self.width)
    }
}

/// The table of all tiles of a side, image by image.
pub(super) fn tiles(images: &[Size], side: usize) -> Vec<u32> {
    let (mut table, mut first) = (Vec::new(), 0);
    for (image, &(height, width)) in images.iter().enumerate() {
        for top in (0..height).step_by(side) {
            for left in (0..width).step_by(side) {
                table.extend([first, height, width, top, left, image].map(|number| number as u32));
            }
        }
        first += height * width;
    }
    table
}

/// How many tiles a table has.
pub(super) fn count(table: &[u32]) -> usize {
    table.len() / FIELDS
}

/// Numbers of an image in its table.
const IMAGE_FIELDS: usize = 5;

/// An image of the list.
#[derive(CubeType, Clone, Copy)]
pub(super) struct Image {
    /// Its first pixel, and how many it has.
    pub(super) first: usize,
    pub(super) pixels: usize,
    pub(super) width: usize,
    /// Its first tile, and how many it has.
    pub(super) first_tile: usize,
    pub(super) tiles: usize,
}

#[cube]
impl Image {
    /// The image of this number.
    pub(super) fn of(table: &[u32], number: usize) -> Image {
        let at = number * IMAGE_FIELDS;
        Image {
            first: table[at] as usize,
            pixels: table[at + 1] as usize,
            width: table[at + 2] as usize,
            first_tile: table[at + 3] as usize,
            tiles: table[at + 4] as usize,
        }
    }
}

/// The table of the images.
pub(super) fn extents(images: &[Size]) -> Vec<u32> {
    let (mut table, mut first, mut first_tile) = (Vec::new(), 0, 0);
    for &(height, width) in images {
        let (pixels, tiles) = (height * width, height.div_ceil(TILE) * width.div_ceil(TILE));
        table.extend([first, pixels, width, first_tile, tiles].map(|number| number as u32));
        (first, first_tile) = (first + pixels, first_tile + tiles);
    }
    table
}
