//! What stands below the `--help` of every stage: examples, and what its exit codes mean.

/// How a stage that keeps nothing of what it began ends when a signal stops it.
pub const ENDED: &str = "128 + N ended by signal N (SIGTERM: 143)";

/// How a stage that saves ends when a signal stops it.
pub const SAVED: &str = "75 stopped by a signal and saved: run the same command again";

/// `examples`, and below them the exit codes; `stopped` says how the stage ends by a signal.
pub fn below_help(examples: &str, stopped: &str) -> String {
    format!(
        "{examples}\n\nExit codes: 0 done, 2 usage, 65 bad input data, 66 missing input, 70 a bug, 74 input/output, {stopped}."
    )
}
