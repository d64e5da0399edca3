//! Which bins are measured: the sampling lattice, 𝒟 and 𝒰 of the method (§1).

use super::Raster;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// S: one bin in S² is measured. At least 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "usize", into = "usize")]
pub struct Scale(usize);

impl Scale {
    /// One bin in four.
    pub const TWO: Scale = Scale(2);

    /// The scale `s`; [`Error::Usage`] below 2, where nothing would be left to impute.
    pub fn new(s: usize) -> Result<Self> {
        if s < 2 {
            return Err(Error::Usage(format!("scale {s}: expected 2 or more (one bin in scale² is measured)")));
        }
        Ok(Scale(s))
    }

    /// S as a number.
    pub fn get(self) -> usize {
        self.0
    }
}

impl TryFrom<usize> for Scale {
    type Error = Error;
    fn try_from(s: usize) -> Result<Self> {
        Scale::new(s)
    }
}

impl From<Scale> for usize {
    fn from(s: Scale) -> usize {
        s.0
    }
}

/// The regular sampling lattice: the top-left bin of every S×S block of the grid is measured.
///
/// Grids are framed so that the first row and column lie on the lattice, so a lattice needs no phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lattice {
    /// S.
    pub scale: Scale,
}

impl Lattice {
    /// The lattice with one measured bin in `scale`².
    pub fn new(scale: Scale) -> Self {
        Lattice { scale }
    }

    /// Whether the lattice measures this bin.
    pub fn measures(&self, row: usize, col: usize) -> bool {
        row.is_multiple_of(self.scale.get()) && col.is_multiple_of(self.scale.get())
    }

    /// 𝒟 as an image of its own: X_m [⌈rows/S⌉, ⌈cols/S⌉] of a dense raster, or X_l of an X_m.
    pub fn subsample<T: Clone>(&self, dense: &Raster<T>) -> Raster<T> {
        let s = self.scale.get();
        Raster::from_fn(dense.rows().div_ceil(s), dense.cols().div_ceil(s), |row, col| {
            dense[(row * s, col * s)].clone()
        })
    }

    /// 𝒰: nearest upsampling, every pixel fills its S×S block, cut to `rows` × `cols`.
    pub fn upsample<T: Clone>(&self, sparse: &Raster<T>, rows: usize, cols: usize) -> Raster<T> {
        let s = self.scale.get();
        Raster::from_fn(rows, cols, |row, col| sparse[(row / s, col / s)].clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsampling_an_upsampled_raster_gives_it_back() {
        let lattice = Lattice::new(Scale::new(3).unwrap());
        let sparse = Raster::from_fn(3, 4, |r, c| r * 10 + c);
        let dense = lattice.upsample(&sparse, 8, 11);
        assert_eq!(lattice.subsample(&dense), sparse);
        assert_eq!(dense[(7, 10)], 23);
    }

    #[test]
    fn a_scale_of_one_leaves_nothing_to_impute() {
        assert!(Scale::new(1).is_err());
    }
}
