//! Signals that ask for a stop: SIGTERM and SIGINT, and SIGUSR1 of SLURM's `--signal`.

use crate::{Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set by the first signal that asks for a stop.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// From now on these signals set the flag instead of killing the process: whoever works looks at it, saves, and ends.
    pub fn watch() -> Result<Self> {
        let flag = StopFlag::default();
        for signal in [SIGTERM, SIGINT, SIGUSR1] {
            signal_hook::flag::register(signal, flag.0.clone())
                .map_err(|e| Error::Io(format!("could not listen for signal {signal}: {e}")))?;
        }
        Ok(flag)
    }

    /// Whether a stop was asked for.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
