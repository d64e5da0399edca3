//! From the sums per key to a section: the frame of the grid, counts per gene, totals per bin.

use super::accumulator::{Accumulator, Run};
use super::bin::AbsoluteBin;
use super::features::{Features, GeneNames};
use super::grid::Binning;
use super::key::Key;
use super::measured::MeasuredBins;
use super::set::{BinSet, MAX_BINS};
use super::strays::Strays;
use crate::dataset::{GeneCounts, Quantity, SectionCounts};
use crate::section::{Grid, Pattern, Raster, Sampling};
use crate::{Error, Result};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A grid of more bins than this has to hold something in one of [`SPARSEST`] bins: otherwise a single stray position
/// would make arrays that hold next to nothing.
const LARGE_GRID: usize = 1 << 24;
const SPARSEST: usize = 10_000;

/// A section, and what was left out of it.
#[derive(Debug)]
pub(crate) struct Framed {
    pub section: SectionCounts,
    /// Its first bin.
    pub first: AbsoluteBin,
    /// Which of its bins are measured.
    pub sampling: Sampling,
    /// Molecules inside the frame.
    pub kept: u64,
    /// Molecules outside the frame: all of them between or beyond the measured bins.
    pub outside: u64,
    /// Genes without a count in any measured bin, left out.
    pub unmeasured_genes: usize,
}

impl Framed {
    /// Which of the section's bins are of a set [rows, cols].
    pub(crate) fn flags(&self, set: &BinSet) -> Raster<bool> {
        let Grid { rows, cols, .. } = self.section.grid;
        Raster::from_fn(rows, cols, |row, col| {
            set.holds(AbsoluteBin { row: self.first.row + row as i32, col: self.first.col + col as i32 })
        })
    }

    /// The first and the last bin.
    pub(crate) fn extent(&self) -> (AbsoluteBin, AbsoluteBin) {
        let Grid { rows, cols, .. } = self.section.grid;
        let AbsoluteBin { row, col } = self.first;
        (self.first, AbsoluteBin { row: row + rows as i32 - 1, col: col + cols as i32 - 1 })
    }
}

/// Frames what was collected from `input`, cropped to a region if there is one.
///
/// [`Error::Data`] where nothing was measured, the grid is too small or too large, or a gene of `selection` was not measured.
pub(crate) fn frame(
    accumulator: Accumulator,
    binning: &Binning,
    quantity: Quantity,
    selection: Option<&BTreeSet<String>>,
    names: &GeneNames,
    input: &Path,
    region: Option<&BinSet>,
) -> Result<Framed> {
    let runs = accumulator.into_runs();
    let frame = Frame::around(&runs, binning, region).ok_or_else(|| {
        if let Some((region, whole)) = region.zip(Frame::around(&runs, binning, None)) {
            return Error::data(
                input,
                format!(
                    "no transcript of a measured bin lies in the region, which is at {}; the section is at {}",
                    binning.span(region.extent()),
                    binning.span((whole.first, whole.last()))
                ),
            );
        }
        Error::data(
            input,
            "no transcript of a gene in any measured bin. Check --origin and --bin-um, and that the names are gene names",
        )
    })?;
    frame.check(&runs, input)?;
    let mut framed = frame.section(runs, quantity, names, input)?;
    let measured: BTreeSet<&str> = framed.section.genes.iter().map(|gene| gene.name.as_str()).collect();
    if let Some(wanted) = selection {
        names.all_measured(wanted, &measured, input)?;
    }
    framed.section.genes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(framed)
}

/// The bounding box of the measured bins that hold a transcript, on a lattice filled up to whole S×S blocks; or of the
/// bins that the user listed.
///
/// Withheld bins have no part in it (§8 of the method).
#[derive(Clone, Copy, Debug)]
struct Frame<'a> {
    binning: &'a Binning,
    region: Option<&'a BinSet>,
    first: AbsoluteBin,
    rows: usize,
    cols: usize,
}

impl<'a> Frame<'a> {
    fn around(runs: &[Run], binning: &'a Binning, region: Option<&'a BinSet>) -> Option<Self> {
        let counts = |bin: &AbsoluteBin| binning.measures(*bin) && region.is_none_or(|region| region.holds(*bin));
        let bounds = |run: &Run| {
            let measured = run.iter().map(|(key, _)| key.bin()).filter(counts);
            measured.map(|bin| (bin, bin)).reduce(union)
        };
        let filled = runs.par_iter().filter_map(bounds).reduce_with(union)?;
        let (first, last) = binning.measured.listed().map_or(filled, BinSet::extent);
        let block = if matches!(binning.measured, MeasuredBins::Lattice(_)) { binning.lattice.scale.get() } else { 1 };
        let length = |first: i32, last: i32| (last - first) as usize + block;
        let (rows, cols) = (length(first.row, last.row), length(first.col, last.col));
        Some(Frame { binning, region, first, rows, cols })
    }

