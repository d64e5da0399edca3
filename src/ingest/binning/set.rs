//! A set of bins of the infinite grid.

use super::bin::AbsoluteBin;
use crate::section::Raster;

/// More bins than this are a mistake in the unit or the bin size: an array over the grid would not fit into memory.
pub(crate) const MAX_BINS: usize = crate::section::Grid::MOST_BINS;

/// Some bins, as flags over the box around them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BinSet {
    first: AbsoluteBin,
    flags: Raster<bool>,
}

impl BinSet {
    /// The set of `bins`, one at least; the error says that they lie too far apart for a grid.
    pub(crate) fn of(bins: &[AbsoluteBin]) -> Result<Self, String> {
        let range = |of: fn(&AbsoluteBin) -> i32| Some((bins.iter().map(of).min()?, bins.iter().map(of).max()?));
        let (Some(rows), Some(cols)) = (range(|bin| bin.row), range(|bin| bin.col)) else {
            return Err("no bin".to_owned());
        };
        let length = |(first, last): (i32, i32)| (last - first) as usize + 1;
        let set = BinSet::empty(AbsoluteBin { row: rows.0, col: cols.0 }, length(rows), length(cols));
        let mut set = set.map_err(|what| {
            format!("{what}: they go from row {} to {} and from column {} to {}", rows.0, rows.1, cols.0, cols.1)
        })?;
        bins.iter().for_each(|bin| set.insert(*bin));
        Ok(set)
    }

    /// None of the `height` × `width` bins from `first` on.
    pub(crate) fn empty(first: AbsoluteBin, height: usize, width: usize) -> Result<Self, String> {
        if height.checked_mul(width).is_none_or(|bins| bins > MAX_BINS) {
            let what = format!("bins over a grid of {height} × {width}, expected {MAX_BINS} bins at most");
            return Err(format!("{what}. Check the positions"));
        }
        Ok(BinSet { first, flags: Raster::filled(height, width, false) })
    }

    /// The bins of either set.
    pub(crate) fn union(&self, other: &BinSet) -> Result<Self, String> {
        BinSet::of(&self.bins().chain(other.bins()).collect::<Vec<_>>())
    }

    /// Adds a bin of the box.
    pub(crate) fn insert(&mut self, bin: AbsoluteBin) {
        if let Some(at) = self.index(bin) {
            self.flags[at] = true;
        }
    }

    /// Whether the bin is one of them.
    pub(crate) fn holds(&self, bin: AbsoluteBin) -> bool {
        self.index(bin).is_some_and(|at| self.flags[at])
    }

    /// Whether any of them is one of a section from the first to the last bin, or beside one.
    pub(crate) fn meets(&self, (first, last): (AbsoluteBin, AbsoluteBin)) -> bool {
        self.bins().any(|AbsoluteBin { row, col }| {
            (first.row - 1..=last.row + 1).contains(&row) && (first.col - 1..=last.col + 1).contains(&col)
        })
    }

    /// How many they are.
    pub(crate) fn count(&self) -> u64 {
        self.flags.values().iter().filter(|flag| **flag).count() as u64
    }

    /// All of them, row by row.
    pub(crate) fn bins(&self) -> impl Iterator<Item = AbsoluteBin> {
        let cols = self.flags.cols();
        let held = self.flags.values().iter().enumerate().filter(|(_, flag)| **flag);
        held.map(move |(i, _)| AbsoluteBin {
            row: self.first.row + (i / cols) as i32,
            col: self.first.col + (i % cols) as i32,
        })
    }

    /// The first and the last bin of the box.
    pub(crate) fn extent(&self) -> (AbsoluteBin, AbsoluteBin) {
        let last = |first: i32, length: usize| first + length as i32 - 1;
        let AbsoluteBin { row, col } = self.first;
        (self.first, AbsoluteBin { row: last(row, self.flags.rows()), col: last(col, self.flags.cols()) })
    }

    fn index(&self, bin: AbsoluteBin) -> Option<(usize, usize)> {
        let index = |at: i32, first: i32, length: usize| usize::try_from(at - first).ok().filter(|i| *i < length);
        let row = index(bin.row, self.first.row, self.flags.rows());
        row.zip(index(bin.col, self.first.col, self.flags.cols()))
    }
}
