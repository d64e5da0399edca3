//! Interpolation of the measured bins onto the whole grid: the baselines, and the start of the network.
//!
//! All of it is aligned to the lattice (a measured bin is a sample at its own position and keeps its value) and
//! knows the tissue: measured bins outside it have no weight.

use super::{Lattice, Raster};
use serde::{Deserialize, Serialize};

/// How the bins between measured ones are filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// The measured bin of the same S×S block: 𝒰 of the paper.
    Nearest,
    /// Distance-weighted mean of the four surrounding measured bins.
    Bilinear,
    /// Keys' cubic convolution (a = −1/2) of the sixteen surrounding measured bins.
    Bicubic,
}

/// The measured image `sparse` [m, n] (weight only where `known`) on the dense grid [rows, cols].
///
/// Neighbours outside the tissue have no weight; the others share it. Bicubic weights can be negative, so where one
/// of its sixteen neighbours is missing it falls back to bilinear. A bin without any known neighbour gets the value 0.
pub fn interpolate(
    method: Interpolation,
    lattice: Lattice,
    sparse: &Raster<f32>,
    known: &Raster<bool>,
    rows: usize,
    cols: usize,
) -> Raster<f32> {
    let s = lattice.scale.get();
    Raster::from_fn(rows, cols, |row, col| {
        if row % s == 0 && col % s == 0 {
            let at = (row / s, col / s);
            return if known[at] { sparse[at] } else { 0.0 };
        }
        let linear =
            || weighted(sparse, known, &linear_taps(row, s, sparse.rows()), &linear_taps(col, s, sparse.cols()), false);
        let value = match method {
            Interpolation::Nearest => known[(row / s, col / s)].then(|| sparse[(row / s, col / s)]).or_else(linear),
            Interpolation::Bilinear => linear(),
            Interpolation::Bicubic => {
                weighted(sparse, known, &cubic_taps(row, s, sparse.rows()), &cubic_taps(col, s, sparse.cols()), true)
                    .or_else(linear)
            }
        };
        value.unwrap_or(0.0)
    })
}

/// The measured rows (or columns) that bear on dense position `at`, with their weights; beyond the last one it is repeated.
fn linear_taps(at: usize, s: usize, length: usize) -> [(usize, f32); 2] {
    let first = at / s;
    let share = (at % s) as f32 / s as f32;
    [(first, 1.0 - share), ((first + 1).min(length - 1), share)]
}

fn cubic_taps(at: usize, s: usize, length: usize) -> [(usize, f32); 4] {
    let first = (at / s) as isize;
    let t = (at % s) as f32 / s as f32;
    let weight = |d: f32| {
        let d = d.abs();
        if d <= 1.0 { (1.5 * d - 2.5) * d * d + 1.0 } else { ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0 }
    };
    std::array::from_fn(|i| {
        let offset = i as isize - 1;
        let index = (first + offset).clamp(0, length as isize - 1) as usize;
        (index, weight(t - offset as f32))
    })
}

/// Σ w·v / Σ w over known neighbours; `None` where they carry no weight, or where `all` are needed and one is missing.
fn weighted(
    sparse: &Raster<f32>,
    known: &Raster<bool>,
    rows: &[(usize, f32)],
    cols: &[(usize, f32)],
    all: bool,
) -> Option<f32> {
    let (mut sum, mut weight) = (0.0, 0.0);
    for &(r, wr) in rows {
        for &(c, wc) in cols {
            if known[(r, c)] {
                sum += wr * wc * sparse[(r, c)];
                weight += wr * wc;
            } else if all {
                return None;
            }
        }
    }
    (weight > 1e-6).then(|| sum / weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::Scale;

    fn plane(rows: usize, cols: usize) -> Raster<f32> {
        Raster::from_fn(rows, cols, |r, c| 3.0 + 0.5 * r as f32 - 0.25 * c as f32)
    }

    #[test]
    fn a_plane_is_reproduced_between_measured_bins() {
        for s in [2, 3] {
            let lattice = Lattice::new(Scale::new(s).unwrap());
            let dense = plane(6 * s + 1, 7 * s + 1);
            let sparse = lattice.subsample(&dense);
            let known = sparse.map(|_| true);
            for method in [Interpolation::Bilinear, Interpolation::Bicubic] {
                let got = interpolate(method, lattice, &sparse, &known, dense.rows(), dense.cols());
                let inner = (2 * s..4 * s).flat_map(|r| (2 * s..4 * s).map(move |c| (r, c)));
                for at in inner {
                    assert!((got[at] - dense[at]).abs() < 1e-5, "{method:?} S={s} at {at:?}");
                }
            }
        }
    }

    #[test]
    fn bins_outside_the_tissue_have_no_weight() {
        let lattice = Lattice::new(Scale::new(2).unwrap());
        let sparse = Raster::from_vec(1, 2, vec![4.0, 1e9]).unwrap();
        let known = Raster::from_vec(1, 2, vec![true, false]).unwrap();
        for method in [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic] {
            let got = interpolate(method, lattice, &sparse, &known, 2, 4);
            assert_eq!(&got.values()[..2], [4.0, 4.0], "{method:?}");
        }
    }
}
