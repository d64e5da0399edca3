//! Writes a dataset: the measured bins, and in benchmark mode the withheld ones into a file of their own.

use super::manifest::{FORMAT, GeneEntry, Manifest, Mode};
use super::reader::patches;
use crate::files::{Replace, fingerprint, write_atomically};
use crate::provenance::{Input, Provenance};
use crate::section::{
    Grid, Lattice, Neighbours, Raster, infer_tissue, log_normalise, normalisation_target, principal_components,
};
use crate::{Error, Result};
use arrow::array::{ArrayRef, BooleanArray, Float32Array, StringArray, UInt32Array};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// The counts of one gene: bins in the order of their index (row × cols + col), none of them zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneCounts {
    /// The gene's name.
    pub name: String,
    /// (bin index, count).
    pub counts: Vec<(u32, u32)>,
}

/// A binned section: what the readers of all platforms come down to.
#[derive(Clone, Debug)]
pub struct SectionCounts {
    /// Where the bins lie.
    pub grid: Grid,
    /// Counts per bin over all genes, whether or not they are in `genes`.
    pub totals: Raster<u32>,
    /// The genes to be written.
    pub genes: Vec<GeneCounts>,
}

/// What s2s-prep was asked for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether there is a truth.
    pub mode: Mode,
    /// Which bins are measured.
    pub lattice: Lattice,
    /// A measured bin with fewer counts is outside the tissue.
    pub min_counts: u64,
    /// Side of the dense training patch P in bins.
    pub patch: usize,
    /// The platform whose files were read.
    pub platform: String,
}

/// How many principal components of the panel a dataset holds, at most.
const COMPONENTS: usize = 12;

/// How many of the most widespread genes they are made of, at most: rarer ones add noise and hours.
const COMPONENT_GENES: usize = 2000;

/// Whether a dataset can be written to `folder`; the errors are those that [`write()`] would give after all the work.
pub fn check_output(folder: &Path) -> Result<()> {
    begin(folder).map(drop)
}

fn begin(folder: &Path) -> Result<Replace> {
    Replace::begin(folder, is_dataset)
}

/// Whether an s2s-prep of any version wrote `folder`. Many tools write a manifest.json: its presence alone says nothing.
fn is_dataset(folder: &Path) -> bool {
    let manifest = std::fs::read(folder.join("manifest.json")).ok();
    let manifest = manifest.and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
    manifest.is_some_and(|manifest| manifest["provenance"]["tool"] == "s2s-prep")
}

/// Writes `section` as the dataset `folder`, whole or not at all, and returns its manifest.
///
/// [`Error::Data`] if no measured bin reaches `min_counts`.
pub fn write(
    folder: &Path,
    section: &SectionCounts,
    settings: &Settings,
    mut provenance: Provenance,
) -> Result<Manifest> {
    let grid = section.grid;
    let lattice = settings.lattice;
    let totals = lattice.subsample(&section.totals);
    let flags = totals.map(|&total| u64::from(total) >= settings.min_counts);
    let in_tissue: Vec<u64> = pairs(&totals, &flags).map(u64::from).collect();
    let target = normalisation_target(&in_tissue).ok_or_else(|| {
        Error::Data(format!(
            "no measured bin of {} µm holds {} counts or more, so there is no tissue to learn from. Choose a larger --bin-um or a smaller --min-counts",
            grid.bin_um, settings.min_counts
        ))
    })?;
    let tissue = infer_tissue(lattice, &flags, grid.rows, grid.cols);
    let replace = begin(folder)?;
    let to = |name: &str| replace.path().join(name);

    let inputs = match settings.mode {
        Mode::Benchmark => std::mem::take(&mut provenance.inputs),
        Mode::Impute => Vec::new(),
    };
    write_bins(&to("bins.parquet"), section, lattice, &tissue)?;
    let table = Table { section, target };
    let kept = |index: usize| tissue.values()[index] && lattice.measures(index / grid.cols, index % grid.cols);
    let mut genes = table.write(&to("measured.parquet"), kept, None, vec![])?;
    table.autocorrelate(&mut genes, lattice, &tissue);
    let mut names = vec!["bins.parquet", "components.parquet", "measured.parquet", "patches.parquet"];
    write_patches(&to("patches.parquet"), &tissue, lattice, settings.patch)?;
    let components = table.write_components(&to("components.parquet"), kept)?;
    if settings.mode == Mode::Benchmark {
        let withheld = |index: usize| !lattice.measures(index / grid.cols, index % grid.cols);
        table.write(&to("truth.parquet"), withheld, Some(&section.totals), metadata(&inputs))?;
        names.push("truth.parquet");
    }
    let fingerprints = names
        .into_iter()
        .map(|name| Ok((name.to_owned(), fingerprint(&to(name))?)))
        .collect::<Result<BTreeMap<_, _>>>()?;
    let manifest = Manifest {
        format: FORMAT,
        provenance,
        sample: sample_name(folder),
        platform: settings.platform.clone(),
        mode: settings.mode,
        grid,
        lattice,
        min_counts: settings.min_counts,
        target,
        patch: settings.patch,
        genes,
        components,
        fingerprints,
    };
    let text = serde_json::to_string_pretty(&manifest).map_err(|e| Error::Bug(format!("manifest: {e}")))?;
    write_atomically(&to("manifest.json"), (text + "\n").as_bytes())?;
    replace.finish()?;
    Ok(manifest)
}

