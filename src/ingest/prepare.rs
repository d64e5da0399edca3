//! From a request to a dataset on disk.

use super::request::{Request, SerialSection};
use super::section::{Plan, Section, with_notes};
use super::serial;
use super::survey::MANY;
use crate::dataset::{self, Dataset, Guidance, Mode, Settings};
use crate::files;
use crate::guides::{self, Image, Place};
use crate::provenance::{Input, Provenance};
use crate::section::Raster;
use crate::{Error, Result};
use serde_json::json;
use std::path::{Path, PathBuf};

/// What [`prepare()`] read and wrote.
#[derive(Debug)]
pub struct Prepared {
    /// The section as it was read.
    pub section: Section,
    /// The dataset that was written.
    pub dataset: Dataset,
}

/// Reads the section that `request` names, log-normalises it, and writes the dataset `output`, whole or not at all. A dataset of another
/// run that stands there is replaced with `request.force` alone.
///
/// `command` is what the dataset says of how it came to be: a command line, or the name of the program that calls.
///
/// # Errors
/// Those of [`read()`](super::read()); [`Error::Usage`] if `output` is there and no dataset, [`Error::Io`] if it cannot be written, or another process is making it,
/// both before anything is read; [`Error::Data`] if no measured bin holds `config.min_counts`. An error leaves nothing behind.
pub fn prepare(request: &Request, output: &Path, command: &[String]) -> Result<Prepared> {
    // A mistake in the output's name is told before minutes of reading, not after.
    let _lock = files::Lock::take(output)?;
    dataset::check_output(output)?;
    let plan = Plan::of(request)?;
    let images = plan.images()?;
    let serial = serial::open(&request.sections)?;
    let provenance = provenance(&plan, request, &images, &serial)?.with_command(command);
    let give_way = |run: &Provenance| run.earlier(dataset::earlier(output).as_slice()).give_way(output, request.force);
    let (mut section, provenance) = read_for(plan, provenance, output.exists(), give_way)?;
    check_measured(&section, request.mode).map_err(|e| with_notes(e, &section.notes))?;
    let place = Place { grid: section.counts.grid, sampling: &section.sampling, totals: &section.counts.totals };
    let measured = guides::measure(&images, &place, request.align)?;
    let genes: Vec<&str> = section.counts.genes.iter().map(|gene| gene.name.as_str()).collect();
    let serial = serial::laid(&request.sections, serial, &place, &genes, request.align)?;
    section.notes.extend(measured.notes.into_iter().chain(serial.notes));
    let mut guides: Vec<_> = measured.guides.into_iter().chain(serial.guides).collect();
    guides::distinguish(&mut guides);
    let config = &section.config;
    let settings = Settings {
        mode: request.mode,
        sampling: section.sampling.clone(),
        min_counts: config.min_counts,
        patch: config.patch,
        platform: section.platform.to_owned(),
    };
    let guidance = Guidance { guides: &guides, neighbours: &serial.neighbours };
    let (counts, outline) = (&section.counts, &section.outline);
    dataset::write_as(section.quantity, output, counts, guidance, outline, &settings, provenance)
        .map_err(|e| with_notes(e, &section.notes))?;
    Ok(Prepared { dataset: Dataset::open(output)?, section })
}

/// Reads the section that `request` names, as [`read()`](super::read()) does, for an output that is no dataset; and how that comes to be,
/// by `command`. `give_way` hears of it before anything is read, or of a stream as soon as its content is known, and may refuse.
///
/// # Errors
/// Those of [`read()`](super::read()) and of `give_way`.
pub fn read_known(
    request: &Request,
    command: &[String],
    give_way: impl Fn(&Provenance) -> Result<()>,
) -> Result<(Section, Provenance)> {
    let plan = Plan::of(request)?;
    let provenance = provenance(&plan, request, &[], &[])?.with_command(command);
    read_for(plan, provenance, true, give_way)
}

