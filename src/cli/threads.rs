//! How many threads work.

use crate::Result;
use crate::compute::explained;

/// What the thread that asks does meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// It is one of the threads: a fit asks for work thousands of times a second, and nobody has to be woken for what is small.
    Works,
    /// It waits, and may do so for other reasons than work, such as a file.
    Waits,
}

/// Starts so many CPU threads; 0 takes every core.
///
/// [`Error::Io`](crate::Error::Io) where the system starts no more, and [`Error::Bug`](crate::Error::Bug) on a second call.
pub fn threads(number: usize, asking: Asking) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(number);
    let pool = if asking == Asking::Works { pool.use_current_thread() } else { pool };
    pool.build_global().map_err(|e| explained(&format!("{e:?}"), &format!("could not start {number} threads: {e}")))
}
