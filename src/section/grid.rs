//! Where the bins lie in the tissue.

use serde::{Deserialize, Serialize};

/// One square bin of a section: its row (down) and column (right).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bin {
    /// Rows count downwards, along y.
    pub row: u32,
    /// Columns count to the right, along x.
    pub col: u32,
}

/// The grid of square bins laid over a section.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// Number of rows, along y.
    pub rows: usize,
    /// Number of columns, along x.
    pub cols: usize,
    /// Side of a bin in µm.
    pub bin_um: f64,
    /// x and y in µm of the top-left corner of bin (0, 0), in the platform's coordinates.
    pub origin_um: [f64; 2],
}

impl Grid {
    /// Most bins of a grid: more are a mistake in the unit or the bin size, for an array over the grid would not fit into memory.
    pub const MOST_BINS: usize = 1 << 28;

    /// The bin that holds the point (`x`, `y`) in µm; `None` outside the grid.
    pub fn bin_at(&self, x: f64, y: f64) -> Option<Bin> {
        let col = ((x - self.origin_um[0]) / self.bin_um).floor();
        let row = ((y - self.origin_um[1]) / self.bin_um).floor();
        let inside = row >= 0.0 && col >= 0.0 && row < self.rows as f64 && col < self.cols as f64;
        inside.then_some(Bin { row: row as u32, col: col as u32 })
    }

    /// Where a point in µm lies in columns and rows, counted from the corner of bin (0, 0).
    pub fn place(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [(x - self.origin_um[0]) / self.bin_um, (y - self.origin_um[1]) / self.bin_um]
    }

    /// Centre of a bin as (x, y) in µm.
    pub fn centre_um(&self, bin: Bin) -> [f64; 2] {
        [
            self.origin_um[0] + (f64::from(bin.col) + 0.5) * self.bin_um,
            self.origin_um[1] + (f64::from(bin.row) + 0.5) * self.bin_um,
        ]
    }
}
