//! `guides.parquet`: what images say of every bin, measured or not. A dataset without guides has no such file.

use super::columns::{Columns, write_table};
use super::manifest::Manifest;
use super::reader::{Dataset, bin, floats, numbers, read};
use crate::Result;
use crate::guides::Guide;
use crate::section::{Grid, Raster};
use arrow_array::{Array, ArrayRef, Float32Array, UInt32Array};
use std::path::Path;
use std::sync::Arc;

/// The file's name.
pub(super) const FILE: &str = "guides.parquet";

/// Writes row, col, and a column of every guide: null where it has no value.
pub(super) fn write_guides(path: &Path, guides: &[Guide], grid: &Grid) -> Result<()> {
    let bins = 0..grid.rows * grid.cols;
    let place = |of: fn(usize, usize) -> usize| -> ArrayRef {
        Arc::new(UInt32Array::from_iter_values(bins.clone().map(|index| of(index, grid.cols) as u32)))
    };
    let mut columns: Columns =
        vec![("row", place(|index, cols| index / cols), false), ("col", place(|index, cols| index % cols), false)];
    for guide in guides {
        let values = guide.map.values().iter().map(|value| value.is_finite().then_some(*value));
        columns.push((&guide.entry.name, Arc::new(values.collect::<Float32Array>()), true));
    }
    write_table(path, std::iter::once(columns))
}

impl Dataset {
    /// The guides of [`Manifest::guides`], each a map of the whole grid [rows, cols]: NaN where it has no value.
    pub fn guide_maps(&self) -> Result<Vec<Raster<f32>>> {
        let manifest: &Manifest = self.manifest();
        let mut maps = vec![self.totals().map(|_| f32::NAN); manifest.guides.len()];
        if maps.is_empty() {
            return Ok(maps);
        }
        let path = self.folder().join(FILE);
        let names = manifest.guides.iter().map(|guide| guide.name.as_str());
        let columns: Vec<&str> = ["row", "col"].into_iter().chain(names).collect();
        for batch in read(&path, None, &columns)? {
            let (row, col) = (numbers(&path, &batch, "row")?, numbers(&path, &batch, "col")?);
            for (map, name) in maps.iter_mut().zip(&columns[2..]) {
                let values = floats(&path, &batch, name)?;
                for i in (0..batch.num_rows()).filter(|i| values.is_valid(*i)) {
                    map[bin(&path, manifest, row.value(i), col.value(i))?] = values.value(i);
                }
            }
        }
        Ok(maps)
    }
}
