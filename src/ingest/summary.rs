//! What `s2s-prep` tells when it is done.

use super::frame::Framed;
use super::intake::Tally;
use super::prepare::Job;
use crate::Result;
use crate::dataset::{Dataset, Manifest, Mode};

/// Tells stderr what was read, what was dropped and why, and what the dataset holds.
pub(super) fn summarise(job: &Job, manifest: &Manifest, framed: &Framed, tally: Tally) -> Result<()> {
    let Job { config, source, output, .. } = job;
    let dataset = Dataset::open(output)?;
    let grid = manifest.grid;
    let mm = |bins: usize| bins as f64 * grid.bin_um / 1000.0;
    let number = |flags: &[bool]| flags.iter().filter(|flag| **flag).count();
    let measured = dataset.sampling().measured();
    let both: Vec<bool> = measured
        .values()
        .iter()
        .zip(dataset.tissue().values())
        .map(|(measured, tissue)| *measured && *tissue)
        .collect();
    eprintln!("input      {} ({})", source.path.display(), source.platform.name());
    eprintln!("molecules  {} read, {} kept", tally.read, framed.kept);
    let dropped = [
        (tally.control, "controls or unassigned".to_owned()),
        (tally.low_quality, format!("below quality {}", config.min_qv)),
        (tally.off_lattice, "between the measured bins (the section was sampled sparsely)".to_owned()),
        (framed.outside, "outside the frame of the measured bins".to_owned()),
    ];
    for (number, why) in dropped.iter().filter(|(number, _)| *number > 0) {
        eprintln!("dropped    {number} {why}");
    }
    eprintln!(
        "grid       {} × {} bins of {} µm = {:.2} × {:.2} mm (rows × columns)",
        grid.rows,
        grid.cols,
        grid.bin_um,
        mm(grid.rows),
        mm(grid.cols)
    );
    eprintln!(
        "tissue     {} of {} measured bins, {} of {} bins",
        number(&both),
        number(measured.values()),
        number(dataset.tissue().values()),
        grid.rows * grid.cols
    );
    eprintln!("sampling   {}", dataset.sampling().pattern());
    eprintln!("target     {} counts per bin", manifest.target);
    let left_out = match framed.unmeasured_genes {
        0 => String::new(),
        n => format!(", {n} left out (no count in any measured bin)"),
    };
    eprintln!("genes      {}{left_out}", manifest.genes.len());
    eprintln!("output     {} ({})", output.display(), mode_name(manifest.mode));
    Ok(())
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Benchmark => "benchmark: the other bins are withheld in truth.parquet",
        Mode::Impute => "to be imputed",
    }
}
