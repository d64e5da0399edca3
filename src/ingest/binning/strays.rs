//! Bins far from all others, which make a grid of them many times as large as the section.

use super::bin::AbsoluteBin;
use super::grid::Binning;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// More bins than this are a part of the section.
const FEW: usize = 8;

/// How many times smaller the grid has to be without them.
const TIMES: usize = 4;

/// Rows or columns without a bin that set strays apart, beyond those that a pattern leaves out.
const GAP: usize = 8;

/// Some bins, and the rows and columns of the grid without them.
#[derive(Debug, PartialEq)]
pub(crate) struct Strays {
    bins: Vec<AbsoluteBin>,
    rows: usize,
    cols: usize,
}

impl Strays {
    /// Those of the bins that `walk` gives to whom it is given, on any thread; they lie between `first` and `last`, and one in `scale` rows and
    /// columns may hold one. `walk` is called twice at most.
    pub(crate) fn find(
        (first, last): (AbsoluteBin, AbsoluteBin),
        scale: usize,
        walk: impl Fn(&(dyn Fn(AbsoluteBin) + Sync)),
    ) -> Option<Strays> {
        let flags = |first: i32, last: i32| {
            std::iter::repeat_with(AtomicBool::default).take((last - first) as usize + 1).collect::<Vec<_>>()
        };
        let (rows, cols) = (flags(first.row, last.row), flags(first.col, last.col));
        let at =
            |bin: AbsoluteBin| Some((rows.get(index(bin.row, first.row)?)?, cols.get(index(bin.col, first.col)?)?));
        walk(&|bin| {
            if let Some((row, col)) = at(bin) {
                // Most are set already: reading alone leaves the line in all caches.
                [row, col].into_iter().filter(|flag| !flag.load(Relaxed)).for_each(|flag| flag.store(true, Relaxed));
            }
        });
        let (of_rows, of_cols) = (core(&rows, scale)?, core(&cols, scale)?);
        let kept = [of_rows, of_cols].map(|[from, to]| to - from + 1);
        if rows.len().saturating_mul(cols.len()) < TIMES.saturating_mul(kept[0].saturating_mul(kept[1])) {
            return None;
        }
        let is_in = |index: Option<usize>, [from, to]: [usize; 2]| index.is_some_and(|i| (from..=to).contains(&i));
        let outside = std::sync::Mutex::new(Vec::new());
        walk(&|bin| {
            let inside = is_in(index(bin.row, first.row), of_rows) && is_in(index(bin.col, first.col), of_cols);
            if !inside && let Ok(mut outside) = outside.lock() {
                // The same bin comes once for every gene.
                if outside.len() <= FEW && !outside.contains(&bin) {
                    outside.push(bin);
                }
            }
        });
        let mut bins = outside.into_inner().ok().filter(|bins| (1..=FEW).contains(&bins.len()))?;
        bins.sort_unstable_by_key(|bin| (bin.row, bin.col));
        Some(Strays { bins, rows: kept[0], cols: kept[1] })
    }

    /// Where they are, and how large the grid would be without them, for people.
    pub(crate) fn told(&self, binning: &Binning) -> String {
        let at = |bin: &AbsoluteBin| {
            let [x, y] = binning.centre_um(*bin);
            format!("({x:.0}, {y:.0})")
        };
        let places: Vec<String> = self.bins.iter().map(at).collect();
        let (what, rest) = if places.len() == 1 { ("one bin", "it") } else { ("a few bins", "them") };
        format!(
            "{what} far from all others, at {} µm; without {rest} it is {} × {}",
            places.join(", "),
            self.rows,
            self.cols
        )
    }
}

fn index(at: i32, first: i32) -> Option<usize> {
    usize::try_from(i64::from(at) - i64::from(first)).ok()
}

/// The first and the last of the set `flags`, without the outermost few beyond the widest gap at each end, if that is wide; `None` where
/// few are set at all, of which none are strays.
fn core(flags: &[AtomicBool], scale: usize) -> Option<[usize; 2]> {
    let set: Vec<usize> = (0..flags.len()).filter(|i| flags[*i].load(Relaxed)).collect();
    let last = set.len().checked_sub(1).filter(|last| *last > 2 * FEW)?;
    let gap = |at: usize| Some(set[at] - set[at - 1]).filter(|gap| *gap > GAP + scale);
    let from = (1..=FEW).filter_map(|at| Some((gap(at)?, at))).max().map_or(0, |(_, at)| at);
    let to = (0..FEW).filter_map(|off| Some((gap(last - off)?, off + 1))).max().map_or(0, |(_, off)| off);
    Some([set[from], set[last - to]])
}
