//! Adds counts up per key, from many threads, in memory bounded by the number of *different* keys (at most grid × panel).
//!
//! Each thread collects two million keys, sorts them and adds up equal ones: a run. Runs of about the
//! same length are merged as they meet, so that at any time the runs of a partition have lengths that at least double,
//! and together are not much longer than the final one.

use super::key::{Key, PARTITIONS};
use rayon::prelude::*;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys that a thread collects before it sorts them: 16 MiB.
const BUFFER: usize = 1 << 21;

/// Different keys in ascending order, with their counts.
///
/// Packed: for every entry the distance from the key before it, doubled, plus 1 if a count above 1 follows; both as
/// numbers of seven bits per byte, the last byte below 128. Neighbouring bins of a gene take two bytes or so instead of
/// the twelve of a key and a count.
#[derive(Debug, Default)]
pub(crate) struct Run {
    bytes: Vec<u8>,
    length: usize,
    /// What the distance of the first key is counted from: the first number of its partition.
    base: u64,
    /// The last key.
    last: u64,
}

impl Run {
    /// The entries in the order of their keys.
    pub(crate) fn iter(&self) -> Entries<'_> {
        Entries { bytes: &self.bytes, last: self.base }
    }

    /// Adds an entry whose key is above all others.
    fn push(&mut self, key: Key, count: u32) {
        if self.length == 0 {
            self.base = key.partition_start();
            self.last = self.base;
        }
        let many = count != 1;
        self.number((key.bits() - self.last) << 1 | u64::from(many));
        if many {
            self.number(u64::from(count));
        }
        self.last = key.bits();
        self.length += 1;
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn merge(a: &Run, b: &Run) -> Run {
        let mut merged = Run { bytes: Vec::with_capacity(a.bytes.len() + b.bytes.len()), ..Run::default() };
        let (mut left, mut right) = (a.iter(), b.iter());
        let mut next = (left.next(), right.next());
        loop {
            let (key, count) = match next {
                (Some(l), Some(r)) if l.0 == r.0 => {
                    next = (left.next(), right.next());
                    // A sum that does not fit stays at the maximum, which the frame refuses.
                    (l.0, l.1.saturating_add(r.1))
                }
                (Some(l), r) if r.is_none_or(|r| l.0 < r.0) => {
                    next.0 = left.next();
                    l
                }
                (_, Some(r)) => {
                    next.1 = right.next();
                    r
                }
                (_, None) => break,
            };
            merged.push(key, count);
        }
        merged.bytes.shrink_to_fit();
        merged
    }

    /// Runs are merged with runs of their class, so that every entry is merged a logarithmic number of times.
    fn class(&self) -> u32 {
        self.length.max(1).ilog2()
    }
}

/// The entries of a [`Run`].
#[derive(Debug)]
pub(crate) struct Entries<'a> {
    bytes: &'a [u8],
    last: u64,
}

impl Entries<'_> {
    fn number(&mut self) -> Option<u64> {
        let (&first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        if first < 0x80 {
            return Some(u64::from(first));
        }
        let mut number = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let (&byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        Some(number)
    }
}

impl Iterator for Entries<'_> {
    type Item = (Key, u32);

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.number()?;
        let count = if number & 1 == 1 { self.number()? as u32 } else { 1 };
        self.last += number >> 1;
        Some((Key::of_bits(self.last), count))
    }
}

/// The runs of all partitions, shared by the threads that read.
#[derive(Debug)]
pub(crate) struct Accumulator {
    partitions: Vec<Mutex<Vec<Run>>>,
}

impl Accumulator {
    pub(crate) fn new() -> Self {
        Accumulator { partitions: (0..PARTITIONS).map(|_| Mutex::default()).collect() }
    }

    /// A buffer for one thread.
    pub(crate) fn buffer(&self) -> Buffer<'_> {
        Buffer { accumulator: self, single: Vec::new(), many: Vec::new() }
    }

    /// One run for each partition that has any entry.
    pub(crate) fn into_runs(self) -> Vec<Run> {
        let merge_all = |runs: Mutex<Vec<Run>>| {
            let mut runs = runs.into_inner().unwrap_or_else(PoisonError::into_inner);
            runs.sort_unstable_by_key(|run| run.length);
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
pub(crate) struct Buffer<'a> {
    accumulator: &'a Accumulator,
    /// Keys that count once, which those of molecules do: half as long without their counts.
    single: Vec<Key>,
    many: Vec<(Key, u32)>,
}

impl Buffer<'_> {
    /// Adds `count` to `key`.
    pub(crate) fn add(&mut self, key: Key, count: u32) {
        if self.single.len() + 2 * self.many.len() >= BUFFER {
            self.flush();
        }
        match count {
            1 => self.single.push(key),
            _ => self.many.push((key, count)),
        }
    }

    /// Hands everything collected over to the accumulator.
    pub(crate) fn flush(&mut self) {
        self.single.sort_unstable();
        self.hand_over(&self.single, |key| *key, |same| same.len() as u32);
        self.many.sort_unstable_by_key(|entry| entry.0);
        let sum = |same: &[(Key, u32)]| same.iter().fold(0, |sum: u32, (_, count)| sum.saturating_add(*count));
        self.hand_over(&self.many, |entry| entry.0, sum);
        self.single.clear();
        self.many.clear();
    }

    /// Hands over sorted entries: of each key the sum of those that have it.
    fn hand_over<E>(&self, entries: &[E], key: impl Fn(&E) -> Key, sum: impl Fn(&[E]) -> u32) {
        for entries in entries.chunk_by(|a, b| key(a).partition() == key(b).partition()) {
            let mut run = Run::default();
            for same in entries.chunk_by(|a, b| key(a) == key(b)) {
                run.push(key(&same[0]), sum(same));
            }
            run.bytes.shrink_to_fit();
            self.accumulator.add(key(&entries[0]).partition(), run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bin::AbsoluteBin;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn a_run_holds_the_sums_of_what_was_added(
            entries in prop::collection::vec((0..1_u32 << 20, -2_097_152..2_097_152_i32, -9..9_i32, prop_oneof![Just(1), 0..300_u32]), 0..300),
            cut in 0..300_usize,
        ) {
            let accumulator = Accumulator::new();
            let mut expected: BTreeMap<Key, u32> = BTreeMap::new();
            let mut buffer = accumulator.buffer();
            for (i, (feature, row, col, count)) in entries.iter().enumerate() {
                let key = Key::new(*feature, AbsoluteBin { row: *row, col: *col });
                buffer.add(key, *count);
                *expected.entry(key).or_default() += count;
                if i == cut {
                    buffer.flush();
                }
            }
            buffer.flush();
            let runs = accumulator.into_runs();
            let found: BTreeMap<Key, u32> = runs.iter().flat_map(Run::iter).collect();
            prop_assert_eq!(runs.iter().map(|run| run.iter().count()).sum::<usize>(), expected.len());
            prop_assert_eq!(found, expected);
        }
    }
}
