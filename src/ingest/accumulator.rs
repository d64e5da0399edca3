//! Adds counts up per key, from many threads, in memory bounded by the number of *different* keys (at most grid × panel).
//!
//! Each thread collects a few hundred thousand entries, sorts them and adds up equal keys: a run. Runs of about the
//! same length are merged as they meet, so that at any time the runs of a partition have lengths that at least double,
//! and together are not much longer than the final one.

use super::key::{Key, PARTITIONS};
use rayon::prelude::*;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Entries that a thread collects before it sorts them: 8 MiB.
const BUFFER: usize = 1 << 19;

/// Different keys in ascending order, with their counts.
#[derive(Debug, Default)]
pub(super) struct Run {
    keys: Vec<Key>,
    counts: Vec<u32>,
}

impl Run {
    /// The entries in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (Key, u32)> + '_ {
        self.keys.iter().copied().zip(self.counts.iter().copied())
    }

    /// Entries of the same feature, one slice after the other.
    pub fn features(&self) -> impl Iterator<Item = (u32, impl Iterator<Item = (Key, u32)> + Clone + '_)> + '_ {
        let mut start = 0;
        std::iter::from_fn(move || {
            let feature = self.keys.get(start)?.feature();
            let end = start + self.keys[start..].partition_point(|key| key.feature() == feature);
            let entries = self.keys[start..end].iter().copied().zip(self.counts[start..end].iter().copied());
            start = end;
            Some((feature, entries))
        })
    }

    fn push(&mut self, key: Key, count: u32) {
        match self.keys.last() {
            // A sum that does not fit stays at the maximum, which the frame refuses.
            Some(&last) if last == key => {
                if let Some(sum) = self.counts.last_mut() {
                    *sum = sum.saturating_add(count);
                }
            }
            _ => {
                self.keys.push(key);
                self.counts.push(count);
            }
        }
    }

    fn merge(a: &Run, b: &Run) -> Run {
        let length = a.keys.len() + b.keys.len();
        let mut merged = Run { keys: Vec::with_capacity(length), counts: Vec::with_capacity(length) };
        let (mut i, mut j) = (0, 0);
        while i < a.keys.len() && j < b.keys.len() {
            let (left, right) = (a.keys[i], b.keys[j]);
            let (take_left, take_right) = (left <= right, right <= left);
            let count =
                (if take_left { a.counts[i] } else { 0 }).saturating_add(if take_right { b.counts[j] } else { 0 });
            merged.keys.push(left.min(right));
            merged.counts.push(count);
            i += usize::from(take_left);
            j += usize::from(take_right);
        }
        for (run, from) in [(a, i), (b, j)] {
            merged.keys.extend_from_slice(&run.keys[from..]);
            merged.counts.extend_from_slice(&run.counts[from..]);
        }
        merged.keys.shrink_to_fit();
        merged.counts.shrink_to_fit();
        merged
    }

    /// Runs are merged with runs of their class, so that every entry is merged a logarithmic number of times.
    fn class(&self) -> u32 {
        self.keys.len().max(1).ilog2()
    }
}

/// The runs of all partitions, shared by the threads that read.
#[derive(Debug)]
pub(super) struct Accumulator {
    partitions: Vec<Mutex<Vec<Run>>>,
}

impl Accumulator {
    pub fn new() -> Self {
        Accumulator { partitions: (0..PARTITIONS).map(|_| Mutex::default()).collect() }
    }

    /// A buffer for one thread.
    pub fn buffer(&self) -> Buffer<'_> {
        Buffer { accumulator: self, entries: Vec::new() }
    }

    /// One run for each partition that has any entry.
    pub fn into_runs(self) -> Vec<Run> {
        let merge_all = |runs: Mutex<Vec<Run>>| {
            let mut runs = runs.into_inner().unwrap_or_else(PoisonError::into_inner);
            runs.sort_unstable_by_key(|run| run.keys.len());
            runs.into_iter().reduce(|a, b| Run::merge(&a, &b))
        };
        self.partitions.into_par_iter().filter_map(merge_all).collect()
    }

    /// Adds a run; merging happens outside the lock.
    fn add(&self, partition: usize, mut run: Run) {
        loop {
            let mut runs = lock(&self.partitions[partition]);
            let Some(equal) = runs.iter().position(|other| other.class() == run.class()) else {
                runs.push(run);
                return;
            };
            let other = runs.swap_remove(equal);
            drop(runs);
            run = Run::merge(&run, &other);
        }
    }
}

/// A thread that panicked while it held the lock left whole runs behind.
fn lock(runs: &Mutex<Vec<Run>>) -> MutexGuard<'_, Vec<Run>> {
    runs.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one thread has collected since it last sorted. [`Buffer::flush`] hands over the rest.
#[derive(Debug)]
pub(super) struct Buffer<'a> {
    accumulator: &'a Accumulator,
    entries: Vec<(Key, u32)>,
}

impl Buffer<'_> {
    /// Adds `count` to `key`.
    pub fn add(&mut self, key: Key, count: u32) {
        if self.entries.len() >= BUFFER {
            self.flush();
        }
        self.entries.push((key, count));
    }

    /// Hands everything collected over to the accumulator.
    pub fn flush(&mut self) {
        self.entries.sort_unstable_by_key(|entry| entry.0);
        for entries in self.entries.chunk_by(|a, b| a.0.partition() == b.0.partition()) {
            let mut run = Run::default();
            entries.iter().for_each(|&(key, count)| run.push(key, count));
            run.keys.shrink_to_fit();
            run.counts.shrink_to_fit();
            self.accumulator.add(entries[0].0.partition(), run);
        }
        self.entries.clear();
    }
}
