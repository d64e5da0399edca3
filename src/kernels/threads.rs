//! How work is shared between threads, and where its memory comes from.
//!
//! Sums over pixels are cut into one part for each thread, in order, and the parts are added in
//! order: the result depends on the shapes and the number of threads, never on timing.

use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

use rayon::prelude::*;

/// Runs `work` on every task and returns the sum of what the tasks added to `len` zeros.
pub(crate) fn accumulate<T: Send>(tasks: Vec<T>, len: usize, work: impl Fn(T, &mut [f32]) + Sync) -> Vec<f32> {
    let parts = rayon::current_num_threads().min(tasks.len()).max(1);
    let size = tasks.len().div_ceil(parts).max(1);
    let mut groups = Vec::with_capacity(parts);
    let mut tasks = tasks.into_iter().peekable();
    while tasks.peek().is_some() {
        groups.push(tasks.by_ref().take(size).collect::<Vec<T>>());
    }
    let sums: Vec<Vec<f32>> = groups
        .into_par_iter()
        .map(|group| {
            let mut sum = vec![0.0; len];
            group.into_iter().for_each(|task| work(task, &mut sum));
            sum
        })
        .collect();
    let mut sums = sums.into_iter();
    let mut total = sums.next().unwrap_or_else(|| vec![0.0; len]);
    for sum in sums {
        total.iter_mut().zip(sum).for_each(|(total, sum)| *total += sum);
    }
    total
}

/// How many image rows make one task, so that there are a few tasks for each thread.
pub(crate) fn rows_per_task(rows: usize) -> usize {
    rows.div_ceil(4 * rayon::current_num_threads()).max(1)
}

/// Memory that outlived its last use, kept because fresh pages cost more than the arithmetic.
static SPARE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());
/// More spare buffers than this are given back to the system.
const MOST_SPARE: usize = 1024;

/// A buffer of f32 from the pool, to which it returns when dropped.
#[derive(Debug)]
pub(crate) struct Buffer(Vec<f32>);

impl Buffer {
    /// `len` values, whatever they are: zeros or left over from an earlier use.
    pub(crate) fn scratch(len: usize) -> Self {
        let mut spare = SPARE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // The smallest that is large enough, unless it would waste most of itself.
        let best = (0..spare.len())
            .filter(|&i| spare[i].capacity() >= len && spare[i].capacity() <= 2 * len)
            .min_by_key(|&i| spare[i].capacity());
        let mut values = best.map_or_else(Vec::new, |i| spare.swap_remove(i));
        drop(spare);
        values.resize(len, 0.0);
        Self(values)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut spare = SPARE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if spare.len() < MOST_SPARE {
            spare.push(std::mem::take(&mut self.0));
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}
