//! What the programs share: how a stage runs, what it says and how, what its arguments name.

mod bar;
mod choices;
mod genes;
mod log;
mod panics;
mod print;
mod threads;

pub use choices::one_of;
pub use genes::genes;
pub use print::print;
pub use threads::threads;

use self::log::LogArguments;
use crate::Result;
use clap::{ArgMatches, Args, FromArgMatches, Parser};
use std::process::ExitCode;
use std::time::Instant;

/// The command line of this process, for the provenance of what it writes.
pub fn command_line() -> Vec<String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// Runs a stage: parses its arguments and, beside them, how much it says (`-q`, `-v`, `--log-format`), runs it, says one clear error, and gives the exit
/// code that workflows act upon.
///
/// A panic is a bug of ours, told as such with exit code 70, unless it is how a GPU says that its memory is full or that
/// something is missing.
pub fn main<A: Parser>(run: impl FnOnce(A) -> Result<()>) -> ExitCode {
    let start = Instant::now();
    let mut command = LogArguments::augment_args(A::command());
    let matches = command.get_matches_mut();
    let parse = || Ok::<_, clap::Error>((parsed::<LogArguments>(&matches)?, parsed::<A>(&matches)?));
    let (log, arguments) = parse().unwrap_or_else(|error| error.format(&mut command).exit());
    log.listen();
    panics::listen();
    tracing::debug!(version = env!("CARGO_PKG_VERSION"), "{}", command_line().join(" "));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(arguments)));
    let error = match outcome {
        Ok(Ok(())) => {
            tracing::debug!("done in {:.1} s", start.elapsed().as_secs_f64());
            return ExitCode::SUCCESS;
        }
        Ok(Err(error)) => error,
        Err(panic) => panics::error(panic.as_ref()),
    };
    let exit_code = error.exit_code();
    tracing::error!(exit_code, "{error}");
    ExitCode::from(exit_code)
}

fn parsed<T: FromArgMatches>(matches: &ArgMatches) -> std::result::Result<T, clap::Error> {
    T::from_arg_matches(matches)
}
