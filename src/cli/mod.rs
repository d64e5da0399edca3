//! What the programs share: how a stage runs, what it says and how, what its arguments name.

mod bar;
mod choices;
mod dataset;
mod exits;
mod genes;
mod log;
mod memory;
mod panics;
mod print;
mod refusal;
mod shell;
mod threads;
mod version;

pub use choices::one_of;
pub use dataset::DatasetArgument;
pub use exits::{ENDED, SAVED, below_help};
pub use genes::{chosen, genes};
pub use memory::Memory;
pub use print::print;
pub use threads::{Asking, threads};

use self::log::LogArguments;
use self::refusal::refuse;
use self::shell::ShellArguments;
use crate::Result;
use clap::{ArgMatches, Args, Command, FromArgMatches, Parser};
use std::process::ExitCode;
use std::time::Instant;

/// The command line of this process, for the provenance of what it writes.
pub fn command_line() -> Vec<String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// Runs a stage: parses its arguments and, beside them, how much it says (`-q`, `-v`, `--log-format`), runs it, says one clear error, and gives the exit
/// code that workflows act upon. What is for the shell (`--print-completions`, `--print-man`) is answered without running it.
///
/// `commit` is that of the source, for `--version`, where who builds knows it: `option_env!("S2S_COMMIT")` in the program, so that
/// another commit builds programs anew, not the library.
///
/// A panic is a bug of ours, told as such with exit code 70, unless it is how a GPU says that its memory is full or that
/// something is missing.
pub fn main<A: Parser>(commit: Option<&str>, run: impl FnOnce(A) -> Result<()>) -> ExitCode {
    memory::keep_freed();
    let command = A::command().version(version::SHORT).long_version(version::long(commit));
    let mut command = shell::freed(ShellArguments::augment_args(LogArguments::augment_args(command)));
    // A negative number is a wrong value, not a flag that nobody knows.
    command = command.mut_args(|arg| match arg.get_action().takes_values() {
        true => arg.allow_negative_numbers(true),
        false => arg,
    });
    let matches = command.try_get_matches_from_mut(std::env::args_os()).unwrap_or_else(|error| refuse(error));
    parsed::<LogArguments>(&matches, &mut command).listen();
    panics::listen();
    match parsed::<ShellArguments>(&matches, &mut command).answer(&command) {
        Ok(false) => {
            let arguments = parsed(&matches, &mut command);
            ended(|| run(arguments))
        }
        answered => ended(|| answered.map(drop)),
    }
}

/// Runs `work`, says how it ended, and gives the exit code.
fn ended(work: impl FnOnce() -> Result<()>) -> ExitCode {
    let start = Instant::now();
    tracing::debug!(version = version::SHORT, "{}", command_line().join(" "));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
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

/// The arguments that `matches` of `command` hold; what is wrong with them ends the process as clap ends it.
fn parsed<T: FromArgMatches>(matches: &ArgMatches, command: &mut Command) -> T {
    T::from_arg_matches(matches).unwrap_or_else(|error| refuse(error.format(command)))
}