    fn last(&self) -> AbsoluteBin {
        AbsoluteBin { row: self.first.row + self.rows as i32 - 1, col: self.first.col + self.cols as i32 - 1 }
    }

    fn check(&self, runs: &[Run], input: &Path) -> Result<()> {
        let (rows, cols, bin_um) = (self.rows, self.cols, self.binning.bin_um);
        let s = self.binning.lattice.scale.get();
        if rows.min(cols) < s * s {
            return Err(Error::data(
                input,
                format!(
                    "a grid of {rows} × {cols} bins of {bin_um} µm is too small for scale {s}: expected {} or more along each side, so that the measured bins can be subsampled once more. Choose a smaller --bin-um or --scale",
                    s * s
                ),
            ));
        }
        let strays = self.strays(runs).map(|strays| {
            let remedy = match self.binning.measured.listed() {
                Some(_) => "If they are mistakes, take them out of the list that --measured gives",
                None => "If they are not of the section, choose it with --region, or take them out of the file",
            };
            format!("{}. {remedy}", strays.told(self.binning))
        });
        let filled = || runs.iter().flat_map(Run::iter).filter(|(key, _)| self.binning.measures(key.bin())).count();
        let what = match rows.checked_mul(cols) {
            Some(bins) if bins <= LARGE_GRID || (bins <= MAX_BINS && filled() >= bins / SPARSEST) => {
                if let Some(strays) = strays {
                    tracing::warn!("{}: a grid of {rows} × {cols} bins, for {strays}", input.display());
                }
                return Ok(());
            }
            Some(bins) if bins <= MAX_BINS => {
                format!("expected more than {} of them to hold anything", bins / SPARSEST)
            }
            _ => format!("expected {MAX_BINS} bins at most"),
        };
        let remedy = strays.map(|strays| format!("There is {strays}"));
        let remedy = remedy
            .as_deref()
            .unwrap_or("Choose a larger --bin-um, or check the unit (--um-per-unit) and the input for stray positions");
        Err(Error::data(input, format!("a grid of {rows} × {cols} bins of {bin_um} µm, {what}. {remedy}")))
    }

    /// Bins that the frame is drawn around, far from all others.
    fn strays(&self, runs: &[Run]) -> Option<Strays> {
        let scale = self.binning.lattice.scale.get();
        let extent = (self.first, self.last());
        if let Some(listed) = self.binning.measured.listed() {
            return Strays::find(extent, scale, |each| listed.bins().for_each(each));
        }
        Strays::find(extent, scale, |each| {
            runs.par_iter().for_each(|run| {
                run.iter().map(|(key, _)| key.bin()).filter(|bin| self.counts(*bin)).for_each(each);
            });
        })
    }

    /// Whether the frame is drawn around this bin, if it holds anything.
    fn counts(&self, bin: AbsoluteBin) -> bool {
        self.binning.measures(bin) && self.region.is_none_or(|region| region.holds(bin))
    }

    fn sampling(&self) -> Sampling {
        let (rows, cols, first) = (self.rows, self.cols, self.first);
        let flags = |of: &dyn Fn(AbsoluteBin) -> bool| {
            Raster::from_fn(rows, cols, |row, col| {
                of(AbsoluteBin { row: first.row + row as i32, col: first.col + col as i32 })
            })
        };
        let measured = &self.binning.measured;
        let mut pattern = measured.pattern();
        if let (Pattern::Holes { bins, .. }, MeasuredBins::Without { of, excluded, .. }) = (&mut pattern, measured) {
            let out = flags(&|bin| of.measures(bin) && excluded.holds(bin));
            *bins = out.values().iter().filter(|out| **out).count() as u64;
        }
        Sampling::of(self.binning.lattice, pattern, flags(&|bin| measured.measures(bin)))
    }

    fn grid(&self) -> Grid {
        let [x, y] = self.binning.anchor_um;
        let bin_um = self.binning.bin_um;
        let corner = [x + f64::from(self.first.col) * bin_um, y + f64::from(self.first.row) * bin_um];
        Grid { rows: self.rows, cols: self.cols, bin_um, origin_um: corner }
    }

