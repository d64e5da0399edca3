//! Bins that are excluded because of their totals (`--exclude auto`).

use super::binning::Framed;
use crate::dataset::Mode;
use crate::section::{Lattice, Pattern, Raster, Sampling, failed};
use crate::words::counted;

/// Excludes from the measured bins of `framed` those that look as if they had failed, and says how many. Genes that were found in no other
/// measured bin go, too; in [`Mode::Impute`] nothing is left of what the bins held.
pub(super) fn exclude(framed: &mut Framed, mode: Mode, min_counts: u64) -> String {
    let groups = groups(framed, min_counts);
    let number = groups.iter().map(Vec::len).sum::<usize>();
    let um = framed.section.grid.bin_um;
    let note = match groups.iter().map(Vec::len).max() {
        None => "--exclude auto: no bins have a total far below what the bins around them say".to_owned(),
        Some(largest) => format!(
            "--exclude auto: {} of {um} µm in {} of up to {largest} bins have a total far below what the bins around them say, and are to be imputed. They may be vessels or empty ducts: look at them",
            counted(number, "bin"),
            counted(groups.len(), "group")
        ),
    };
    if number > 0 {
        let mut measured = framed.sampling.measured().clone();
        groups.iter().flatten().for_each(|bin| measured[*bin] = false);
        framed.sampling = framed.sampling.with(without(framed.sampling.pattern(), number as u64), measured);
        forget(framed, mode);
    }
    note
}

/// The groups of bins, on a lattice among its measured bins.
fn groups(framed: &Framed, min_counts: u64) -> Vec<Vec<(usize, usize)>> {
    let (totals, sampling) = (&framed.section.totals, &framed.sampling);
    let Some(lattice) = lattice(sampling) else { return failed(totals, sampling.measured(), min_counts) };
    let (totals, measured) = (lattice.subsample(totals), lattice.subsample(sampling.measured()));
    let groups = failed(&totals, &measured, min_counts);
    let s = lattice.scale.get();
    groups.into_iter().map(|group| group.into_iter().map(|(row, col)| (row * s, col * s)).collect()).collect()
}

/// The lattice that measured bins lie on, some of which may be excluded.
fn lattice(sampling: &Sampling) -> Option<Lattice> {
    let regular = match sampling.pattern() {
        Pattern::Holes { of, .. } => **of == Pattern::Lattice,
        other => *other == Pattern::Lattice,
    };
    regular.then(|| sampling.nominal())
}

fn without(pattern: &Pattern, number: u64) -> Pattern {
    match pattern.clone() {
        Pattern::Holes { bins, automatic, sha256, of } => {
            Pattern::Holes { bins: bins + number, automatic: automatic + number, sha256, of }
        }
        of => Pattern::Holes { bins: number, automatic: number, sha256: String::new(), of: Box::new(of) },
    }
}

/// Leaves out genes without a count in any measured bin, and of a section to be imputed the counts of all other bins.
fn forget(framed: &mut Framed, mode: Mode) {
    let measured: &Raster<bool> = framed.sampling.measured();
    let is_measured = |index: u32| measured.values()[index as usize];
    let section = &mut framed.section;
    let before = section.genes.len();
    section.genes.retain(|gene| gene.counts.iter().any(|(index, _)| is_measured(*index)));
    framed.unmeasured_genes += before - section.genes.len();
    if mode == Mode::Impute {
        section.genes.iter_mut().for_each(|gene| gene.counts.retain(|(index, _)| is_measured(*index)));
        let flags = measured.values().iter();
        section
            .totals
            .values_mut()
            .iter_mut()
            .zip(flags)
            .filter(|(_, known)| !**known)
            .for_each(|(total, _)| *total = 0);
    }
}