fn sample_name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".s2s").unwrap_or(&name).to_owned()
}

fn pairs<'a>(totals: &'a Raster<u32>, flags: &'a Raster<bool>) -> impl Iterator<Item = u32> + 'a {
    totals.values().iter().zip(flags.values()).filter(|(_, flag)| **flag).map(|(total, _)| *total)
}

fn metadata(inputs: &[Input]) -> Vec<KeyValue> {
    inputs.iter().map(|input| KeyValue::new(format!("input {}", input.path), input.sha256.clone())).collect()
}

/// `bins.parquet`: row, col, tissue, measured, total (null where the bin is not measured).
fn write_bins(path: &Path, section: &SectionCounts, lattice: Lattice, tissue: &Raster<bool>) -> Result<()> {
    let (rows, cols) = tissue.shape();
    let bins = || (0..rows).flat_map(|r| (0..cols).map(move |c| (r, c)));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("row", Arc::new(UInt32Array::from_iter_values(bins().map(|(r, _)| r as u32)))),
        ("col", Arc::new(UInt32Array::from_iter_values(bins().map(|(_, c)| c as u32)))),
        ("tissue", Arc::new(BooleanArray::from(tissue.values().to_vec()))),
        ("measured", Arc::new(bins().map(|(r, c)| Some(lattice.measures(r, c))).collect::<BooleanArray>())),
        (
            "total",
            Arc::new(
                bins().map(|at| lattice.measures(at.0, at.1).then(|| section.totals[at])).collect::<UInt32Array>(),
            ),
        ),
    ];
    write_table(path, columns)
}

/// `patches.parquet`: row and col of the origin, share of the patch in tissue.
fn write_patches(path: &Path, tissue: &Raster<bool>, lattice: Lattice, side: usize) -> Result<()> {
    let all = patches(tissue, lattice, side);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("row", Arc::new(UInt32Array::from_iter_values(all.iter().map(|p| p.row as u32)))),
        ("col", Arc::new(UInt32Array::from_iter_values(all.iter().map(|p| p.col as u32)))),
        ("tissue", Arc::new(Float32Array::from_iter_values(all.iter().map(|p| p.tissue)))),
    ];
    write_table(path, columns)
}

fn write_table(path: &Path, columns: Vec<(&str, ArrayRef)>) -> Result<()> {
    let failed = |e: &dyn std::fmt::Display| Error::Io(format!("{}: could not write: {e}", path.display()));
    let batch = RecordBatch::try_from_iter(columns).map_err(|e| failed(&e))?;
    let file = File::create(path).map_err(|e| Error::io(path, "create", e))?;
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties(vec![]))).map_err(|e| failed(&e))?;
    writer.write(&batch).map_err(|e| failed(&e))?;
    let file = writer.into_inner().map_err(|e| failed(&e))?;
    file.sync_all().map_err(|e| Error::io(path, "write", e))
}

fn properties(metadata: Vec<KeyValue>) -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(usize::MAX))
        .set_key_value_metadata(Some(metadata))
        .build()
}

/// The sparse table gene, row, col, count, value, one row group per gene.
struct Table<'a> {
    section: &'a SectionCounts,
    target: f64,
}

