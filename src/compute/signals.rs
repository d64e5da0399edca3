//! Signals that ask for a stop: SIGTERM and SIGINT, and SIGUSR1 of SLURM's `--signal`.

use crate::files::abandon;
use crate::{Error, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, signal_name};
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

/// From now on a signal that ends the process takes away what has a temporary name first. Signals that were ignored from the start (as
/// `nohup` has it) stay so.
///
/// Where no thread can be started or no signal heard, they end the process at once, and the next run takes away what it left.
pub fn clean_up_on_signals() {
    let ignored = ignored();
    let heard = [SIGTERM, SIGINT, SIGUSR1, SIGHUP].into_iter().filter(move |signal| ignored >> (signal - 1) & 1 == 0);
    let (ready, listens) = std::sync::mpsc::channel::<()>();
    let listen = move || {
        let signals = Signals::new(heard).ok();
        drop(ready);
        let Some(signal) = signals.and_then(|mut signals| signals.forever().next()) else { return };
        abandon();
        tracing::warn!("stopped by {}: what was not finished is removed", signal_name(signal).unwrap_or("a signal"));
        let _ = emulate_default_handler(signal);
    };
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(listen);
    // Nothing is written before somebody listens: whoever listens, or cannot, lets go of the other end.
    let _ = listens.recv();
}

/// The signals that this process ignores: bit n − 1 is signal n. None where the system has no way to tell.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
