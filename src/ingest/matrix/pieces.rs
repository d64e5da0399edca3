//! Pieces of a matrix or a table of records, read on all cores.

use crate::Result;
use crate::compute::Progress;
use crate::ingest::binning::ReadStats;
use rayon::prelude::*;
use std::sync::Mutex;

/// What `read` makes of all `pieces`, in any order; `length` is what a piece has of `unit`s, for progress.
pub(crate) fn read_pieces<P: Sync>(
    unit: &str,
    pieces: &[P],
    length: impl Fn(&P) -> u64 + Sync,
    read: impl Fn(&P) -> Result<ReadStats> + Sync,
) -> Result<ReadStats> {
    let progress = Progress::new("reading", unit, pieces.iter().map(&length).sum());
    let progress = Mutex::new((progress, 0));
    let told = |piece: &P| {
        let stats = read(piece)?;
        if let Ok(mut progress) = progress.lock() {
            progress.1 += length(piece);
            let position = progress.1;
            progress.0.at(position, String::new);
        }
        Ok(stats)
    };
    pieces.par_iter().map(told).try_reduce(ReadStats::default, |a, b| Ok(a + b))
}
