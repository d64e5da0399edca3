//! `s2s-prep`: a platform's files in, a dataset `SAMPLE.s2s` out.

#![forbid(unsafe_code)]

mod arguments;
mod platforms;
mod summary;

use arguments::Arguments;
use s2s::compute::{clean_up_on_signals, peak_memory_mib};
use s2s::dataset::Mode;
use s2s::scoring::plan;
use s2s::{Error, Result, cli, ingest};
use std::process::ExitCode;
use std::time::Instant;

#[global_allocator]
static MEMORY: cli::Memory = cli::Memory;

fn main() -> ExitCode {
    cli::main(option_env!("S2S_COMMIT"), execute)
}

fn execute(arguments: Arguments) -> Result<()> {
    clean_up_on_signals();
    let start = Instant::now();
    cli::threads(arguments.threads, cli::Asking::Waits)?;
    if let Some(path) = &arguments.describe {
        let request = arguments.request(path, Mode::Benchmark)?;
        return cli::print(&ingest::describe(&request)?.to_string());
    }
    let given = arguments.place.as_ref().or(arguments.input.as_ref());
    if let (Some(folder), Some(input)) = (&arguments.plan, given) {
        let rows = plan::run(&arguments.request(input, Mode::Benchmark)?, folder, &cli::command_line())?;
        return cli::print(&plan::text(&rows));
    }
    let (Some(input), Some(output), Some(mode)) = (given, &arguments.output, arguments.mode) else {
        return Err(Error::Usage("expected --input, --output and --mode, or --describe".to_owned()));
    };
    let request = arguments.request(input, mode)?;
    let prepared = ingest::prepare(&request, output, &cli::command_line())?;
    tracing::info!("{}", summary::Summary { prepared: &prepared, output }.to_string().trim_end());
    let memory = peak_memory_mib().map(|mib| format!(", peak memory {mib} MiB")).unwrap_or_default();
    tracing::info!("time       {:.1} s{memory}", start.elapsed().as_secs_f64());
    Ok(())
}
