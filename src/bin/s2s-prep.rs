//! `s2s-prep`: a platform's files in, a dataset `SAMPLE.s2s` out.

use std::process::ExitCode;

fn main() -> ExitCode {
    s2s::cli::main(s2s::ingest::run)
}
