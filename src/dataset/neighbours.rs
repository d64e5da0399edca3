//! Serial sections beside this one: what was measured there, kept in the dataset and laid on its bins.
//!
//! `sections/1.s2s`, … hold the other section's measured bins as that dataset has them, without its truth and guides: a dataset needs no
//! other one to be read. They are laid on this section's grid when a gene is asked for, for dense maps of all genes would be large.

use super::manifest::{GeneEntry, Manifest, SectionEntry};
use super::onto::Onto;
use super::reader::Dataset;
use crate::files::write_atomically;
use crate::guides::Affine;
use crate::section::{Grid, Raster};
use crate::{Error, Result};
use std::path::Path;

/// What is kept of another dataset.
pub(super) const KEPT: [&str; 3] = ["bins.parquet", "components.parquet", "measured.parquet"];

/// A serial section, laid on the grid of another one.
#[derive(Clone, Debug)]
pub struct Neighbour {
    /// What is known of it.
    pub entry: SectionEntry,
    dataset: Dataset,
    grid: Grid,
    onto: Onto,
}

impl Neighbour {
    /// The section of `dataset`, which lies on the bins of `grid` as `entry` has it.
    ///
    /// [`Error::Data`] if the map of `entry` folds the section onto a line.
    pub fn new(dataset: Dataset, entry: SectionEntry, grid: Grid) -> Result<Self> {
        let back = Affine(entry.to_um).inverse();
        let back = back.ok_or_else(|| Error::data(dataset.folder(), "its map to µm folds it onto a line"))?;
        let onto = Onto::new(dataset.sampling(), dataset.tissue(), &dataset.manifest().grid, &grid, &back);
        Ok(Neighbour { entry, dataset, grid, onto })
    }

    /// The section's dataset.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The log-normalised values of a gene, laid on the other section's bins [rows, cols]; `None` if it was not measured here.
    pub fn gene(&self, name: &str) -> Result<Option<Raster<f32>>> {
        if !self.has(name) {
            return Ok(None);
        }
        Ok(Some(self.laid(&self.dataset.measured_values(name)?)))
    }

    fn has(&self, name: &str) -> bool {
        self.dataset.manifest().genes.iter().any(|gene| gene.name == name)
    }

    /// How many of `genes` were measured here.
    pub fn shared(&self, genes: &[GeneEntry]) -> usize {
        genes.iter().filter(|gene| self.has(&gene.name)).count()
    }

    /// `values` [rows, cols] of this section's measured bins, laid on the other one's ([`Onto`]); NaN off its tissue.
    pub fn laid(&self, values: &Raster<f32>) -> Raster<f32> {
        let cols = self.grid.cols;
        Raster::from_fn(self.grid.rows, cols, |row, col| {
            let taps = self.onto.taps(row * cols + col);
            let weights: f32 = taps.iter().map(|(_, weight)| weight).sum();
            taps.iter().map(|(bin, weight)| weight * values.values()[*bin as usize]).sum::<f32>() / weights
        })
    }

    /// Writes what is kept of it into `folder`, which is there.
    pub(super) fn keep(&self, folder: &Path) -> Result<()> {
        let mut manifest = self.dataset.manifest().clone();
        (manifest.guides, manifest.sections) = (Vec::new(), Vec::new());
        manifest.fingerprints.retain(|name, _| KEPT.contains(&name.as_str()));
        for name in KEPT {
            let from = self.dataset.folder().join(name);
            std::fs::copy(&from, folder.join(name)).map_err(|e| Error::io(&from, "read", e))?;
        }
        let text = serde_json::to_string_pretty(&manifest).map_err(|e| Error::bug(format!("manifest: {e}")))?;
        write_atomically(&folder.join("manifest.json"), (text + "\n").as_bytes())
    }
}

impl Dataset {
    /// The serial sections of [`Manifest::sections`].
    pub fn neighbours(&self) -> Result<Vec<Neighbour>> {
        let manifest: &Manifest = self.manifest();
        let open = |(index, entry): (usize, &SectionEntry)| {
            Neighbour::new(Dataset::open(&self.folder().join(folder(index)))?, entry.clone(), manifest.grid)
        };
        manifest.sections.iter().enumerate().map(open).collect()
    }
}

/// Where the section of this number, from 0, is kept.
pub(super) fn folder(index: usize) -> String {
    format!("sections/{}.s2s", index + 1)
}