    /// The index of a bin, row × cols + col, if it is in the frame and the region.
    fn index(&self, bin: AbsoluteBin) -> Option<usize> {
        if self.region.is_some_and(|region| !region.holds(bin)) {
            return None;
        }
        let row = usize::try_from(bin.row - self.first.row).ok().filter(|row| *row < self.rows)?;
        let col = usize::try_from(bin.col - self.first.col).ok().filter(|col| *col < self.cols)?;
        Some(row * self.cols + col)
    }

    fn section(&self, runs: Vec<Run>, quantity: Quantity, names: &GeneNames, input: &Path) -> Result<Framed> {
        let totals: Vec<AtomicU32> = std::iter::repeat_with(AtomicU32::default).take(self.rows * self.cols).collect();
        // By value: every run goes as soon as its genes are taken out.
        let parts = runs.into_par_iter().map(|run| self.part(&run, quantity, names, &totals));
        let all = parts.reduce(Part::default, Part::and);
        let totals: Vec<u32> = totals.into_iter().map(AtomicU32::into_inner).collect();
        if let Some(index) = totals.iter().position(|total| *total == u32::MAX) {
            let (row, col) = (index / self.cols, index % self.cols);
            return Err(Error::data(
                input,
                format!("bin ({row}, {col}) holds {} counts or more. Check which column holds the counts", u32::MAX),
            ));
        }
        let totals = Raster::from_fn(self.rows, self.cols, |row, col| totals[row * self.cols + col]);
        let Part { genes, kept, outside, unmeasured_genes } = all;
        let section = SectionCounts { grid: self.grid(), totals, genes };
        Ok(Framed { section, first: self.first, sampling: self.sampling(), kept, outside, unmeasured_genes })
    }

    /// What a run holds; its counts are added to `totals`.
    fn part(&self, run: &Run, quantity: Quantity, names: &GeneNames, totals: &[AtomicU32]) -> Part {
        let mut part = Part::default();
        let mut entries = run.iter().peekable();
        while let Some((key, _)) = entries.peek() {
            let feature = key.feature();
            let own = std::iter::from_fn(|| entries.next_if(|(key, _)| key.feature() == feature));
            // Of values that came normalised, a bin's total is the number of genes found in it.
            let found = quantity == Quantity::Values && feature != Features::OTHER;
            let own = own.map(|(key, count)| (key, count, if found { 1 } else { count }));
            debug_assert_eq!(feature == Features::OTHER, names.get(feature).is_none());
            self.feature(own, names.get(feature), totals, &mut part);
        }
        part
    }

    /// Adds a feature to what its run holds, by its entries with what each counts towards the totals; without a `name`, to those alone.
    fn feature(
        &self,
        entries: impl Iterator<Item = (Key, u32, u32)>,
        name: Option<&str>,
        totals: &[AtomicU32],
        part: &mut Part,
    ) {
        let (mut counts, mut measured) = (Vec::new(), false);
        for (key, count, found) in entries {
            let bin = key.bin();
            let Some(index) = self.index(bin) else {
                part.outside += u64::from(found);
                continue;
            };
            part.kept += u64::from(found);
            // Sums that do not fit stay at the maximum, in whatever order they are added up.
            let _ = totals[index].fetch_update(Relaxed, Relaxed, |total| Some(total.saturating_add(found)));
            if name.is_some() {
                measured = measured || self.binning.measures(bin);
                counts.push((index as u32, count));
            }
        }
        match name {
            Some(name) if measured => {
                counts.shrink_to_fit();
                part.genes.push(GeneCounts { name: name.to_owned(), counts });
            }
            Some(_) => part.unmeasured_genes += 1,
            None => {}
        }
    }
}

/// What some runs hold.
#[derive(Default)]
struct Part {
    genes: Vec<GeneCounts>,
    kept: u64,
    outside: u64,
    unmeasured_genes: usize,
}

impl Part {
    fn and(mut self, other: Part) -> Part {
        self.genes.extend(other.genes);
        self.kept += other.kept;
        self.outside += other.outside;
        self.unmeasured_genes += other.unmeasured_genes;
        self
    }
}

fn union(a: (AbsoluteBin, AbsoluteBin), b: (AbsoluteBin, AbsoluteBin)) -> (AbsoluteBin, AbsoluteBin) {
    (
        AbsoluteBin { row: a.0.row.min(b.0.row), col: a.0.col.min(b.0.col) },
        AbsoluteBin { row: a.1.row.max(b.1.row), col: a.1.col.max(b.1.col) },
    )
}