/// Reads what is planned for the run `provenance`, which gets to know its inputs by their content: of files before they are read where
/// something `stands` that may have to give way, else meanwhile; of a stream when it is read.
fn read_for(
    plan: Plan,
    mut provenance: Provenance,
    stands: bool,
    give_way: impl Fn(&Provenance) -> Result<()>,
) -> Result<(Section, Provenance)> {
    let files = if plan.streams() { Vec::new() } else { plan.files()? };
    if !plan.streams() && stands {
        provenance.inputs = inputs(&files)?;
        give_way(&provenance)?;
        return Ok((plan.read()?, provenance));
    }
    let mut found = Ok(Vec::new());
    let section = rayon::in_place_scope(|scope| {
        scope.spawn(|_| found = inputs(&files));
        plan.read()
    })?;
    provenance.inputs = match &section.stream {
        Some(sha256) => vec![Input { path: section.path.display().to_string(), sha256: sha256.clone() }],
        None => found?,
    };
    give_way(&provenance)?;
    Ok((section, provenance))
}

/// These files and folders by their content.
fn inputs(files: &[PathBuf]) -> Result<Vec<Input>> {
    files.iter().map(|path| Ok(Input { path: path.display().to_string(), sha256: hash(path)? })).collect()
}

fn hash(path: &Path) -> Result<String> {
    if path.is_dir() { files::folder_fingerprint(path) } else { files::fingerprint(path) }
}

/// How a dataset comes to be that `plan` reads, but for its inputs.
fn provenance(plan: &Plan, request: &Request, images: &[Image], serial: &[Dataset]) -> Result<Provenance> {
    let image = |image: &Image| {
        let transform = image.transform.as_deref().map(hash).transpose()?;
        Ok::<_, Error>(json!({ "image": hash(&image.path)?, "transform": transform }))
    };
    let section = |(section, dataset): (&SerialSection, &Dataset)| {
        let transform = section.transform.as_deref().map(hash).transpose()?;
        let distance_um = section.distance_um;
        Ok::<_, Error>(json!({ "section": dataset.fingerprint(), "transform": transform, "distance_um": distance_um }))
    };
    let asked = json!({
        "format": dataset::FORMAT,
        "mode": request.mode,
        "platform": plan.platform(),
        "genes": request.genes,
        "measured": request.measured.as_deref().map(hash).transpose()?,
        "areas": plan.areas(),
        "exclude_auto": request.exclude_auto,
        "images": images.iter().map(image).collect::<Result<Vec<_>>>()?,
        "sections": request.sections.iter().zip(serial).map(section).collect::<Result<Vec<_>>>()?,
        "align": request.align,
    });
    let config = serde_json::to_value(plan.config()).map_err(|e| Error::bug(format!("config: {e}")))?;
    Ok(Provenance::new("s2s-prep", config, None, Vec::new()).with_request(asked))
}

/// Measured bins that are too few to learn anything from.
const TOO_FEW: usize = 16;

/// Warns of a section with few measured bins, and refuses to impute one of which next to nothing was measured; a benchmark of it costs
/// nobody a result.
fn check_measured(section: &Section, mode: Mode) -> Result<()> {
    let Section { config, counts, sampling, .. } = section;
    let bins = counts.totals.values().iter().zip(sampling.measured().values());
    let given = section.outline.tissue.as_ref().map(Raster::values);
    let is_tissue = |index: usize, total: u32| match given {
        Some(given) => given[index],
        None => u64::from(total) >= config.min_counts,
    };
    let tissue = bins.enumerate().filter(|(index, (total, measured))| **measured && is_tissue(*index, **total));
    let number = tissue.count();
    let what = format!("{number} measured bins of {} µm hold {} counts or more", counts.grid.bin_um, config.min_counts);
    let needed = format!("{TOO_FEW} are needed to learn anything, {MANY} to learn much");
    let advice = "s2s-prep --describe tells what smaller bins hold (--bin-um); a smaller --scale measures more of them";
    match number {
        // The writer tells that there is no tissue at all.
        0 | MANY.. => {}
        1..TOO_FEW if mode == Mode::Impute => {
            return Err(Error::data(&section.path, format!("only {what}, and {needed}. {advice}")));
        }
        _ => tracing::warn!("{what}: {needed}. {advice}"),
    }
    Ok(())
}
