//! What `s2s-prep` tells when it is done.

use s2s::dataset::Mode;
use s2s::ingest::Prepared;
use std::fmt;
use std::path::Path;

/// What was read, what was dropped and why, and what the dataset holds.
pub struct Summary<'a> {
    /// What was done.
    pub prepared: &'a Prepared,
    /// Where the dataset is.
    pub output: &'a Path,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let section = &self.prepared.section;
        section.notes.iter().try_for_each(|note| writeln!(f, "note       {note}"))?;
        writeln!(f, "input      {} ({})", section.path.display(), section.platform)?;
        writeln!(f, "molecules  {} read, {} kept", section.molecules.read, section.kept)?;
        self.dropped(f)?;
        self.grid(f)?;
        let manifest = self.prepared.dataset.manifest();
        match manifest.target {
            Some(target) => writeln!(f, "target     {target} counts per bin")?,
            None => writeln!(f, "target     none: the values were normalised already, and are stored as they are")?,
        }
        let left_out = match section.unmeasured_genes {
            0 => String::new(),
            n => format!(", {n} left out (no count in any measured bin)"),
        };
        writeln!(f, "genes      {}{left_out}", manifest.genes.len())?;
        writeln!(f, "output     {} ({})", self.output.display(), mode_name(manifest.mode))
    }
}

impl Summary<'_> {
    fn dropped(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let section = &self.prepared.section;
        let share = |number: u64| format!(" ({:.2} %)", 100.0 * number as f64 / section.molecules.read.max(1) as f64);
        let dropped = [
            (section.molecules.control, "controls or unassigned".to_owned()),
            (section.molecules.low_quality, format!("below quality {}", section.config.min_qv)),
            (
                section.molecules.outside_tissue,
                "of what is left out: outside the tissue, without a place, or not chosen".to_owned(),
            ),
            (section.molecules.unnamed, format!("without the name of a gene{}", share(section.molecules.unnamed))),
            (section.molecules.unplaced, format!("without a position{}", share(section.molecules.unplaced))),
            (section.molecules.off_lattice, "in bins that are not measured".to_owned()),
            (section.outside, "outside the frame of the measured bins".to_owned()),
        ];
        let mut told = dropped.iter().filter(|(number, _)| *number > 0);
        told.try_for_each(|(number, why)| writeln!(f, "dropped    {number} {why}"))
    }

    fn grid(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let dataset = &self.prepared.dataset;
        let grid = dataset.manifest().grid;
        let mm = |bins: usize| bins as f64 * grid.bin_um / 1000.0;
        let number = |flags: &mut dyn Iterator<Item = bool>| flags.filter(|flag| *flag).count();
        let (measured, tissue) = (dataset.sampling().measured().values(), dataset.tissue().values());
        writeln!(
            f,
            "grid       {} × {} bins of {} µm = {:.2} × {:.2} mm (rows × columns)",
            grid.rows,
            grid.cols,
            grid.bin_um,
            mm(grid.rows),
            mm(grid.cols)
        )?;
        writeln!(
            f,
            "tissue     {} of {} measured bins, {} of {} bins",
            number(&mut measured.iter().zip(tissue).map(|(measured, tissue)| *measured && *tissue)),
            number(&mut measured.iter().copied()),
            number(&mut tissue.iter().copied()),
            grid.rows * grid.cols
        )?;
        writeln!(f, "sampling   {}", dataset.sampling().pattern())?;
        let areas = &dataset.manifest().areas;
        areas.iter().try_for_each(|area| writeln!(f, "area       {}: {} bins of the grid", area.what, area.bins))
    }
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Benchmark => "benchmark: the other bins are withheld in truth.parquet",
        Mode::Impute => "to be imputed",
    }
}
