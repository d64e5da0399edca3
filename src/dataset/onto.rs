//! From the measured bins of one section to the bins of another.

use crate::guides::Affine;
use crate::section::{Bin, Grid, Raster, Sampling};

/// Standard deviation of the weights around a bin, in spacings of the measured ones, and how many deviations they reach.
const WIDTH: f64 = 0.5;
const REACH: f64 = 3.5;

/// A measured bin nearer to the centre of another section's bin than this, in bins, is the same place.
const SAME: f64 = 0.5;

/// Which measured bins each bin of another section is told from, and their weights.
///
/// Of a dense section, the four around its centre, bilinearly. Of a sparse one, those around by a Gaussian, but for one in the very place: lattices of
/// both often coincide, and what is learned from a guide in measured bins, where it is a measurement, would be wrong between them, where it is none.
#[derive(Clone, Debug)]
pub(super) struct Onto {
    /// Where the taps of a bin begin: [bins + 1].
    starts: Vec<u32>,
    /// Measured bins, as row × columns + column, and their weights.
    taps: Vec<(u32, f32)>,
}

impl Onto {
    /// From the bins of `sampling` in the `tissue` on `theirs` to those of `own`; `back` leads from µm of this to µm of that.
    pub(super) fn new(sampling: &Sampling, tissue: &Raster<bool>, theirs: &Grid, own: &Grid, back: &Affine) -> Self {
        let inside = tissue.values().iter().zip(sampling.measured().values());
        let dense = inside.clone().all(|(inside, measured)| !inside || *measured);
        let known: Vec<bool> = inside.map(|(inside, measured)| *inside && *measured).collect();
        let known = |row: usize, col: usize| known[row * theirs.cols + col];
        let mut onto = Onto { starts: vec![0], taps: Vec::new() };
        for (row, col) in (0..own.rows * own.cols).map(|i| (i / own.cols, i % own.cols)) {
            let [x, y] = back.at(own.centre_um(Bin { row: row as u32, col: col as u32 }));
            let [across, down] = [(x, 0), (y, 1)].map(|(um, axis)| (um - theirs.origin_um[axis]) / theirs.bin_um - 0.5);
            let four = around(theirs, across, down, 1.0).map(|(row, col, away)| (row, col, corner(away)));
            let covered: f64 =
                four.clone().filter(|(row, col, _)| tissue[(*row, *col)]).map(|(.., weight)| weight).sum();
            if covered >= 0.5 && dense {
                onto.take(theirs, four.filter(|(row, col, _)| known(*row, *col)));
            } else if covered >= 0.5 {
                let width = WIDTH * sampling.spacing() as f64;
                let others = around(theirs, across, down, REACH * width).map(|(row, col, [dx, dy])| {
                    let square = dx * dx + dy * dy;
                    let weight = if square < SAME * SAME { 0.0 } else { (-square / (2.0 * width * width)).exp() };
                    (row, col, weight)
                });
                onto.take(theirs, others.filter(|(row, col, _)| known(*row, *col)));
            }
            onto.starts.push(onto.taps.len() as u32);
        }
        onto
    }

    /// What the bin of this number is told from.
    pub(super) fn taps(&self, bin: usize) -> &[(u32, f32)] {
        &self.taps[self.starts[bin] as usize..self.starts[bin + 1] as usize]
    }

    fn take(&mut self, theirs: &Grid, bins: impl Iterator<Item = (usize, usize, f64)>) {
        let weighed = bins.filter(|(.., weight)| *weight > 0.0);
        self.taps.extend(weighed.map(|(row, col, weight)| ((row * theirs.cols + col) as u32, weight as f32)));
    }
}

/// The bins of a grid up to `reach` from a point along both axes, and how far they are to the right and below it; centres have whole numbers.
fn around(grid: &Grid, across: f64, down: f64, reach: f64) -> impl Iterator<Item = (usize, usize, [f64; 2])> + Clone {
    let along = |at: f64, length: usize| {
        let last = (at + reach).floor().min(length as f64 - 1.0);
        ((at - reach).ceil().max(0.0) as usize)..(last + 1.0).max(0.0) as usize
    };
    let (rows, cols) = (along(down, grid.rows), along(across, grid.cols));
    rows.flat_map(move |row| cols.clone().map(move |col| (row, col, [col as f64 - across, row as f64 - down])))
}

/// The bilinear weight of a bin so far away.
fn corner([dx, dy]: [f64; 2]) -> f64 {
    (1.0 - dx.abs()).max(0.0) * (1.0 - dy.abs()).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::{Lattice, Pattern, Scale};

    fn grid(rows: usize, cols: usize) -> Grid {
        Grid { rows, cols, bin_um: 10.0, origin_um: [0.0, 0.0] }
    }

    #[test]
    fn a_dense_section_is_read_in_place_and_a_sparse_one_from_around() {
        let (tissue, same) = (Raster::filled(9, 11, true), Affine::pixels([1.0; 2], [0.0; 2]));
        let lattice = Lattice::new(Scale::TWO);
        let dense = Sampling::of(lattice, Pattern::All, tissue.clone());
        let onto = Onto::new(&dense, &tissue, &grid(9, 11), &grid(9, 11), &same);
        assert!((0..99).all(|bin| onto.taps(bin) == [(bin as u32, 1.0)]));
        // A quarter of a bin to the right: three quarters of the one, a quarter of the other.
        let right = Affine::pixels([1.0; 2], [2.5, 0.0]);
        assert_eq!(Onto::new(&dense, &tissue, &grid(9, 11), &grid(9, 11), &right).taps(0), [(0, 0.75), (1, 0.25)]);
        let sparse = Sampling::regular(lattice, 9, 11);
        let onto = Onto::new(&sparse, &tissue, &grid(9, 11), &grid(9, 11), &same);
        for bin in 0..99 {
            let taps = onto.taps(bin);
            assert!(!taps.is_empty() && taps.iter().all(|(tap, _)| *tap as usize != bin), "{bin}");
            assert!(taps.iter().all(|(tap, _)| sparse.measures(*tap as usize / 11, *tap as usize % 11)));
        }
    }
}
