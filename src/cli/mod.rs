//! What the binaries share: how a stage runs, how it reports errors, what its arguments name.

mod genes;
mod output;
mod panics;

pub use genes::genes;
pub use output::{threads, writable};

use crate::Result;
use clap::Parser;
use std::process::ExitCode;

/// Runs a stage: parses its arguments, runs it, prints one clear error, and gives the exit code that workflows act upon.
///
/// A panic is a bug of ours, told as such with exit code 70, unless it is how a GPU says that its memory is full or that
/// something is missing.
pub fn main<A: Parser>(run: impl FnOnce(A) -> Result<()> + std::panic::UnwindSafe) -> ExitCode {
    let arguments = A::parse();
    panics::listen();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(arguments)));
    let error = match outcome {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => error,
        Err(panic) => panics::error(panic.as_ref()),
    };
    eprintln!("error: {error}");
    ExitCode::from(error.exit_code())
}
