//! How many threads work.

use crate::compute::explained;
use crate::{Error, Result};
use std::thread::available_parallelism;

/// What the thread that asks does meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// It is one of the threads: a fit asks for work thousands of times a second, and nobody has to be woken for what is small.
    Works,
    /// It waits, and may do so for other reasons than work, such as a file.
    Waits,
}

/// Threads that any machine may be asked for.
const ANYWHERE: usize = 256;

/// Starts so many CPU threads; 0 takes every core.
///
/// [`Error::Usage`] for many more than the machine has cores: thousands of threads wait for each other, and a typing error would take the
/// whole node for minutes. [`Error::Io`](crate::Error::Io) where the system starts no more, and [`Error::Bug`](crate::Error::Bug) on a second call.
pub fn threads(number: usize, asking: Asking) -> Result<()> {
    let cores = available_parallelism().map_or(1, usize::from);
    let most = ANYWHERE.max(4 * cores);
    if number > most {
        return Err(Error::Usage(format!(
            "--threads {number}: expected {most} at most, with {cores} cores here; 0 takes them all"
        )));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(number);
    let pool = if asking == Asking::Works { pool.use_current_thread() } else { pool };
    pool.build_global().map_err(|e| explained(&format!("{e:?}"), &format!("could not start {number} threads: {e}")))
}
