//! Which bins of a section are measured, on a lattice or not: the mask M and 𝒟 of the method (§1).

use super::nearest::nearest;
use super::scattered::fill;
use super::{Interpolation, Lattice, Raster, interpolate};
use serde::{Deserialize, Serialize};

/// How the measured bins were chosen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Pattern {
    /// One bin of every S×S block.
    #[default]
    Lattice,
    /// Each bin by a draw of its own.
    Random {
        /// The probability of a bin.
        rate: f64,
        /// What the draws depend on, beside the bin's position.
        seed: u64,
    },
    /// The bins that a file lists.
    Listed {
        /// The number of bins.
        bins: u64,
        /// SHA-256 of the file.
        sha256: String,
    },
    /// Every bin.
    All,
    /// Those of another pattern but for bins that were excluded.
    Holes {
        /// The bins that were excluded, within the grid.
        bins: u64,
        /// How many of them were found by their totals.
        automatic: u64,
        /// SHA-256 of what names the others, one after the other.
        sha256: String,
        /// What they were excluded from.
        of: Box<Pattern>,
    },
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Pattern::Lattice => f.write_str("lattice"),
            Pattern::Random { rate, seed } => write!(f, "random (rate {rate}, seed {seed})"),
            Pattern::Listed { bins, .. } => write!(f, "listed ({bins} bins)"),
            Pattern::All => f.write_str("all"),
            Pattern::Holes { bins, automatic: 0, of, .. } => write!(f, "{of}, but for {bins} excluded bins"),
            Pattern::Holes { bins, automatic, of, .. } => {
                write!(f, "{of}, but for {bins} excluded bins, {automatic} of them because of their totals")
            }
        }
    }
}

/// The measured bins of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Where `pattern` is no lattice, only the step between training patches.
    nominal: Lattice,
    pattern: Pattern,
    measured: Raster<bool>,
}

impl Sampling {
    /// The bins of `lattice` on a grid of `rows` × `cols`.
    pub fn regular(lattice: Lattice, rows: usize, cols: usize) -> Self {
        let measured = Raster::from_fn(rows, cols, |row, col| lattice.measures(row, col));
        Sampling { nominal: lattice, pattern: Pattern::Lattice, measured }
    }

    /// The bins of `measured` [rows, cols], chosen by `pattern`; training patches start on `nominal`.
    pub fn of(nominal: Lattice, pattern: Pattern, measured: Raster<bool>) -> Self {
        Sampling { nominal, pattern, measured }
    }

    /// How the bins were chosen.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The lattice of the measured bins; `None` where they lie on none.
    pub fn lattice(&self) -> Option<Lattice> {
        (self.pattern == Pattern::Lattice).then_some(self.nominal)
    }

    /// S of the lattice, or of the grid that training patches start on.
    pub fn nominal(&self) -> Lattice {
        self.nominal
    }

    /// The share of measured bins where they lie on no lattice.
    pub fn rate(&self) -> Option<f64> {
        let measured = self.measured.values().iter().filter(|flag| **flag).count();
        self.lattice().is_none().then(|| measured as f64 / self.measured.values().len() as f64)
    }

    /// How many bins measured ones are apart: S of the lattice, elsewhere that of the lattice with as many bins.
    pub fn spacing(&self) -> usize {
        self.rate().map_or(self.nominal.scale.get(), |rate| (rate.max(1e-6).sqrt().recip().round() as usize).max(2))
    }

    /// Whether measured bins lie side by side, and what was not measured are holes between them: at least half of the measured bins
    /// have four measured neighbours.
    pub fn is_dense(&self) -> bool {
        let (rows, cols) = self.measured.shape();
        let within = |row: usize, col: usize| row < rows && col < cols && self.measured[(row, col)];
        let surrounded = |(row, col): (usize, usize)| {
            let beside = [(row.wrapping_sub(1), col), (row + 1, col), (row, col.wrapping_sub(1)), (row, col + 1)];
            beside.iter().all(|(row, col)| within(*row, *col))
        };
        let measured = || (0..rows * cols).map(|i| (i / cols, i % cols)).filter(|bin| self.measured[*bin]);
        measured().any(|_| true) && 2 * measured().filter(|bin| surrounded(*bin)).count() >= measured().count()
    }

    /// The same section, of which these bins are `measured` [rows, cols] by another `pattern`.
    pub fn with(&self, pattern: Pattern, measured: Raster<bool>) -> Self {
        Sampling { nominal: self.nominal, pattern, measured }
    }

    /// M on the whole grid [rows, cols].
    pub fn measured(&self) -> &Raster<bool> {
        &self.measured
    }

    /// Whether this bin is measured.
    pub fn measures(&self, row: usize, col: usize) -> bool {
        self.measured[(row, col)]
    }

    /// `values` [rows, cols] of the measured bins that are `known` (in the tissue), interpolated to the whole grid; no
    /// other bin of `values` is read.
    ///
    /// On a lattice by [`interpolate`]. Elsewhere `Nearest` takes the nearest known bin, and the others [`fill`]: there is no
    /// bicubic interpolation of scattered values. 0 where nothing is known.
    pub fn interpolate(&self, method: Interpolation, values: &Raster<f32>, known: &Raster<bool>) -> Raster<f32> {
        let (rows, cols) = self.measured.shape();
        if let Some(lattice) = self.lattice() {
            let (sparse, known) = (lattice.subsample(values), lattice.subsample(known));
            return interpolate(method, lattice, &sparse, &known, rows, cols);
        }
        let known = Raster::from_fn(rows, cols, |row, col| known[(row, col)] && self.measures(row, col));
        let dense = match method {
            Interpolation::Nearest => nearest(&known).map(|nearest| nearest.map(|at| values[*at])),
            Interpolation::Bilinear | Interpolation::Bicubic => fill(values, &known),
        };
        dense.unwrap_or_else(|| Raster::filled(rows, cols, 0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::Scale;

    #[test]
    fn no_bin_that_is_not_measured_is_read() {
        let lattice = Lattice::new(Scale::new(2).unwrap());
        let irregular = Raster::from_fn(9, 11, |r, c| (r * 5 + c * 3) % 4 == 0);
        let listed = Pattern::Listed { bins: 0, sha256: String::new() };
        for sampling in [Sampling::regular(lattice, 9, 11), Sampling::of(lattice, listed, irregular)] {
            let values = Raster::from_fn(9, 11, |r, c| (r * c) as f32);
            let spoilt = Raster::from_fn(9, 11, |r, c| if sampling.measures(r, c) { values[(r, c)] } else { f32::NAN });
            let all = values.map(|_| true);
            for method in [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic] {
                let dense = sampling.interpolate(method, &values, &all);
                assert_eq!(sampling.interpolate(method, &spoilt, &all), dense);
                let kept = |at: (usize, usize)| !sampling.measures(at.0, at.1) || dense[at] == values[at];
                assert!((0..99).all(|i| kept((i / 11, i % 11))), "{method:?}");
            }
        }
    }
}
