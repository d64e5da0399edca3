//! The measured bins in the tissue, and the neighbours among them of any bin.

use crate::section::{Neighbourhood, Raster, Sampling};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::HashMap;

/// Measured bins that a prediction is made from, those as far as the last of them not counted.
const NEIGHBOURS: usize = 12;

/// Unmeasured bins that a site is compared with before it keeps its own neighbours.
const TRIED: usize = 16;

/// The share of an unmeasured bin's neighbours that have to be there around a site.
const THERE: f64 = 0.75;

/// The measured in-tissue bins, row by row.
pub(super) struct Sites {
    /// (row, col) of each.
    pub(super) at: Vec<(usize, usize)>,
    known: Raster<bool>,
    /// The number of a site by its bin.
    number: Raster<u32>,
    /// How many bins they are apart: S on a lattice.
    pub(super) spacing: f64,
    /// The step between bins that can be sites: S on a lattice, else 1.
    pub(super) step: usize,
}

impl Sites {
    /// The measured ones of the bins in `tissue` [rows, cols].
    pub(super) fn new(sampling: &Sampling, tissue: &Raster<bool>) -> Self {
        let (rows, cols) = tissue.shape();
        let known = Raster::from_fn(rows, cols, |row, col| tissue[(row, col)] && sampling.measures(row, col));
        let bins = (0..rows * cols).map(|i| (i / cols, i % cols));
        let at: Vec<(usize, usize)> = bins.filter(|bin| known[*bin]).collect();
        let mut number = Raster::filled(rows, cols, 0);
        at.iter().zip(0..).for_each(|(bin, site)| number[*bin] = site);
        let scale = sampling.nominal().scale.get();
        let spacing = sampling.rate().map_or(scale as f64, |rate| rate.max(1e-6).sqrt().recip());
        Sites { at, known, number, spacing, step: sampling.lattice().map_or(1, |lattice| lattice.scale.get()) }
    }

    /// The site at `offset` (row, col) from `bin`, if there is one.
    pub(super) fn beside(&self, bin: (usize, usize), offset: (i32, i32)) -> Option<usize> {
        let (row, col) = (bin.0.checked_add_signed(offset.0 as isize)?, bin.1.checked_add_signed(offset.1 as isize)?);
        let inside = row < self.known.rows() && col < self.known.cols();
        (inside && self.known[(row, col)]).then(|| self.number[(row, col)] as usize)
    }

    /// A distance in bins in halves of the spacing: bins of the lattice with S = 2, which the models' ranges were chosen on.
    pub(super) fn halves(&self, bins: f64) -> f64 {
        2.0 * bins / self.spacing
    }

    /// A map of the whole grid that holds `values` at the sites, 0 elsewhere.
    pub(super) fn map(&self, values: &[f64]) -> Raster<f32> {
        let mut map = self.known.map(|_| 0.0);
        self.at.iter().zip(values).for_each(|(bin, value)| map[*bin] = *value as f32);
        map
    }

    /// The neighbours among the sites of each of `bins`, itself left out.
    pub(super) fn around(&self, bins: &[(usize, usize)]) -> Neighbours {
        let search = Neighbourhood::new(self.known.clone(), NEIGHBOURS);
        // A site finds itself first: one more is asked for.
        let search_beside = Neighbourhood::new(self.known.clone(), NEIGHBOURS + 1);
        let around = |bin: &(usize, usize)| {
            let mut offsets = if self.known[*bin] { search_beside.around(*bin) } else { search.around(*bin) };
            offsets.retain(|offset| *offset != (0, 0));
            offsets
        };
        Neighbours::of(bins, around)
    }

    /// For every site neighbours as a bin of `targets` (one at least), drawn at random, has them: as many bins away in the same directions. What is
    /// learned from sites is then learned at the distances of the targets. A site where hardly any target's neighbours are measured, at a
    /// border, has its own of `beside`.
    pub(super) fn like(&self, targets: &Neighbours, beside: &Neighbours) -> Neighbours {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
        let mut site = 0;
        Neighbours::of(&self.at, |bin| {
            let own = &beside.patterns[beside.of[site] as usize];
            site += 1;
            for _ in 0..TRIED {
                let pattern = &targets.patterns[targets.of[rng.random_range(0..targets.of.len())] as usize];
                let there = |offset: &&(i32, i32)| self.beside(*bin, **offset).is_some();
                // The nearest one says how far away a bin is: it has to be there.
                if !pattern.first().is_some_and(|first| there(&first)) {
                    continue;
                }
                let found: Vec<(i32, i32)> = pattern.iter().filter(there).copied().collect();
                if found.len() as f64 >= THERE * pattern.len() as f64 {
                    return found;
                }
            }
            own.clone()
        })
    }
}

/// The neighbours of bins: on a lattice almost all look alike.
pub(super) struct Neighbours {
    /// The bins.
    pub(super) bins: Vec<(usize, usize)>,
    /// Different sets of neighbours, as offsets (row, col), nearest first.
    pub(super) patterns: Vec<Vec<(i32, i32)>>,
    /// Which of them each bin has.
    pub(super) of: Vec<u32>,
}

impl Neighbours {
    /// The neighbours of `bins`, as offsets, nearest first, that `around` gives of each.
    fn of(bins: &[(usize, usize)], mut around: impl FnMut(&(usize, usize)) -> Vec<(i32, i32)>) -> Self {
        let mut numbers: HashMap<Vec<(i32, i32)>, u32> = HashMap::new();
        let mut patterns = Vec::new();
        let mut number = |bin: &(usize, usize)| {
            *numbers.entry(around(bin)).or_insert_with_key(|offsets| {
                patterns.push(offsets.clone());
                patterns.len() as u32 - 1
            })
        };
        let of = bins.iter().map(&mut number).collect();
        Neighbours { bins: bins.to_vec(), patterns, of }
    }

    /// How far away the nearest neighbour of each bin is, in bins; 0 where there is none.
    pub(super) fn distances(&self) -> Vec<f64> {
        let nearest: Vec<f64> =
            self.patterns.iter().map(|offsets| offsets.first().copied().map_or(0.0, length)).collect();
        self.of.iter().map(|pattern| nearest[*pattern as usize]).collect()
    }

    /// The sites around the bin of this number.
    pub(super) fn sites<'a>(&'a self, sites: &'a Sites, bin: usize) -> impl Iterator<Item = usize> + 'a {
        let offsets = &self.patterns[self.of[bin] as usize];
        offsets.iter().filter_map(move |offset| sites.beside(self.bins[bin], *offset))
    }
}

/// The length of an offset, in bins.
pub(super) fn length((row, col): (i32, i32)) -> f64 {
    f64::from(row).hypot(f64::from(col))
}
