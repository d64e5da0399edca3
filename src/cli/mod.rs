//! What the binaries share: how a stage runs, how it reports errors, how it shows progress.

mod device;
mod genes;
mod memory;
mod output;
mod progress;
mod signals;

pub use device::DeviceChoice;
pub use genes::genes;
pub use memory::{forget_peak_memory, memory_mib, peak_memory_mib};
pub use output::{threads, writable};
pub use progress::Progress;
pub use signals::StopFlag;

use crate::{Error, Result};
use clap::Parser;
use std::process::ExitCode;

/// Runs a stage: parses its arguments, runs it, prints one clear error, and gives the exit code that workflows act upon.
///
/// A panic is a bug of ours: it is told as such and becomes exit code 70.
pub fn main<A: Parser>(run: impl FnOnce(A) -> Result<()> + std::panic::UnwindSafe) -> ExitCode {
    let arguments = A::parse();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(arguments)));
    let error = match outcome {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => error,
        Err(panic) => Error::Bug(panic_message(panic.as_ref())),
    };
    eprintln!("error: {error}");
    ExitCode::from(error.exit_code())
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text =
        panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
    text.unwrap_or_else(|| "the program panicked".to_owned())
}
