//! How many threads work.

use crate::Result;
use crate::compute::explained;

/// Starts so many CPU threads; 0 takes every core.
///
/// [`Error::Io`](crate::Error::Io) where the system starts no more, and [`Error::Bug`](crate::Error::Bug) on a second call.
pub fn threads(number: usize) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(number);
    pool.build_global().map_err(|e| explained(&format!("{e:?}"), &format!("could not start {number} threads: {e}")))
}
