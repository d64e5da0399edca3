//! Which bins of the infinite grid are measured, before the section is framed.

use super::bin::AbsoluteBin;
use crate::section::{Lattice, Pattern, Raster};
use crate::{Error, Result};
use std::path::Path;

/// More bins than this are a mistake in the unit or the bin size: an array over the grid would not fit into memory.
pub(crate) const MAX_BINS: usize = 1 << 28;

/// The measured bins.
#[derive(Clone, Debug)]
pub(crate) enum MeasuredBins {
    /// One bin of every S×S block; bin (0, 0) is one.
    Lattice(Lattice),
    /// Each bin by a draw of its own.
    Random {
        /// The probability of a bin.
        rate: f64,
        /// What the draws depend on, beside the bin's position.
        seed: u64,
    },
    /// The bins of a list.
    Listed(Listed),
}

/// A list of bins.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    first: AbsoluteBin,
    flags: Raster<bool>,
    pattern: Pattern,
}

impl MeasuredBins {
    /// Whether this bin is measured.
    pub(crate) fn measures(&self, bin: AbsoluteBin) -> bool {
        match self {
            MeasuredBins::Lattice(lattice) => {
                let s = lattice.scale.get() as i32;
                bin.row % s == 0 && bin.col % s == 0
            }
            MeasuredBins::Random { rate, seed } => draw(bin, *seed) < *rate,
            MeasuredBins::Listed(list) => list.holds(bin),
        }
    }

    /// What the manifest says of them.
    pub(crate) fn pattern(&self) -> Pattern {
        match self {
            MeasuredBins::Lattice(_) => Pattern::Lattice,
            MeasuredBins::Random { rate, seed } => Pattern::Random { rate: *rate, seed: *seed },
            MeasuredBins::Listed(list) => list.pattern.clone(),
        }
    }

    /// The first and the last bin of the box around a list, which is the frame of the section.
    pub(crate) fn frame(&self) -> Option<(AbsoluteBin, AbsoluteBin)> {
        let MeasuredBins::Listed(Listed { first, flags, .. }) = self else { return None };
        let last = |first: i32, length: usize| first + length as i32 - 1;
        Some((*first, AbsoluteBin { row: last(first.row, flags.rows()), col: last(first.col, flags.cols()) }))
    }
}

/// A number in [0, 1) that depends on nothing but the bin and the seed: two rounds of SplitMix64.
fn draw(bin: AbsoluteBin, seed: u64) -> f64 {
    let mix = |z: u64| {
        let z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let position = (u64::from(bin.row as u32) << 32) | u64::from(bin.col as u32);
    (mix(mix(seed) ^ position) >> 11) as f64 / (1_u64 << 53) as f64
}

impl Listed {
    /// The `bins` that the file `path` lists.
    ///
    /// [`Error::Data`] if there are none, or too far apart for a grid.
    pub(crate) fn of(path: &Path, bins: &[AbsoluteBin], sha256: String) -> Result<Self> {
        let range = |of: fn(&AbsoluteBin) -> i32| Some((bins.iter().map(of).min()?, bins.iter().map(of).max()?));
        let (Some(rows), Some(cols)) = (range(|bin| bin.row), range(|bin| bin.col)) else {
            return Err(Error::data(path, "lists no bin. Expected one measured bin per line"));
        };
        let length = |(first, last): (i32, i32)| (last - first) as usize + 1;
        let (height, width) = (length(rows), length(cols));
        if height * width > MAX_BINS {
            return Err(Error::data(
                path,
                format!(
                    "bins over a grid of {height} × {width}, expected {MAX_BINS} bins at most. Check the positions"
                ),
            ));
        }
        let mut flags = Raster::filled(height, width, false);
        let mut number = 0;
        for bin in bins {
            let flag = &mut flags[((bin.row - rows.0) as usize, (bin.col - cols.0) as usize)];
            number += u64::from(!*flag);
            *flag = true;
        }
        let first = AbsoluteBin { row: rows.0, col: cols.0 };
        Ok(Listed { first, flags, pattern: Pattern::Listed { bins: number, sha256 } })
    }

    fn holds(&self, bin: AbsoluteBin) -> bool {
        let index = |at: i32, first: i32, length: usize| usize::try_from(at - first).ok().filter(|i| *i < length);
        let row = index(bin.row, self.first.row, self.flags.rows());
        let col = index(bin.col, self.first.col, self.flags.cols());
        row.zip(col).is_some_and(|at| self.flags[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_rate_and_depend_on_both_axes_and_the_seed() {
        let all = || (-300..300).flat_map(|row| (-300..300).map(move |col| AbsoluteBin { row, col }));
        let measured = |seed: u64| {
            let bins = MeasuredBins::Random { rate: 0.25, seed };
            all().map(|bin| bins.measures(bin)).collect::<Vec<_>>()
        };
        let (first, second) = (measured(1), measured(2));
        let share = |flags: &[bool]| flags.iter().filter(|flag| **flag).count() as f64 / flags.len() as f64;
        // 360,000 draws: a standard deviation of 0.0007.
        assert!((share(&first) - 0.25).abs() < 0.004, "{}", share(&first));
        let both: Vec<bool> = first.iter().zip(&second).map(|(a, b)| *a && *b).collect();
        assert!((share(&both) - 0.0625).abs() < 0.003, "{}", share(&both));
        let beside: Vec<bool> = first.iter().zip(&first[1..]).map(|(a, b)| *a && *b).collect();
        assert!((share(&beside) - 0.0625).abs() < 0.003, "{}", share(&beside));
    }
}
