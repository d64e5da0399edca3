//! Serial sections as guides: other datasets, laid on this section.
//!
//! Another section is another measurement. That it was measured where this one was not is no leak: nothing in it was derived from this
//! section's withheld bins. A dataset of this very section would be one, and is refused.

use super::request::SerialSection;
use crate::dataset::{Dataset, GeneEntry, Neighbour, SectionEntry};
use crate::guides::{Affine, Guide, GuideEntry, Laid, Place, lay};
use crate::section::Bin;
use crate::words::counted;
use crate::{Error, Result};
use std::path::Path;

/// Components of another section that become guides, at most.
const COMPONENTS: usize = 8;

/// Equal totals in more measured bins than this, and in all, are of the same section.
const CHANCE: usize = 8;

/// Serial sections on their place.
#[derive(Debug, Default)]
pub(super) struct Serial {
    pub(super) neighbours: Vec<Neighbour>,
    /// What each says of all genes: its components and its totals.
    pub(super) guides: Vec<Guide>,
    pub(super) notes: Vec<String>,
}

/// Opens the datasets `asked` for, before anything of this section is read.
pub(super) fn open(asked: &[SerialSection]) -> Result<Vec<Dataset>> {
    asked.iter().map(|section| Dataset::open(&section.path)).collect()
}

/// Lays the `datasets` of the sections `asked` for on the bins of `place`; `genes` are those of this section.
///
/// # Errors
/// [`Error::Data`] for a section that covers no measured bin, has none of the genes, or is this one.
pub(super) fn laid(
    asked: &[SerialSection],
    datasets: Vec<Dataset>,
    place: &Place,
    genes: &[&str],
    align: bool,
) -> Result<Serial> {
    let mut all = Serial::default();
    for (section, dataset) in asked.iter().zip(datasets) {
        let neighbour = one(section, dataset, place, genes, align, &mut all.notes)?;
        all.guides.extend(common(&neighbour)?);
        all.neighbours.push(neighbour);
    }
    Ok(all)
}

fn one(
    asked: &SerialSection,
    dataset: Dataset,
    place: &Place,
    genes: &[&str],
    align: bool,
    notes: &mut Vec<String>,
) -> Result<Neighbour> {
    let path = &asked.path;
    let own = asked.transform.as_deref().map_or(Ok(Affine::pixels([1.0; 2], [0.0; 2])), Affine::read)?;
    let manifest = dataset.manifest();
    let shared = shared(path, &manifest.genes, genes)?;
    let as_it_is = SectionEntry {
        sample: manifest.sample.clone(),
        path: path.display().to_string(),
        sha256: dataset.fingerprint(),
        to_um: own.0,
        distance_um: asked.distance_um,
        genes: shared,
        correlation: None,
    };
    let grid = manifest.grid;
    let bins = Affine::pixels([grid.bin_um; 2], grid.origin_um);
    // On its own grid first: a picture of its totals, to see where it fits.
    let upright = SectionEntry { to_um: Affine::pixels([1.0; 2], [0.0; 2]).0, ..as_it_is.clone() };
    let picture = totals(&Neighbour::new(dataset.clone(), upright, grid)?).map(|total| total.max(0.0));
    let Laid { to_um, correlation, notes: told } = lay(path, picture, bins.then(&own), place, align)?;
    refuse_itself(path, &dataset, &own, place)?;
    notes.push(format!("{}: {} of {} in it", path.display(), shared, counted(genes.len(), "gene")));
    notes.extend(told);
    // From its µm: to its bins, and on.
    let back = Affine::pixels([grid.bin_um.recip(); 2], grid.origin_um.map(|um| -um / grid.bin_um));
    Neighbour::new(dataset, SectionEntry { to_um: back.then(&to_um).0, correlation, ..as_it_is }, place.grid)
}

/// How many of the `genes` the other section has.
fn shared(path: &Path, theirs: &[GeneEntry], genes: &[&str]) -> Result<usize> {
    let held: std::collections::HashSet<&str> = theirs.iter().map(|gene| gene.name.as_str()).collect();
    let shared = genes.iter().filter(|gene| held.contains(*gene)).count();
    let some = |names: &mut dyn Iterator<Item = &str>| names.take(3).collect::<Vec<_>>().join(", ");
    match shared {
        0 => Err(Error::data(
            path,
            format!(
                "none of its genes ({}, …) has the name of one of this section ({}, …). Prepare both with the same names of genes",
                some(&mut theirs.iter().map(|gene| gene.name.as_str())),
                some(&mut genes.iter().copied())
            ),
        )),
        few if 2 * few < genes.len() => {
            tracing::warn!("{}: only {few} of {} are in it", path.display(), counted(genes.len(), "gene"));
            Ok(few)
        }
        many => Ok(many),
    }
}

/// A dataset of the same molecules knows what is withheld here.
fn refuse_itself(path: &Path, other: &Dataset, to_um: &Affine, place: &Place) -> Result<()> {
    let Some(back) = to_um.inverse() else { return Ok(()) };
    let grid = other.manifest().grid;
    if grid.bin_um != place.grid.bin_um {
        return Ok(());
    }
    let (rows, cols) = place.totals.shape();
    let bins = (0..rows * cols).map(|i| (i / cols, i % cols)).filter(|bin| place.sampling.measures(bin.0, bin.1));
    let pairs = bins.filter_map(|bin| {
        let [x, y] = back.at(place.grid.centre_um(Bin { row: bin.0 as u32, col: bin.1 as u32 }));
        let theirs = grid.bin_at(x, y).map(|bin| (bin.row as usize, bin.col as usize))?;
        let (own, theirs) =
            (place.totals[bin], other.sampling().measures(theirs.0, theirs.1).then(|| other.totals()[theirs])?);
        (own > 0 || theirs > 0).then_some(own == theirs)
    });
    let same: Vec<bool> = pairs.collect();
    if same.len() > CHANCE && same.iter().all(|same| *same) {
        return Err(Error::data(
            path,
            format!(
                "it is this very section: {} measured bins hold the same totals in both. A section cannot guide itself. Give a serial section",
                same.len()
            ),
        ));
    }
    Ok(())
}

/// Guides of all genes.
fn common(neighbour: &Neighbour) -> Result<Vec<Guide>> {
    let SectionEntry { sample, path, sha256, to_um, correlation, .. } = &neighbour.entry;
    let guide = |what: String, map| {
        let (path, sha256, to_um, correlation) = (path.clone(), sha256.clone(), *to_um, *correlation);
        Guide { entry: GuideEntry { name: format!("{sample} {what}"), path, sha256, to_um, correlation }, map }
    };
    let dataset = neighbour.dataset();
    let count = dataset.manifest().components.len().min(COMPONENTS);
    let components = dataset.component_maps(count)?;
    let components = components
        .iter()
        .enumerate()
        .map(|(index, map)| guide(format!("component {}", index + 1), neighbour.laid(map)));
    Ok(std::iter::once(guide("total".to_owned(), totals(neighbour))).chain(components).collect())
}

/// ln(1 + total), laid.
fn totals(neighbour: &Neighbour) -> crate::section::Raster<f32> {
    neighbour.laid(&neighbour.dataset().totals().map(|total| (*total as f32).ln_1p()))
}