impl Table<'_> {
    /// Writes the bins that `keep` chooses. With `totals`, a first row group without a gene holds their totals.
    fn write(
        &self,
        path: &Path,
        keep: impl Fn(usize) -> bool,
        totals: Option<&Raster<u32>>,
        metadata: Vec<KeyValue>,
    ) -> Result<Vec<GeneEntry>> {
        let failed = |e: &dyn std::fmt::Display| Error::Io(format!("{}: could not write: {e}", path.display()));
        let file = File::create(path).map_err(|e| Error::io(path, "create", e))?;
        let schema = self.batch(None, &[]).map_err(|e| failed(&e))?.schema();
        let mut writer = ArrowWriter::try_new(file, schema, Some(properties(metadata))).map_err(|e| failed(&e))?;
        let mut group = |name: Option<&str>, counts: &[(u32, u32)]| {
            // Parquet has no empty row groups: a gene without counts holds one explicit zero.
            let batch = self.batch(name, if counts.is_empty() { &[(0, 0)] } else { counts })?;
            writer.write(&batch)?;
            writer.flush()
        };
        if let Some(totals) = totals {
            let kept: Vec<(u32, u32)> =
                totals.values().iter().enumerate().filter(|(i, _)| keep(*i)).map(|(i, t)| (i as u32, *t)).collect();
            group(None, &kept).map_err(|e| failed(&e))?;
        }
        let mut genes = Vec::with_capacity(self.section.genes.len());
        for gene in &self.section.genes {
            let kept: Vec<(u32, u32)> = gene.counts.iter().copied().filter(|(i, _)| keep(*i as usize)).collect();
            group(Some(&gene.name), &kept).map_err(|e| failed(&e))?;
            genes.push(GeneEntry {
                name: gene.name.clone(),
                row_group: genes.len(),
                counts: kept.iter().map(|(_, count)| u64::from(*count)).sum(),
                bins: kept.len() as u64,
                morans_i: None,
            });
        }
        let file = writer.into_inner().map_err(|e| failed(&e))?;
        file.sync_all().map_err(|e| Error::io(path, "write", e))?;
        Ok(genes)
    }

    /// Fills in Moran's I of the measured in-tissue bins.
    fn autocorrelate(&self, genes: &mut [GeneEntry], lattice: Lattice, tissue: &Raster<bool>) {
        let (cols, s) = (self.section.grid.cols, lattice.scale.get());
        let measured = lattice.subsample(tissue);
        let neighbours = Neighbours::new(&measured);
        for (entry, gene) in genes.iter_mut().zip(&self.section.genes) {
            let on_lattice = gene.counts.iter().map(|&(i, count)| (i as usize / cols, i as usize % cols, i, count));
            let values = on_lattice.filter(|(row, col, ..)| lattice.measures(*row, *col));
            let values =
                values.map(|(row, col, i, n)| (row / s * measured.cols() + col / s, f64::from(self.value(&(i, n)))));
            entry.morans_i = neighbours.morans_i(&values.collect::<Vec<_>>());
        }
    }

    /// Writes `components.parquet` of the bins that `keep` chooses: row, col, pc1, pc2, …. Returns their shares of the variance.
    fn write_components(&self, path: &Path, keep: impl Fn(usize) -> bool) -> Result<Vec<f64>> {
        let cols = self.section.grid.cols;
        let bins: Vec<usize> = (0..self.section.totals.values().len()).filter(|&index| keep(index)).collect();
        // Only bins that are kept may choose the genes: the withheld ones are not to be known here.
        let widespread = |gene: &&GeneCounts| gene.counts.iter().filter(|entry| keep(entry.0 as usize)).count();
        let mut genes: Vec<&GeneCounts> = self.section.genes.iter().collect();
        genes.sort_by_cached_key(|gene| std::cmp::Reverse(widespread(gene)));
        genes.truncate(COMPONENT_GENES);
        let entries = |gene: usize| {
            let place = |index: u32| bins.binary_search(&(index as usize)).ok();
            genes[gene].counts.iter().filter_map(move |entry| Some((place(entry.0)?, self.value(entry))))
        };
        let found = principal_components(bins.len(), genes.len(), COMPONENTS, entries);
        let names: Vec<String> = (1..=found.scores.len()).map(|number| format!("pc{number}")).collect();
        let place = |of: fn(usize, usize) -> usize| -> ArrayRef {
            Arc::new(UInt32Array::from_iter_values(bins.iter().map(|&index| of(index, cols) as u32)))
        };
        let mut columns = vec![("row", place(|index, cols| index / cols)), ("col", place(|index, cols| index % cols))];
        for (name, scores) in names.iter().zip(found.scores) {
            columns.push((name, Arc::new(Float32Array::from(scores))));
        }
        write_table(path, columns)?;
        Ok(found.shares)
    }

    /// The log-normalised value of a (bin index, count).
    fn value(&self, &(index, count): &(u32, u32)) -> f32 {
        let total = self.section.totals.values()[index as usize];
        log_normalise(u64::from(count), u64::from(total), self.target) as f32
    }

    fn batch(&self, gene: Option<&str>, counts: &[(u32, u32)]) -> parquet::errors::Result<RecordBatch> {
        let cols = self.section.grid.cols as u32;
        let names: StringArray = counts.iter().map(|_| gene).collect();
        let schema = arrow::datatypes::Schema::new(vec![
            arrow::datatypes::Field::new("gene", arrow::datatypes::DataType::Utf8, true),
            arrow::datatypes::Field::new("row", arrow::datatypes::DataType::UInt32, false),
            arrow::datatypes::Field::new("col", arrow::datatypes::DataType::UInt32, false),
            arrow::datatypes::Field::new("count", arrow::datatypes::DataType::UInt32, false),
            arrow::datatypes::Field::new("value", arrow::datatypes::DataType::Float32, true),
        ]);
        let values: Float32Array = counts.iter().map(|entry| gene.map(|_| self.value(entry))).collect();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(names),
            Arc::new(UInt32Array::from_iter_values(counts.iter().map(|(i, _)| i / cols))),
            Arc::new(UInt32Array::from_iter_values(counts.iter().map(|(i, _)| i % cols))),
            Arc::new(UInt32Array::from_iter_values(counts.iter().map(|(_, n)| *n))),
            Arc::new(values),
        ];
        Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
    }
}
