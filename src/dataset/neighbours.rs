//! Serial sections beside this one: what was measured there, kept in the dataset and laid on its bins.
//!
//! `sections/1.s2s`, … hold the other section's measured bins as that dataset has them, without its truth and guides: a dataset needs no
//! other one to be read. They are laid on this section's grid when a gene is asked for, for dense maps of all genes would be large.

use super::manifest::{GeneEntry, Manifest, SectionEntry};
use super::reader::Dataset;
use crate::files::write_atomically;
use crate::guides::Affine;
use crate::section::{Bin, Grid, Interpolation, Raster};
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
    onto: Grid,
    back: Affine,
}

impl Neighbour {
    /// The section of `dataset`, which lies on the bins of `onto` as `entry` has it.
    ///
    /// [`Error::Data`] if the map of `entry` folds the section onto a line.
    pub fn new(dataset: Dataset, entry: SectionEntry, onto: Grid) -> Result<Self> {
        let back = Affine(entry.to_um).inverse();
        let back = back.ok_or_else(|| Error::data(dataset.folder(), "its map to µm folds it onto a line"))?;
        Ok(Neighbour { entry, dataset, onto, back })
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

    /// `values` [rows, cols] of this section's measured bins, interpolated to the centres of the other one's; NaN off its tissue.
    pub fn laid(&self, values: &Raster<f32>) -> Raster<f32> {
        let (sampling, tissue) = (self.dataset.sampling(), self.dataset.tissue());
        let dense = sampling.interpolate(Interpolation::Bilinear, values, tissue);
        let grid = self.dataset.manifest().grid;
        Raster::from_fn(self.onto.rows, self.onto.cols, |row, col| {
            let centre = self.onto.centre_um(Bin { row: row as u32, col: col as u32 });
            let [x, y] = self.back.at(centre);
            let [across, down] = [(x, 0), (y, 1)].map(|(um, axis)| (um - grid.origin_um[axis]) / grid.bin_um - 0.5);
            between(&dense, tissue, across, down).unwrap_or(f32::NAN)
        })
    }

    /// Writes what is kept of it into `folder`.
    pub(super) fn keep(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, "create", e))?;
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

/// The value of a point between the centres of four bins, of those in the `tissue`; `None` where they have less than half of the weight.
fn between(values: &Raster<f32>, tissue: &Raster<bool>, across: f64, down: f64) -> Option<f32> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (row, vertical) in taps(down) {
        for (col, horizontal) in taps(across) {
            let inside = row >= 0.0 && col >= 0.0 && row < values.rows() as f64 && col < values.cols() as f64;
            let bin = (row as usize, col as usize);
            if inside && tissue[bin] {
                sum += vertical * horizontal * f64::from(values[bin]);
                weights += vertical * horizontal;
            }
        }
    }
    (weights >= 0.5).then(|| (sum / weights) as f32)
}

fn taps(at: f64) -> [(f64, f64); 2] {
    let first = at.floor();
    [(first, first + 1.0 - at), (first + 1.0, at - first)]
}
